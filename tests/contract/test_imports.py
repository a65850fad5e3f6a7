"""Recorded looks go where nothing is known, and history then reads as if they had been polled."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from monitor.errors import StoreError
from monitor.history.splice import Look
from monitor.market.diff import hostnode_facts, offer_facts
from monitor.market.hostnode import Location
from monitor.market.snapshot import Snapshot
from monitor.store import marketplaces
from monitor.store.engine import Database
from monitor.store.imports import Importer
from monitor.store.observations import Continuity, Observations
from monitor.store.schema import (
    coverage,
    gpus,
    hostnode_intervals,
    hostnodes,
    locations,
    offer_intervals,
    offers,
)
from tests.contract.samples import MINUTE, NOON, a_hostnode, a_snapshot, at, looks, record, selling
from tests.contract.test_observations import as_read, expected, read

REACH = 3 * MINUTE
Seen = tuple[tuple[Any, ...], tuple[Any, ...]]

_names = (f"imported {number}" for number in count())
_minutes = st.integers(0, 40)
_files = st.lists(st.tuples(_minutes, looks()), max_size=6)
on_one_database = settings(
    max_examples=25,
    deadline=None,
    # each example has its own name
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


def look(snapshot: Snapshot, *, reach: timedelta = REACH) -> Look:
    return Look(
        at=snapshot.at,
        back=reach,
        ahead=reach,
        hostnodes=dict(hostnode_facts(snapshot.hostnodes)),
        offers=dict(offer_facts(snapshot.offers)),
    )


def put(database: Database, *snapshots: Snapshot, reach: timedelta = REACH) -> int:
    """Import snapshots in one batch, as a program just started."""
    return Importer(database, "tensordock").put([look(each, reach=reach) for each in snapshots])


def stored(database: Database, name: str = "tensordock") -> tuple[list[Any], list[Any], list[Any]]:
    """Return all rows of a marketplace's history, by names."""
    with database.read() as connection:
        found = marketplaces.find(connection, name)
        if found is None:
            return [], [], []
        mine = hostnodes.c.marketplace_id == found.id
        node = select(hostnodes.c.hostnode, hostnode_intervals).join(hostnode_intervals)
        sold = (
            select(hostnodes.c.hostnode, gpus.c.name, offer_intervals)
            .join(offers, offers.c.hostnode_id == hostnodes.c.id)
            .join(gpus)
            .join(offer_intervals)
        )
        span = select(coverage.c.valid_from, coverage.c.valid_to).where(
            coverage.c.marketplace_id == found.id
        )
        hidden = {"hostnode_id", "offer_id", "location_id"}
        nodes, offered, spans = (
            sorted(
                (
                    tuple(value for key, value in row.items() if key not in hidden)
                    for row in connection.execute(query).mappings()
                ),
                key=repr,
            )
            for query in (node.where(mine), sold.where(mine), span)
        )
    return nodes, offered, spans


def test_what_is_imported_reads_as_if_it_had_been_polled(database: Database) -> None:
    seen = [selling(at(minute), price) for minute, price in enumerate([2, 2, 3])]
    assert put(database, *seen) == 3
    theirs = stored(database)
    known = Observations()
    for each in seen:
        record(database, replace(each, marketplace="polled"), known)
    assert theirs == stored(database, "polled")


def test_to_import_again_changes_nothing(database: Database) -> None:
    seen = [selling(at(minute), minute) for minute in range(1, 4)]
    put(database, *seen)
    before = stored(database)
    assert put(database, *seen) == 0
    assert stored(database) == before


def test_what_was_polled_wins(database: Database) -> None:
    record(database, selling(NOON, 2))
    record(database, selling(at(2), 2))
    assert put(database, selling(NOON, 9), selling(at(1), 9)) == 0
    assert read(database, at(1)) == as_read(selling(at(1), 2))


def test_polling_goes_on_after_what_was_imported(database: Database) -> None:
    put(database, selling(NOON, 2))
    assert record(database, selling(at(1), 2)).continuity is Continuity.CONTINUED
    assert len(stored(database)[1]) == 1


def test_older_looks_are_left_apart_by_a_gap(database: Database) -> None:
    record(database, selling(at(10), 2))
    put(database, selling(NOON, 2), selling(at(1), 3))
    assert read(database, at(1)) == as_read(selling(at(1), 3))
    assert read(database, at(2)) is None
    assert read(database, at(10)) == as_read(selling(at(10), 2))


def test_newer_looks_end_what_was_open(database: Database) -> None:
    known = Observations()
    record(database, selling(NOON, 2, 3), known)
    put(database, selling(at(10), 2))
    assert read(database, at(5)) is None
    assert record(database, selling(at(11), 2), known).continuity is Continuity.CONTINUED
    assert read(database, NOON) == as_read(selling(NOON, 2, 3))


def test_looks_between_two_stretches_make_them_one(database: Database) -> None:
    known = Observations()
    record(database, selling(NOON, 2, 5), known)
    record(database, selling(at(6), 2, 7), known)
    assert put(database, selling(at(3), 2, 6)) == 1
    nodes, sold, spans = stored(database)
    assert spans == [(NOON, at(6))]
    assert len(nodes) == 1
    assert len(sold) == 4  # one price that never moved, and one that moved twice
    assert record(database, selling(at(7), 2, 7), known).continuity is Continuity.CONTINUED


