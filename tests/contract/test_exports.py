"""What is exported reads back to the same history, byte for byte."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.errors import MalformedError
from monitor.history.splice import Look
from monitor.history.window import DAY, HOUR, Window
from monitor.market.diff import hostnode_facts, offer_facts
from monitor.market.hostnode import Location, LocationId
from monitor.marketplaces.recording import decoded
from monitor.marketplaces.replay import BadLine, RecordedHostnodes, read_replay, replay_line
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.marketplaces.tensordock.encode import encode_hostnodes
from monitor.marketplaces.timeline import Timeline
from monitor.store import marketplaces, progress
from monitor.store.engine import Database
from monitor.store.exports import moments
from monitor.store.imports import Importer
from monitor.store.observations import Observations
from monitor.store.sold import sold
from tests.contract.rolling import expire, roll_up
from tests.contract.samples import (
    MINUTE,
    NOON,
    a_hostnode,
    a_snapshot,
    an_offer,
    at,
    looks,
    record,
    selling,
)
from tests.contract.test_imports import put, stored
from tests.contract.test_observations import as_read, read

FOR_EVER = Window(at(-1_000_000), at(1_000_000))
_names = (f"exported {number}" for number in count())


def exported(database: Database, name: str = "tensordock", window: Window = FOR_EVER) -> bytes:
    """Return a marketplace's history as a file."""
    with database.read() as connection:
        found = marketplaces.find(connection, name)
        if found is None:
            return b""
        return b"".join(
            replay_line(
                moment.at,
                encode_hostnodes(moment.hostnodes, moment.offers),
                unbroken_since=moment.unbroken_since,
            )
            for moment in moments(connection, found, window)
        )


def imported(database: Database, lines: Iterable[bytes], name: str) -> Timeline:
    """Import a file of one batch."""

    def refuse(line: BadLine) -> None:
        raise AssertionError(line)

    timeline = Timeline(
        read_replay(lines),
        bridged=3,
        interval=None,
        otherwise=MINUTE,
        now=FOR_EVER.until,
        bad=refuse,
    )
    importer = Importer(database, name)
    for batch in timeline.batches():
        polls = [(placed, decoded(placed.poll, name).snapshot) for placed in batch]
        importer.put(
            [
                Look(
                    at=snapshot.at,
                    back=placed.back,
                    ahead=placed.ahead,
                    hostnodes=dict(hostnode_facts(snapshot.hostnodes)),
                    offers=dict(offer_facts(snapshot.offers)),
                )
                for placed, snapshot in polls
                if snapshot is not None
            ]
        )
    return timeline


def can_be_polled(look: tuple[tuple[Any, ...], tuple[Any, ...]]) -> bool:
    """Tell whether a poll that saw this would be a good one."""
    snapshot = a_snapshot(NOON, *look)
    facts = dict(hostnode_facts(snapshot.hostnodes)), dict(offer_facts(snapshot.offers))
    body = b'{"data":{"hostnodes":' + encode_hostnodes(*facts) + b"}}"
    try:
        return bool(decode_hostnodes(body, marketplace="m", at=NOON).hostnodes)
    except MalformedError:
        return False


polled = looks().filter(can_be_polled)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has its own name
)
@given(steps=st.lists(st.tuples(st.integers(1, 6), polled), min_size=1, max_size=8))
def test_export_import_export_is_the_same_to_the_byte(
    database: Database, steps: list[tuple[int, Any]]
) -> None:
    ours, theirs = next(_names), next(_names)
    known = Observations()
    now = 0
    for later, seen in steps:
        now += later
        record(database, replace(a_snapshot(at(now), *seen), marketplace=ours), known)
    file = exported(database, ours)
    imported(database, file.splitlines(keepends=True), theirs)
    assert exported(database, theirs) == file
    assert stored(database, theirs) == stored(database, ours)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # likewise
)
@given(
    steps=st.lists(st.tuples(st.integers(1, 6), polled), min_size=1, max_size=8),
    cut=st.integers(0, 40),
    later_first=st.booleans(),
)
def test_two_exports_that_meet_make_up_the_whole(
    database: Database, steps: list[tuple[int, Any]], cut: int, *, later_first: bool
) -> None:
    """Cut anywhere, also in the middle of a stretch or of a gap, and read in any order."""
    ours, theirs = next(_names), next(_names)
    now = 0
    for later, seen in steps:
        now += later
        record(database, replace(a_snapshot(at(now), *seen), marketplace=ours))
    windows = [Window(FOR_EVER.since, at(cut)), Window(at(cut), FOR_EVER.until)]
    for window in windows[::-1] if later_first else windows:
        file = exported(database, ours, window)
        imported(database, file.splitlines(keepends=True), theirs)
    assert exported(database, theirs) == exported(database, ours)


