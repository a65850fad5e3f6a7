"""Two lives of one day, one of them with deaths in it: wherein they differ, and whether they may.

Each function yields a sentence for every difference that must not be.
"""

import json
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from monitor.cli.poll import transition_json
from monitor.rules.alert import Transition

Key = tuple[str, tuple[tuple[str, str], ...]]
Json = Mapping[str, Any]
Spell = tuple[datetime, datetime]
Lives = tuple["Life", "Life"]
_LASTED = re.compile(r" after [^,]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What is left of a life: what was written, what was polled well, and what arrived.

    `rehearsed` is what a backtest makes of the polls of this life, `deaths` when it was killed,
    `since` when there was something to compare.
    """

    name: str
    since: datetime
    interval: timedelta
    transitions: Sequence[Transition]
    rehearsed: Sequence[Json]
    polled: Sequence[datetime]
    notifications: Sequence[Json]
    arrived: Counter[str]
    deaths: Sequence[datetime] = field(default=())

    def of(self, rules: Collection[str]) -> dict[Key, list[Transition]]:
        """Return the transitions of some rules, by alert."""
        found: dict[Key, list[Transition]] = defaultdict(list)
        for each in self.transitions:
            if each.rule in rules and each.at > self.since:
                found[each.rule, each.labels].append(each)
        return found

    def dark(self, since: datetime, until: datetime) -> timedelta:
        """Return for how long nothing was known within a stretch of time."""
        return sum(
            (
                max(timedelta(0), min(end, until) - max(begin, since))
                for begin, end in pairwise(self.polled)
                if end - begin > 1.5 * self.interval
            ),
            timedelta(0),
        )

    def unknown(self) -> timedelta:
        """Return for how long nothing was known in all."""
        return self.dark(self.polled[0], self.polled[-1])

    def repeated(self) -> int:
        """Return how many notifications were attempted with an outcome that nobody knows."""
        return sum(each["unknown_attempts"] > 0 for each in self.notifications)

    def shadows(self, reach: timedelta) -> list[Spell]:
        """Return the stretches in which a death can show: until `reach` after its downtime.

        The clocks that the downtime froze come to it.
        """
        found = []
        for death in self.deaths:
            place = bisect_right(self.polled, death)
            before, after = self.polled[place - 1], self.polled[place]
            found.append((before, after + reach + (after - before)))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of it; `wrong` has a sentence for each difference that must not be."""

    lives: Lives
    courses: "Courses"
    elsewhere: "Elsewhere"
    wrong: Sequence[str]


def compare(
    lives: Lives, steady: Collection[str], drifting: Collection[str], reach: timedelta
) -> Found:
    """Compare all that can be; `reach` is for how long after a downtime frozen clocks can tell."""
    same, rest = courses(lives, steady, reach), elsewhere(lives, drifting, reach)
    wrong = [*same.wrong, *rest.wrong, *messages(lives, steady)]
    for life in lives:
        wrong += [*rehearsals(life), *deliveries(life)]
    return Found(lives=lives, courses=same, elsewhere=rest, wrong=wrong)


def rehearsals(life: Life) -> Iterator[str]:
    """Compare to the instant: what was lived with what one program makes of the same polls."""
    lived = [transition_json(each) for each in life.transitions]
    for each in _beyond(lived, life.rehearsed):
        yield f"{life.name}: no undisturbed program does {each}"
    for each in _beyond(life.rehearsed, lived):
        yield f"{life.name}: an undisturbed program does {each}"


@dataclass(slots=True, kw_only=True)
class Courses:
    """How many transitions are the same, one for one, and how far apart in time at most."""

    same: int = 0
    apart: timedelta = timedelta(0)
    wrong: list[str] = field(default_factory=list)


def courses(lives: Lives, rules: Collection[str], reach: timedelta) -> Courses:
    """Compare the alerts of some rules, one for one, and when each change came."""
    found = Courses()
    one, other = (life.of(rules) for life in lives)
    for key in one.keys() | other.keys():
        here, there = one.get(key, []), other.get(key, [])
        if [_change(each) for each in here] != [_change(each) for each in there]:
            found.wrong.append(f"{_told(key)}: {_changes(here)} and {_changes(there)}")
            continue
        found.same += len(here)
        for first, second in zip(here, there, strict=True):
            earlier, later = sorted((first.at, second.at))
            found.apart = max(found.apart, later - earlier)
            if not _is_near(lives, earlier, later, reach):
                found.wrong.append(f"{_told(key)}: {_changes([first])} {later - earlier} apart")
    return found


@dataclass(slots=True, kw_only=True)
class Elsewhere:
    """How many transitions have a like one in the other life, and how many lie in a shadow."""

    alike: int = 0
    shadowed: int = 0
    wrong: list[str] = field(default_factory=list)


def elsewhere(lives: Lives, rules: Collection[str], reach: timedelta) -> Elsewhere:
    """Compare what came and went as it liked: outside of the shadows each must have its like."""
    shadows = [shadow for life in lives for shadow in life.shadows(reach)]
    found = Elsewhere()
    for mine, others in (lives, lives[::-1]):
        theirs = others.of(rules)
        for key, own in mine.of(rules).items():
            for each in own:
                alike = [
                    it
                    for it in theirs.get(key, ())
                    if _change(it) == _change(each) and _is_near(lives, it.at, each.at, reach)
                ]
                if alike:
                    found.alike += 1
                elif any(begin <= each.at <= end for begin, end in shadows):
                    found.shadowed += 1
                else:
                    found.wrong.append(f"{_told(key)}: {_changes([each])} only {mine.name}")
    return found


def messages(lives: Lives, rules: Collection[str]) -> Iterator[str]:
    """Compare what was told of some rules, by reason and title, but for how long it lasted."""
    one, other = (
        Counter(
            (each["rule"], each["reason"], _LASTED.sub("", each["title"]))
            for each in life.notifications
            if each["rule"] in rules
        )
        for life in lives
    )
    for told, number in ((one - other) + (other - one)).items():
        yield f"told {number} times more in one life: {told}"


def deliveries(life: Life) -> Iterator[str]:
    """Compare what was queued with what arrived: none lost, doubles only where none was settled."""
    queued: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for each in life.notifications:
        queued[each["title"]] += 1
        unknown[each["title"]] += each["unknown_attempts"]
        if each["status"] != "sent":
            yield f"{life.name}: {each['title']!r} is {each['status']}"
    for title in queued.keys() | life.arrived.keys():
        least, most = queued[title], queued[title] + unknown[title]
        if not least <= life.arrived[title] <= most:
            came = f"{life.arrived[title]} times, not {least} to {most}"
            yield f"{life.name}: {title!r} arrived {came}"


def _change(each: Transition) -> tuple[str, str, str]:
    return each.before.value, each.after.value, each.reason.value


def _is_near(lives: Lives, one: datetime, other: datetime, reach: timedelta) -> bool:
    """Return whether two instants lie as near as two lives can have them.

    Two polls may lie between, and the time in which one of the lives knew nothing: its daemon was
    dead, or the machine too busy to poll.
    """
    earlier, later = sorted((one, other))
    allowed = 2 * lives[0].interval
    for life in lives:
        allowed += life.dark(earlier - reach, later)
    return later - earlier <= allowed


def _changes(course: Sequence[Transition]) -> str:
    return ", ".join(f"{each.at:%H:%M:%S.%f} {' → '.join(_change(each))}" for each in course)


def _told(key: Key) -> str:
    return f"{key[0]} {dict(key[1])}"


def _beyond(rows: Iterable[Json], others: Iterable[Json]) -> list[str]:
    texts, known = ([json.dumps(row, sort_keys=True) for row in each] for each in (rows, others))
    return sorted((Counter(texts) - Counter(known)).elements())
