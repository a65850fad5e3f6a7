"""Sessions: stretches of time in which something could be had, and what is known of their ends.

A session begins when it could be had and could not before, and is gone when it cannot any more.
Where polling began or stopped, or the window cuts it off, that end was not seen: the session is
censored there, which is neither a beginning nor a going. Both are known to the instant of a poll.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

from monitor.history.pieces import Piece, Value
from monitor.history.window import HOUR, Window

SOON = timedelta(minutes=5)
"""Who is not there within this time has missed it."""


_ONE_IN = 20


class Session(NamedTuple):
    """It could be had from `since` to `until`; whether the beginning and the going were seen."""

    since: datetime
    until: datetime
    appeared: bool
    gone: bool

    @property
    def lasted(self) -> timedelta:
        """How long it could be had: at least so long, unless both ends were seen."""
        return self.until - self.since


class Wait(NamedTuple):
    """How long something took to happen; if it was not `seen` to, at least so long."""

    length: timedelta
    seen: bool


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Slot(NamedTuple):
    """An hour of the week; Monday is 0."""

    weekday: int
    hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """Of `known` sessions, of which it can be told, so many."""

    count: int
    known: int

    @property
    def share(self) -> float | None:
        """The share, if there is any of which it can be told."""
        return self.count / self.known if self.known else None


def sessions(had: Iterable[Window], covered: Sequence[Window]) -> list[Session]:
    """Return the sessions of something that could be had in `had`, which come in any order.

    `covered` are the stretches in which that is known, in order, and `had` lies within them.
    """
    found = []
    index = 0
    for since, until in merged(had):
        while covered[index].until < until:
            index += 1
        known = covered[index]
        found.append(Session(since, until, since > known.since, until < known.until))
    return found


def lasting(found: Iterable[Session]) -> list[Wait]:
    """Return how long sessions lasted, of those whose beginning was seen."""
    return [Wait(each.lasted, each.gone) for each in found if each.appeared]


def absences(found: Sequence[Session], covered: Sequence[Window]) -> list[Wait]:
    """Return how long it took until it came back, of the sessions that were seen to go."""
    following: dict[Session, Session] = dict(pairwise(found))
    waits = []
    for session in found:
        if session.gone:
            known = next(each for each in covered if each.until >= session.until)
            after = following.get(session)
            came_back = after is not None and after.since < known.until
            until = after.since if after is not None and came_back else known.until
            waits.append(Wait(until - session.until, came_back))
    return waits


def within(waits: Iterable[Wait], limit: timedelta = SOON) -> Odds:
    """Return how many happened within `limit`, of those of which that is known."""
    known = [each for each in waits if each.seen or each.length > limit]
    soon = sum(1 for each in known if each.length <= limit)
    return Odds(count=soon, known=len(known))


def looked_closely(had: Iterable[Window], limit: timedelta = SOON) -> bool:
    """Return whether polls were close enough to see what lasts no longer than `limit`.

    How far apart polls were is not kept. But they were as close as the changes that they saw: of
    those one in twenty must follow on another within `limit`, for a retry comes soon as well.
    """
    changes = sorted({at for stretch in had for at in stretch})
    close = sum(after - before <= limit for before, after in pairwise(changes))
    return close > 0 and _ONE_IN * close >= len(changes) - 1


def quantile(waits: Iterable[Wait], share: float) -> timedelta | None:
    """Return the time within which a `share` of what is waited for happens.

    What was not seen to happen counts for as long as it was watched (Kaplan and Meier, 1958), so
    that long waits which were cut off do not make the answer too short. `None` if so large a share
    was not seen to happen.
    """
    waiting = 1.0
    ordered = sorted(waits, key=lambda wait: (wait.length, not wait.seen))
    for index, (length, seen) in enumerate(ordered):
        if seen:
            left = len(ordered) - index
            waiting *= 1 - 1 / left
            if waiting <= 1 - share + 1e-12:
                return length
    return None


def time_by_slot(stretches: Iterable[Window], zone: tzinfo) -> Counter[Slot]:
    """Return how many microseconds of `stretches` lie in each hour of the week, in `zone`."""
    found: Counter[Slot] = Counter()
    for stretch in stretches:
        for slot, length in _hours(stretch, zone):
            found[slot] += length // timedelta.resolution
    return found


def appearances_by_slot(found: Iterable[Session], zone: tzinfo) -> Counter[Slot]:
    """Return how many sessions were seen to begin in each hour of the week, in `zone`."""
    return Counter(slot_of(each.since, zone) for each in found if each.appeared)


def slot_of(at: datetime, zone: tzinfo) -> Slot:
    """Return the hour of the week in which an instant lies, in `zone`."""
    local = at.astimezone(zone)
    return Slot(local.weekday(), local.hour)


def windows_of(pieces: Iterable[Piece[Value]]) -> list[Window]:
    """Return the stretches of time of pieces, whatever their values."""
    return [Window(since, until) for since, until, _ in pieces]


def merged(stretches: Iterable[Window]) -> list[Window]:
    """Return what `stretches` cover together, in order and apart."""
    found: list[Window] = []
    for since, until in sorted(stretches):
        if found and since <= found[-1].until:
            found[-1] = Window(found[-1].since, max(found[-1].until, until))
        else:
            found.append(Window(since, until))
    return found


def _hours(stretch: Window, zone: tzinfo) -> Iterator[tuple[Slot, timedelta]]:
    since, until = stretch
    while since < until:
        local = since.astimezone(zone)
        left = HOUR - timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
        end = min(since + left, until)
        yield Slot(local.weekday(), local.hour), end - since
        since = end
