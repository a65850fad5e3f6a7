"""History is a step function that never says more than was polled."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import accumulate, count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, func, select

from monitor.market.hostnode import Location
from monitor.market.snapshot import Outcome, Snapshot
from monitor.marketplaces.replay import RecordedHostnodes, open_replay
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.store import history, marketplaces, polls
from monitor.store.engine import Database
from monitor.store.observations import Continuity, Observations
from monitor.store.schema import hostnode_intervals, offer_intervals
from tests.contract.samples import (
    MINUTE,
    NOON,
    a_failure,
    a_hostnode,
    a_snapshot,
    an_offer,
    at,
    fail,
    looks,
    record,
    selling,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "replay"


def as_read(snapshot: Snapshot, when: datetime | None = None) -> Snapshot:
    """Return a snapshot as history gives it back: in no order, without ports and issues."""
    nodes = {each.id: replace(each, ports=None) for each in snapshot.hostnodes}
    return replace(
        snapshot,
        at=when or snapshot.at,
        hostnodes=tuple(nodes[name] for name in sorted(nodes)),
        offers=tuple(
            sorted(
                (replace(each, hostnode=nodes[each.hostnode.id]) for each in snapshot.offers),
                key=lambda offer: (offer.hostnode.id, offer.gpu),
            )
        ),
        issues=(),
        issues_left_out={},
    )


def read(database: Database, when: datetime, marketplace: str = "tensordock") -> Snapshot | None:
    with database.read() as connection:
        found = history.at_instant(connection, marketplace, when)
    return None if found is None else as_read(found)


def rows(database: Database, table: Table) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def record_and_crash(database: Database, snapshot: Snapshot, known: Observations) -> None:
    """Record a poll in a transaction that does not reach its commit."""
    with database.transaction() as connection:
        marketplace = marketplaces.lock(connection, snapshot.marketplace)
        known.record(connection, marketplace, snapshot, interval=MINUTE)
        raise RuntimeError("crash")


def test_a_poll_is_read_back_as_it_was_seen(database: Database) -> None:
    seen = selling(NOON, 2, None)
    record(database, seen)
    assert read(database, NOON) == as_read(seen)


def test_latest_is_the_last_good_poll(database: Database) -> None:
    record(database, selling(NOON, 2))
    record(database, selling(at(1), 3))
    fail(database, at(2))
    with database.read() as connection:
        found = history.latest(connection, "tensordock")
    assert found is not None
    assert as_read(found) == as_read(selling(at(1), 3))


def test_nothing_is_known_of_a_marketplace_never_polled(database: Database) -> None:
    with database.read() as connection:
        assert history.latest(connection, "tensordock") is None
        assert history.at_instant(connection, "tensordock", NOON) is None


def test_a_poll_that_changes_nothing_writes_no_interval(database: Database) -> None:
    known = Observations()
    for minute in range(5):
        record(database, selling(at(minute), 2, 3), known)
    assert rows(database, offer_intervals) == 2
    assert rows(database, hostnode_intervals) == 1


def test_only_what_changed_is_written(database: Database) -> None:
    known = Observations()
    record(database, selling(NOON, 2, 3), known)
    recorded = record(database, selling(at(1), 2, 4), known)
    assert (recorded.begun, recorded.changed, recorded.ended) == (0, 1, 0)
    assert rows(database, offer_intervals) == 3
    assert rows(database, hostnode_intervals) == 1


def test_ports_make_no_history(database: Database) -> None:
    record(database, a_snapshot(NOON, [a_hostnode(ports=(1, 2))]))
    record(database, a_snapshot(at(1), [a_hostnode(ports=(3,))]))
    assert rows(database, hostnode_intervals) == 1


def test_between_two_polls_the_earlier_one_holds(database: Database) -> None:
    record(database, selling(NOON, 2))
    record(database, selling(at(1), 3))
    assert read(database, at(0.99)) == as_read(selling(NOON, 2), at(0.99))
    assert read(database, at(1)) == as_read(selling(at(1), 3))


def test_before_the_first_and_after_the_last_poll_nothing_is_known(database: Database) -> None:
    record(database, selling(NOON, 2))
    record(database, selling(at(1), 2))
    assert read(database, NOON - timedelta(microseconds=1)) is None
    assert read(database, at(1) + timedelta(microseconds=1)) is None


def test_an_offer_ends_at_the_poll_that_misses_it(database: Database) -> None:
    record(database, selling(NOON, 2))
    recorded = record(database, a_snapshot(at(1), [a_hostnode()]))
    assert recorded.ended == 1
    assert read(database, at(0.5)) == as_read(selling(NOON, 2), at(0.5))
    assert read(database, at(1)) == as_read(a_snapshot(at(1), [a_hostnode()]))


def test_an_offer_that_comes_back_keeps_its_key(database: Database) -> None:
    known = Observations()
    for minute, prices in enumerate([(2,), (), (2,)]):
        record(database, selling(at(minute), *prices), known)
    with database.read() as connection:
        found = connection.execute(select(offer_intervals.c.offer_id)).scalars().all()
    assert len(found) == 2
    assert len(set(found)) == 1


def test_a_location_that_changes_is_told_as_it_was(database: Database) -> None:
    before = a_snapshot(NOON, [a_hostnode(location=Location(city="Warszawa", tier=1))])
    after = a_snapshot(at(1), [a_hostnode(location=Location(city="Warszawa", tier=3))])
    known = Observations()
    for seen in (before, after):
        record(database, seen, known)
    assert read(database, NOON) == as_read(before)
    assert read(database, at(1)) == as_read(after)


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.OK])
def test_a_poll_without_evidence_ends_nothing(database: Database, outcome: Outcome) -> None:
    known = Observations()
    record(database, selling(NOON, 2), known)
    with database.transaction() as connection:
        marketplace = marketplaces.lock(connection, "tensordock")
        polls.record(connection, marketplace, a_failure(at(1), outcome))
    recorded = record(database, selling(at(2), 2), known)
    assert recorded.continuity is Continuity.CONTINUED
    assert rows(database, offer_intervals) == 1
    assert read(database, at(1)) == as_read(selling(at(1), 2))


def test_three_intervals_without_a_good_poll_are_bridged(database: Database) -> None:
    known = Observations()
    record(database, selling(NOON, 2), known)
    assert record(database, selling(at(3), 2), known).continuity is Continuity.CONTINUED
    assert rows(database, offer_intervals) == 1
    assert read(database, at(2)) == as_read(selling(at(2), 2))


def test_nothing_is_invented_across_a_longer_outage(database: Database) -> None:
    known = Observations()
    record(database, selling(NOON, 2), known)
    after = at(3) + timedelta(microseconds=1)
    recorded = record(database, selling(after, 2), known)
    assert recorded.continuity is Continuity.GAP
    assert recorded.begun == 1
    assert read(database, NOON) == as_read(selling(NOON, 2))
    assert read(database, NOON + timedelta(microseconds=1)) is None
    assert read(database, after - timedelta(microseconds=1)) is None
    assert read(database, after) == as_read(selling(after, 2))


def test_a_restart_goes_on_where_the_last_process_left_off(database: Database) -> None:
    for minute in range(3):
        record(database, selling(at(minute), 2))
    assert rows(database, offer_intervals) == 1


def test_a_poll_in_the_time_covered_already_changes_nothing(database: Database) -> None:
    known = Observations()
    record(database, selling(NOON, 2), known)
    for when in (NOON, NOON - timedelta(hours=1)):
        assert record(database, selling(when, 9), known).continuity is Continuity.LATE
    assert read(database, NOON) == as_read(selling(NOON, 2))
    assert record(database, selling(at(1), 2), known).continuity is Continuity.CONTINUED
    with database.read() as connection:
        assert polls.counts(connection, "tensordock", NOON - timedelta(hours=1)) == {Outcome.OK: 4}


def test_a_rollback_leaves_no_trace_in_memory(database: Database) -> None:
    known = Observations()
    record(database, selling(NOON, 2), known)
    with pytest.raises(RuntimeError, match="crash"):
        record_and_crash(database, selling(at(1), 3), known)
    record(database, selling(at(2), 3), known)
    assert read(database, at(1)) == as_read(selling(at(1), 2))
    assert read(database, at(2)) == as_read(selling(at(2), 3))
    assert rows(database, offer_intervals) == 2


def test_what_another_process_recorded_is_noticed(database: Database) -> None:
    ours, theirs = Observations(), Observations()
    record(database, selling(NOON, 2), ours)
    record(database, selling(at(1), 3), theirs)
    record(database, selling(at(2), 2), ours)
    assert [read(database, at(minute)) for minute in range(3)] == [
        as_read(selling(at(minute), price)) for minute, price in enumerate([2, 3, 2])
    ]


def test_a_rollback_followed_by_another_process_is_noticed(database: Database) -> None:
    ours, theirs = Observations(), Observations()
    record(database, selling(NOON, 2), ours)
    with pytest.raises(RuntimeError, match="crash"):
        record_and_crash(database, selling(at(1), 3), ours)
    record(database, selling(at(1), 4), theirs)
    record(database, selling(at(2), 3), ours)
    assert read(database, at(1)) == as_read(selling(at(1), 4))
    assert read(database, at(2)) == as_read(selling(at(2), 3))


def test_marketplaces_do_not_mix(database: Database) -> None:
    known = Observations()
    ours = selling(NOON, 2)
    theirs = replace(selling(NOON, 7, 8), marketplace="другой")
    for seen in (ours, theirs):
        record(database, seen, known)
    assert read(database, NOON) == as_read(ours)
    assert read(database, NOON, "другой") == as_read(theirs)


@pytest.mark.parametrize(
    ("file", "interval"),
    [
        ("tensordock-2026-03.jsonl.gz", timedelta(hours=24)),
        pytest.param("h100-pcie-2025-10.jsonl.gz", timedelta(minutes=30), marks=pytest.mark.slow),
        pytest.param("a100-sxm4-2025-10.jsonl.gz", timedelta(minutes=30), marks=pytest.mark.slow),
    ],
)
def test_recorded_markets_are_read_back(database: Database, file: str, interval: timedelta) -> None:
    known = Observations()
    with open_replay(FIXTURES / file) as lines:
        seen = [
            decode_hostnodes(line.body, marketplace="tensordock", at=line.at)
            for line in lines
            if isinstance(line, RecordedHostnodes)
        ]
    for snapshot in seen:
        record(database, snapshot, known, interval)
    assert len(seen) in {4, 957}
    for snapshot in seen[:: len(seen) // 4]:
        assert read(database, snapshot.at) == as_read(snapshot)


_names = (f"marketplace {number}" for number in count())


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has its own name
)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(-2, 5),
            st.booleans(),
            st.none() | looks(),
        ),
        max_size=8,
    )
)
def test_reading_gives_what_was_polled_or_nothing(
    database: Database,
    steps: list[tuple[int, bool, tuple[tuple, tuple] | None]],  # type: ignore[type-arg]  # drawn
) -> None:
    """For any polls and failures, at any instant: the last good poll's view, or "not known"."""
    name = next(_names)
    known = Observations()
    good: list[Snapshot] = []
    now = 0
    for minutes, restarts, look in steps:
        now += minutes
        if restarts:
            known = Observations()
        if look is None:
            fail(database, at(now), name)
            continue
        seen = replace(a_snapshot(at(now), *look), marketplace=name)
        record(database, seen, known)
        if not good or seen.at > good[-1].at:
            good.append(seen)
    instants = accumulate((minutes for minutes, _, _ in steps), initial=0)
    for when in {at(minutes + aside) for minutes in instants for aside in (-0.5, 0, 0.5)}:
        assert read(database, when, name) == expected(good, when)


def expected(good: list[Snapshot], when: datetime) -> Snapshot | None:
    """Say by the plainest means what is known at `when`, from the good polls in their order."""
    before = [each for each in good if each.at <= when]
    after = [each for each in good if each.at >= when]
    if not before or not after or after[0].at - before[-1].at > 3 * MINUTE:
        return None
    return as_read(before[-1], when)


def test_twins_in_one_snapshot_share_their_names(database: Database) -> None:
    """Two hostnodes at one location with one GPU model: names are stored once."""
    nodes = [a_hostnode("hn-1"), a_hostnode("hn-2")]
    seen = a_snapshot(NOON, nodes, [an_offer(node, "h100-sxm5-80gb") for node in nodes])
    record(database, seen)
    with database.read() as connection:
        marketplace = marketplaces.find(connection, "tensordock")
        assert marketplace is not None
        assert len(history.location_ids(connection, marketplace)) == 1
    assert read(database, NOON) == as_read(seen)
