"""What each part of an answer is made from: intervals, hours or days."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from monitor.history.summary import Source
from monitor.history.window import DAY, HOUR, Window, ceiling, floor, steps

RAW_FOR = 32 * DAY
"""Intervals of so much time are read at once; windows up to this long are answered from them."""


class Part(NamedTuple):
    """A stretch of time, and what tells of it; of roll-ups it is one whole hour or day."""

    source: Source
    window: Window


def plan(
    windows: Sequence[Window], known: Window, rolled: datetime, raw: datetime
) -> list[list[Part]]:
    """Return the parts of each of `windows`, which follow on each other, that reach into `known`.

    Roll-ups tell of whole days and hours until `rolled`, if the windows are made of whole hours;
    intervals, which there are from `raw` on, of the rest. Before that,
    nothing is told of hours that reach out of a window.
    """
    if any(window.until != floor(window.until, HOUR) for window in windows[:-1]):
        rolled = raw
    days = Window(floor(known.since, DAY), ceiling(known.until, DAY))
    return [list(_parts(window.clip(days), rolled, raw)) for window in windows]


def spans(windows: Iterable[Window]) -> Iterator[list[Window]]:
    """Yield the runs of windows, in the order of time, that follow on each other without a hole.

    None is longer than `RAW_FOR`, unless one window alone is.
    """
    run: list[Window] = []
    for window in windows:
        if run and (run[-1].until != window.since or window.until - run[0].since > RAW_FOR):
            yield run
            run = []
        run.append(window)
    if run:
        yield run


def in_parts(window: Window) -> Iterator[Window]:
    """Yield the parts of a window of which intervals are read at once."""
    since = window.since
    while since < window.until:
        until = min(since + RAW_FOR, window.until)
        yield Window(since, until)
        since = until


def _parts(window: Window, rolled: datetime, raw: datetime) -> Iterator[Part]:
    if not window.length:
        return
    if (
        window.until <= rolled
        and window.length == HOUR
        and window.since == floor(window.since, HOUR)
    ):
        yield Part(Source.HOURLY, window)  # as below, without ado: a year has thousands
        return
    old = Window(window.since, min(window.until, rolled))
    days = Window(ceiling(old.since, DAY), floor(old.until, DAY))
    if days.length:
        yield from _hours(Window(old.since, days.since), raw)
        yield from (Part(Source.DAILY, each) for each in steps(days, DAY))
        yield from _hours(Window(days.until, old.until), raw)
    else:
        yield from _hours(old, raw)
    yield from _rest(Window(max(window.since, rolled), window.until), raw)


def _hours(window: Window, raw: datetime) -> Iterator[Part]:
    hours = Window(ceiling(window.since, HOUR), floor(window.until, HOUR))
    if hours.since > hours.until:
        yield from _rest(window, raw)
        return
    yield from _rest(Window(window.since, hours.since), raw)
    yield from (Part(Source.HOURLY, each) for each in steps(hours, HOUR))
    yield from _rest(Window(hours.until, window.until), raw)


def _rest(window: Window, raw: datetime) -> Iterator[Part]:
    kept = Window(max(window.since, raw), window.until)
    yield from (Part(Source.RAW, each) for each in in_parts(kept))
