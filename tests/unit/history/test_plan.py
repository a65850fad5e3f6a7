"""Each instant of a window is told of once, by the best there is."""

from datetime import UTC, datetime, timedelta
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from monitor.history.plan import RAW_FOR, Part, plan, spans
from monitor.history.summary import Source
from monitor.history.window import DAY, HOUR, Window, floor, steps

MONDAY = datetime(2026, 3, 16, tzinfo=UTC)
_minutes = st.integers(0, 6 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


@given(
    since=_minutes,
    length=st.integers(1, 6 * 24 * 60),
    step=st.none() | st.integers(1, 50).map(lambda hours: hours * HOUR),
    rolled=_minutes,
    raw=st.integers(0, 6).map(lambda days: MONDAY + days * DAY),
)
def test_no_instant_is_told_twice_and_none_left_out_that_can_be_told(
    since: datetime, length: int, step: timedelta | None, rolled: datetime, raw: datetime
) -> None:
    rolled = max(floor(rolled, HOUR), raw)
    window = Window(since, since + timedelta(minutes=length))
    windows = list(steps(window, step))
    found = plan(windows, Window(MONDAY, MONDAY + 30 * DAY), rolled, raw)
    for each, parts in zip(windows, found, strict=True):
        assert all(part.window.clip(each) == part.window for part in parts)
        assert all(_whole(part, rolled, raw) for part in parts)
        told = sum((part.window.length for part in parts), timedelta(0))
        assert sum(1 for _ in spans(part.window for part in parts)) <= 2
        lost = each.length - told
        assert lost == timedelta(0) or (each.since < raw and lost < 2 * HOUR)


def _whole(part: Part, rolled: datetime, raw: datetime) -> bool:
    since, until = part.window
    match part.source:
        case Source.RAW:
            return since >= raw
        case Source.HOURLY:
            return until - since == HOUR and since == floor(since, HOUR) and until <= rolled
        case Source.DAILY:
            return until - since == DAY and since == floor(since, DAY) and until <= rolled


def test_time_before_and_after_all_that_is_known_has_no_parts() -> None:
    known = Window(MONDAY + HOUR, MONDAY + 2 * HOUR)
    ever = Window(MONDAY - 9999 * DAY, MONDAY + 9999 * DAY)
    assert plan([ever], known, ever.until, ever.since) == [
        [Part(Source.DAILY, Window(MONDAY, MONDAY + DAY))]
    ]
    assert plan([Window(MONDAY + 2 * DAY, ever.until)], known, ever.until, ever.since) == [[]]


def test_intervals_of_a_long_time_are_read_in_parts() -> None:
    long = Window(MONDAY, MONDAY + 3 * RAW_FOR + HOUR)
    (parts,) = plan([long], long, MONDAY, MONDAY)
    assert [part.window.length for part in parts] == [RAW_FOR, RAW_FOR, RAW_FOR, HOUR]
    days = list(steps(long, DAY))
    runs = list(spans(days))
    assert list(chain.from_iterable(runs)) == days
    assert [len(run) for run in runs] == [32, 32, 32, 1]
