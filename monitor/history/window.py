"""Stretches of time that are asked about, and the equal steps they are cut into."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Window(NamedTuple):
    """The time from `since` to `until`, which is not part of it (aware, UTC)."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is; 0 if it ends before it begins."""
        return max(self.until - self.since, timedelta(0))

    def clip(self, to: "Window") -> Self:
        """Return the part that lies within `to`; its length is 0 if there is none."""
        return type(self)(max(self.since, to.since), min(self.until, to.until))


def floor(at: datetime, step: timedelta) -> datetime:
    """Return the last whole multiple of `step` since 1970 until `at`: hours and days are UTC's."""
    return at - (at - EPOCH) % step


def ceiling(at: datetime, step: timedelta) -> datetime:
    """Return the first whole multiple of `step` since 1970 from `at` on."""
    return floor(at + step - timedelta.resolution, step)


def steps(window: Window, step: timedelta | None) -> Iterator[Window]:
    """Yield the steps of a window, which begin at whole multiples of `step`.

    The first and the last are cut off at the window's ends. Without `step` the window is one.
    """
    if step is None:
        yield window
        return
    since = window.since
    while since < window.until:
        until = min(floor(since, step) + step, window.until)
        yield Window(since, until)
        since = until


def reaching_back(stretches: Sequence[Window], length: timedelta, *, outage: timedelta) -> datetime:
    """Return the instant from which on as much time as `length` was lived through.

    `stretches` are those that were polled, in order; of the time between two of them no more than
    `outage` counts, the last of it. It is the first one's beginning if they come to less.
    """
    since = None
    for stretch in reversed(stretches):
        if since is not None:
            between = min(since - stretch.until, outage)
            if length <= between:
                return since - length
            length -= between
        if length <= stretch.length:
            return stretch.until - length
        length -= stretch.length
        since = stretch.since
    return since or EPOCH
