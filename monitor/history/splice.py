"""Where recorded looks go in a history that may know some of their time already.

What is known stays as it is: a look at an instant that is covered is left out. The others fill the
gaps between the stretches of coverage. A look joins what lies beside it if that is within its
reach; what is farther away is a gap, across which nothing is invented.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic

from monitor.history.window import Window
from monitor.market.diff import Facts, HostnodeFacts, Key, OfferFacts, OfferKey, changes
from monitor.market.hostnode import HostnodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one good poll saw at the instant `at`.

    It is known to have held until the next look, if that is no more than `ahead` later and reaches
    `back` as far.
    """

    at: datetime
    back: timedelta
    ahead: timedelta
    hostnodes: Mapping[HostnodeId, HostnodeFacts]
    offers: Mapping[OfferKey, OfferFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """Looks without a gap between them, and the stretches that they continue or lead up to.

    Stretches of coverage are windows whose end is part of them, for it was seen.
    """

    before: Window | None
    looks: tuple[Look, ...]
    after: Window | None

    @property
    def since(self) -> datetime:
        """The instant of the first look."""
        return self.looks[0].at

    @property
    def until(self) -> datetime:
        """The instant of the last look."""
        return self.looks[-1].at

    @property
    def told(self) -> Window:
        """The time of which more is known by these looks."""
        before, after = self.before, self.after
        return Window(
            self.since if before is None else before.until,
            self.until if after is None else after.since,
        )


def is_covered(at: datetime, stretches: Sequence[Window]) -> bool:
    """Tell whether `at` lies in one of `stretches`, which are in order and apart."""
    index = bisect(stretches, at, key=lambda stretch: stretch.since)
    return index > 0 and at <= stretches[index - 1].until


def splices(looks: Iterable[Look], stretches: Sequence[Window]) -> list[Splice]:
    """Return the looks that tell something new, in the order of time, as splices between stretches.

    Of several looks at one instant the first one counts.
    """
    runs: list[list[Look]] = []
    for look in sorted(looks, key=lambda look: look.at):
        if is_covered(look.at, stretches) or (runs and runs[-1][-1].at == look.at):
            continue
        if runs and _continues(runs[-1][-1], look, stretches):
            runs[-1].append(look)
        else:
            runs.append([look])
    places = [None, *(_place(run[0], stretches) for run in runs), None]
    return [
        Splice(
            looks=tuple(run),
            before=None if place == places[index] else _before(run[0], stretches),
            after=None if place == places[index + 2] else _after(run[-1], stretches),
        )
        for index, (run, place) in enumerate(zip(runs, places[1:], strict=False))
    ]


def _continues(last: Look, look: Look, stretches: Sequence[Window]) -> bool:
    within = look.at - last.at <= min(last.ahead, look.back)
    return within and _place(last, stretches) == _place(look, stretches)


def _before(look: Look, stretches: Sequence[Window]) -> Window | None:
    place = _place(look, stretches)
    joined = place > 0 and look.at - stretches[place - 1].until <= look.back
    return stretches[place - 1] if joined else None


def _after(look: Look, stretches: Sequence[Window]) -> Window | None:
    place = _place(look, stretches)
    joined = place < len(stretches) and stretches[place].since - look.at <= look.ahead
    return stretches[place] if joined else None


def _place(look: Look, stretches: Sequence[Window]) -> int:
    """Return how many stretches lie before `look`."""
    return bisect(stretches, look.at, key=lambda stretch: stretch.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Generic[Key, Facts]):
    """A stretch of time in which the facts of one key did not change, up to but without its end."""

    key: Key
    since: datetime
    until: datetime
    facts: Facts


@dataclass(slots=True, kw_only=True)
class Strand(Generic[Key, Facts]):
    """What holds after the looks so far, since when; and the spans that are over."""

    facts: dict[Key, Facts] = field(default_factory=dict)
    since: dict[Key, datetime] = field(default_factory=dict)
    over: list[Span[Key, Facts]] = field(default_factory=list)

    def see(self, at: datetime, seen: Mapping[Key, Facts]) -> None:
        """Go on with what was seen at `at`, which is later than all before."""
        found = changes(self.facts, seen.items())
        for key in (*found.changed, *found.ended):
            self.over.append(self._ended(key, at))
        for beginning in (found.changed, found.begun):
            self.facts.update(beginning)
            self.since.update(dict.fromkeys(beginning, at))

    def taken(self) -> Iterator[Span[Key, Facts]]:
        """Yield the spans that are over, and forget them."""
        over, self.over = self.over, []
        yield from over

    def _ended(self, key: Key, at: datetime) -> Span[Key, Facts]:
        return Span(key=key, since=self.since.pop(key), until=at, facts=self.facts.pop(key))