def test_a_daemon_at_work_is_not_disturbed_by_what_is_older(database: Database) -> None:
    """Its token stays: a poll that is on its way is not taken to be overtaken."""
    record(database, selling(at(60), 2))
    before = token(database)
    put(database, selling(NOON, 2), selling(at(1), 3))
    assert token(database) == before


def test_a_daemon_at_work_learns_that_its_rows_were_moved(database: Database) -> None:
    known = Observations()
    record(database, selling(at(3), 2), known)
    before = token(database)
    put(database, selling(at(1), 2))
    assert token(database) != before
    record(database, selling(at(4), 3), known)
    assert read(database, at(2)) == as_read(selling(at(2), 2))
    assert read(database, at(4)) == as_read(selling(at(4), 3))


def test_a_location_that_two_processes_meet_is_stored_once(database: Database) -> None:
    """The one that polls has read the locations before the import tells of another one."""
    importer, known = Importer(database, "tensordock"), Observations()
    record(database, a_snapshot(at(60), [a_hostnode(location=Location(city="Riga"))]), known)
    importer.put([look(selling(NOON, 2))])
    record(database, selling(at(61), 2), known)
    assert read(database, NOON) == as_read(selling(NOON, 2))
    assert read(database, at(61)) == as_read(selling(at(61), 2))
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(locations)) == 2


def test_what_two_files_bridge_is_known_before_a_third_one_comes(database: Database) -> None:
    put(database, selling(NOON, 2))
    put(database, selling(at(3), 2))
    assert put(database, selling(at(1), 9)) == 0
    assert read(database, at(1)) == as_read(selling(at(1), 2))


def test_nothing_is_written_over_rows_that_somebody_changed(database: Database) -> None:
    importer = Importer(database, "tensordock")
    importer.put([look(selling(NOON, 2))])
    with database.transaction() as connection:
        connection.execute(offer_intervals.update().values(valid_to=at(1)))
    with pytest.raises(StoreError, match="run the import again"):
        importer.put([look(selling(at(1), 3))])
    assert len(stored(database)[1]) == 1


@on_one_database
@given(steps=st.lists(st.tuples(st.integers(0, 6), st.booleans(), looks()) | _files, max_size=6))
def test_history_is_that_of_all_polls_of_which_each_found_its_time_unknown(
    database: Database, steps: list[Any]
) -> None:
    """For any polls and files, in any order: a look counts if its instant was not known before."""
    name = next(_names)
    known = Observations()
    importer = Importer(database, name)
    good: list[Snapshot] = []
    now = 20
    for step in steps:
        if isinstance(step, tuple):
            later, restarts, seen = step
            now += later
            importer = Importer(database, name) if restarts else importer
            poll = replace(a_snapshot(at(now), *seen), marketplace=name)
            record(database, poll, known)
            if not good or poll.at > good[-1].at:
                good.append(poll)
        else:
            file = [
                replace(a_snapshot(at(minute), *seen), marketplace=name) for minute, seen in step
            ]
            importer.put([look(each) for each in file])
            good = with_unknown(good, file)
    for when in instants(good):
        assert read(database, when, name) == expected(good, when)


def with_unknown(good: list[Snapshot], file: list[Snapshot]) -> list[Snapshot]:
    """Add, by the plainest means, those of a file whose instants are not known."""
    found = {each.at: each for each in reversed(file) if expected(good, each.at) is None}
    return sorted((*good, *found.values()), key=lambda each: each.at)


def instants(good: Iterable[Snapshot]) -> set[datetime]:
    return {each.at + aside * MINUTE for each in good for aside in (-0.5, 0, 0.5)}


@on_one_database
@given(
    seen=st.lists(st.tuples(st.integers(1, 5), looks()), min_size=1, max_size=8),
    data=st.data(),
)
def test_files_in_any_order_and_again_leave_the_same_rows(
    database: Database, seen: list[tuple[int, Seen]], data: st.DataObject
) -> None:
    minutes = 0
    polls = []
    for later, each in seen:
        minutes += later
        polls.append(a_snapshot(at(minutes), *each))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(polls)), max_size=4)) | {0, len(polls)})
    files = [polls[begin:end] for begin, end in pairwise(cuts)]
    # What the others bridge is known before it comes: no file is as short as that.
    assume(all(b[0].at - a[-1].at > REACH for a, b in zip(files, files[2:], strict=False)))
    shuffled = data.draw(st.permutations([*files, *files[:2]]))
    whole, parts = next(_names), next(_names)
    Importer(database, whole).put([look(each) for each in polls])
    importer = Importer(database, parts)
    for file in shuffled:
        importer.put([look(each) for each in file])
    assert stored(database, parts) == stored(database, whole)


def token(database: Database) -> str | None:
    with database.read() as connection:
        found = marketplaces.find(connection, "tensordock")
    assert found is not None
    return found.history_token