def test_a_line_for_each_change_and_for_each_end(database: Database) -> None:
    known = Observations()
    for minute, price in enumerate([2, 2, 2, 3, 3]):
        record(database, selling(at(minute), price), known)
    record(database, selling(at(60), 3), known)
    lines = read_replay(exported(database).splitlines())
    assert [
        (line.at, line.unbroken_since) for line in lines if isinstance(line, RecordedHostnodes)
    ] == [
        (NOON, NOON),
        (at(3), NOON),
        (at(4), at(3)),
        (at(60), at(60)),
    ]


def test_a_window_is_cut_out_exactly(database: Database) -> None:
    known = Observations()
    for minute in range(5):
        record(database, selling(at(minute), minute + 1), known)
    file = exported(database, window=Window(at(1.5), at(2.5)))
    imported(database, file.splitlines(), "cut")
    assert read(database, at(1.4), "cut") is None
    assert read(database, at(1.5), "cut") == replace(
        as_read(selling(at(1.5), 2)), marketplace="cut"
    )
    assert read(database, at(2.5), "cut") == replace(
        as_read(selling(at(2.5), 3)), marketplace="cut"
    )
    assert read(database, at(2.6), "cut") is None


def test_an_export_begun_while_something_is_lost_leaves_a_gap_there(database: Database) -> None:
    """A line that is missing in the middle is not bridged: what it said is not known."""
    known = Observations()
    for minute in range(4):
        record(database, selling(at(minute), minute + 1), known)
    lines = exported(database).splitlines()
    imported(database, [*lines[:1], *lines[2:]], "lossy")
    assert read(database, at(0.5), "lossy") is None
    assert read(database, at(2.5), "lossy") is not None


def test_of_time_that_was_deleted_nothing_is_exported_and_the_rest_reads_back(
    database: Database,
) -> None:
    """Over a gap and in the middle of an interval; what is deleted is told as such."""
    known, kept = Observations(), NOON + 3 * DAY / 2
    hours = [*range(40), *range(60, 80)]
    for hour in hours:
        record(database, selling(NOON + hour * HOUR, 2 + hour // 7), known, HOUR)
    roll_up(database)
    assert sum(expire(database, "tensordock", kept)) > 3
    with database.read() as connection:
        deleted = progress.deleted(connection, "tensordock", FOR_EVER)
        later = progress.deleted(connection, "tensordock", Window(kept, FOR_EVER.until))
    assert (deleted, later) == (Window(NOON, kept), None)
    file = exported(database)
    imported(database, file.splitlines(keepends=True), "again")
    assert exported(database, "again") == file
    for half in range(2 * 80):
        when = NOON + half * HOUR / 2
        seen, again = read(database, when), read(database, when, "again")
        assert again == (seen and replace(seen, marketplace="again"))
        covered = half / 2 <= 39 or half / 2 >= 60
        assert (seen is not None) == (covered and when >= kept and half / 2 <= 79)


def test_rows_tell_how_each_stretch_ended(database: Database) -> None:
    put(database, selling(NOON, 2, 5), selling(at(1), 3, 5), selling(at(60), 3))
    with database.read() as connection:
        rows = list(sold(connection, "tensordock", FOR_EVER))
    assert [(row.gpu, row.since, row.until, row.gone_on, row.price) for row in rows] == [
        ("gpu-0", NOON, at(1), False, 2_000_000_000),
        ("gpu-0", at(1), at(1), True, 3_000_000_000),
        ("gpu-0", at(60), at(60), True, 3_000_000_000),
        ("gpu-1", NOON, at(1), True, 5_000_000_000),
    ]


def test_rows_are_cut_at_the_windows_ends(database: Database) -> None:
    put(database, selling(NOON, 2), selling(at(3), 2))
    with database.read() as connection:
        (row,) = sold(connection, "tensordock", Window(at(1), at(2)))
    assert (row.since, row.until, row.gone_on) == (at(1), at(2), True)


def test_what_reaches_into_the_kept_time_has_its_row_where_only_its_hostnode_changed(
    database: Database,
) -> None:
    """The interval of the hostnode in which the offer began is deleted; the place is the later."""
    known = Observations()
    for hour in range(24 * 4):
        tier = 1 if hour < 24 else 2
        node = a_hostnode(location=Location(id=LocationId("loc-1"), tier=tier))
        seen = a_snapshot(NOON + hour * HOUR, [node], [an_offer(node, "gpu-0")])
        record(database, seen, known, HOUR)
    roll_up(database)
    expire(database, "tensordock", NOON + 3 * DAY)
    with database.read() as connection:
        (row,) = sold(connection, "tensordock", FOR_EVER)
    assert (row.since, row.tier) == (NOON + 2.5 * DAY, 2)
