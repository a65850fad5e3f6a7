"""A recording in whatever order, as polls that follow on each other, or do not."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from monitor.marketplaces import timeline as timelines
from monitor.marketplaces.replay import BadLine, read_replay, replay_line
from monitor.marketplaces.timeline import Placed, Timeline

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def plain(minutes: float, hostnodes: bytes = b"[]") -> bytes:
    at = (NOON + minutes * MINUTE).isoformat().encode()
    return b'{"at":"%b","hostnodes":%b}\n' % (at, hostnodes)


def error(minutes: float) -> bytes:
    return b'{"at":"%b","error":"unreachable"}\n' % (NOON + minutes * MINUTE).isoformat().encode()


def joined(minutes: float, since: float) -> bytes:
    return replay_line(NOON + minutes * MINUTE, b"[]", unbroken_since=NOON + since * MINUTE)


class Read:
    """A timeline read to its end."""

    def __init__(
        self,
        lines: Iterable[bytes],
        interval: timedelta | None = None,
        now: datetime = NOON + timedelta(days=400),
    ) -> None:
        self.bad: list[BadLine] = []
        self.timeline = Timeline(
            read_replay(lines),
            bridged=3,
            interval=interval,
            otherwise=10 * MINUTE,
            now=now,
            bad=self.bad.append,
        )
        self.batches = list(self.timeline.batches())
        self.placed: list[Placed] = [each for batch in self.batches for each in batch]

    @property
    def minutes(self) -> list[float]:
        return [(each.poll.at - NOON) / MINUTE for each in self.placed]

    @property
    def reaches(self) -> list[tuple[float, float]]:
        return [(each.back / MINUTE, each.ahead / MINUTE) for each in self.placed]


def test_polls_come_in_the_order_of_time() -> None:
    minutes = list(range(300))
    Random(1).shuffle(minutes)  # noqa: S311  repeatable, not secret
    assert Read(map(plain, minutes)).minutes == sorted(minutes)


def test_of_an_instant_told_twice_the_first_line_counts() -> None:
    read = Read([plain(1, b"[1]"), plain(0), plain(1, b"[2]")])
    assert [each.poll.hostnodes for each in read.placed] == [b"[]", b"[1]"]


def test_polls_reach_as_far_as_three_of_the_files_intervals() -> None:
    read = Read(map(plain, (0, 5, 10, 15, 300)))
    assert read.timeline.interval == 5 * MINUTE
    assert set(read.reaches) == {(15, 15)}


def test_polls_in_pairs_are_seen_to_be_often_further_apart_than_the_median() -> None:
    read = Read(plain(10 * pair + half) for pair in range(6) for half in (0, 1))
    assert (read.timeline.median, read.timeline.often) == (MINUTE, 9 * MINUTE)


def test_failed_polls_tell_the_interval_too() -> None:
    read = Read([plain(0), error(5), error(10), plain(15), plain(30)])
    assert read.timeline.interval == 5 * MINUTE
    assert read.timeline.outages == 2


def test_a_single_poll_has_the_usual_interval() -> None:
    assert Read([plain(0)]).reaches == [(30, 30)]


def test_the_interval_that_is_asked_for_counts() -> None:
    assert set(Read(map(plain, (0, 5)), interval=MINUTE).reaches) == {(3, 3)}


def test_lines_that_tell_how_far_they_reach_need_no_interval() -> None:
    read = Read([joined(0, 0), joined(7, 0), joined(60, 60)])
    assert read.reaches == [(0, 7), (7, 0), (0, 0)]
    assert not read.timeline.assumed


def test_where_a_line_was_lost_nothing_reaches_across() -> None:
    read = Read([joined(0, 0), joined(7, 3)])
    assert read.reaches == [(0, 0), (4, 0)]


def test_what_cannot_be_is_told_by_its_line() -> None:
    read = Read([plain(0), b"{\n", plain(10), plain(-20_000_000)], now=NOON + MINUTE)
    assert [(bad.line, bad.reason.split()[-2:]) for bad in read.bad[1:]] == [
        (3, ["the", "future"]),
        (4, ["year", "2000"]),
    ]
    assert read.bad[0].line == 2
    assert read.minutes == [0]


def test_memory_is_bounded_by_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll comes out before the whole recording is read, and the window is one of bytes too."""
    monkeypatch.setattr(timelines, "_WINDOW_BYTES", 1000)
    monkeypatch.setattr(timelines, "_BATCH_BYTES", 500)
    taken = 0

    def lines() -> Iterator[bytes]:
        nonlocal taken
        for minute in range(1000):
            taken += 1
            yield plain(minute, b"[" + b" " * 100 + b"]")

    timeline = Timeline(
        read_replay(lines()),
        bridged=3,
        interval=None,
        otherwise=MINUTE,
        now=datetime.now(UTC),
        bad=lambda _: None,
    )
    first = next(timeline.batches())
    assert len(first) <= 6
    assert taken < 30
