"""Alerts about the program itself and the marketplaces it polls: what they are met by.

They live as other alerts do, under names that begin with `system:`. A poll that failed is no
evidence about offers, but it is evidence about the marketplace, so these are evaluated on every
poll, good or not; what no poll can tell is looked at now and then.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.market.snapshot import Outcome, Poll
from monitor.market.value import value
from monitor.rules.alert import Labels, RuleName
from monitor.rules.match import Match
from monitor.rules.past import OUTAGE_INTERVALS
from monitor.rules.rule import Rule
from monitor.rules.view import Seen

PREFIX = "system:"
PROGRAM = "gpu-monitor"
"""Stands for a marketplace in alerts that are about none."""


class System(StrEnum):
    """What can be wrong; `RECEIVER` is followed by the name of one: `system:receiver:chat`."""

    UNREACHABLE = "system:unreachable"
    EMPTY = "system:empty"
    MALFORMED = "system:malformed"
    LATE = "system:late"
    CLOCK = "system:clock"
    RECEIVER = "system:receiver"
    DISK = "system:disk"


@value
class Trouble:
    """A destination of a receiver that does not take what is sent to it, and why."""

    receiver: str
    destination: str
    error: str


@value
class Disk:
    """The disk that a database file is on; bytes."""

    folder: str
    free: int
    size: int


OF_POLLS: Mapping[str, frozenset[Outcome]] = {
    System.UNREACHABLE: frozenset({Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.THROTTLED}),
    System.EMPTY: frozenset({Outcome.EMPTY}),
    System.MALFORMED: frozenset({Outcome.MALFORMED}),
    System.LATE: frozenset(),
    System.CLOCK: frozenset(),
}
"""The outcomes of a poll that meet each rule; that there was a poll at all ends `LATE`."""


def is_system(rule: RuleName) -> bool:
    """Return whether a rule is one of the program's own."""
    return rule.startswith(PREFIX)


def receiver_rule(receiver: str) -> RuleName:
    """Return the name of the rule about a receiver."""
    return RuleName(f"{System.RECEIVER}:{receiver}")


def seen_in_poll(rules: Iterable[Rule], poll: Poll, recorded_until: datetime | None) -> Seen:
    """Return what a poll, whatever came of it, says of the rules about its marketplace.

    `recorded_until` is where its history ended before the poll.
    """
    seen = {
        rule.name: _met(poll.marketplace, f"{poll.outcome}: {poll.detail}")
        if poll.outcome in OF_POLLS[rule.name]
        else {}
        for rule in rules
        if rule.name in OF_POLLS
    }
    if RuleName(System.CLOCK) in seen and is_behind(poll, recorded_until):
        told = f"its history ends at {recorded_until:%Y-%m-%d %H:%M} UTC, which is yet to come"
        seen[RuleName(System.CLOCK)] = _met(poll.marketplace, told)
    return seen


def is_behind(poll: Poll, recorded_until: datetime | None) -> bool:
    """Return whether history covers a poll's instant already, so that nothing can be recorded.

    Then the clock was ahead at an earlier poll, or was set back since.
    """
    return recorded_until is not None and poll.at <= recorded_until


def seen_late(
    marketplace: str, last_at: datetime, now: datetime, *, interval: timedelta, allowed: timedelta
) -> Seen:
    """Return whether polls are late: none was made for three intervals and what is `allowed`."""
    if now - last_at <= OUTAGE_INTERVALS * interval + allowed:
        return {}
    name = RuleName(System.LATE)
    return {name: _met(marketplace, f"the last poll was at {last_at:%Y-%m-%d %H:%M:%S} UTC")}


def seen_of_program(
    rules: Iterable[Rule], troubles: Iterable[Trouble], disk: Disk | None, *, least_free: float
) -> Seen:
    """Return what meets the rules about the program; `least_free` is a share of the disk."""
    names = {rule.name for rule in rules}
    seen: dict[RuleName, dict[Labels, Match | None]] = {}
    for trouble in troubles:
        own = (("destination", trouble.destination), ("receiver", trouble.receiver))
        seen.setdefault(receiver_rule(trouble.receiver), {}).update(
            _met(PROGRAM, trouble.error, *own)
        )
    if disk is not None and disk.free < least_free * disk.size:
        left = f"{_gigabytes(disk.free)} of {_gigabytes(disk.size)} are free in {disk.folder}"
        seen[RuleName(System.DISK)] = _met(PROGRAM, left)
    return {name: met for name, met in seen.items() if name in names}


def _met(marketplace: str, detail: str, *own: tuple[str, str]) -> dict[Labels, Match | None]:
    labels: Labels = tuple(sorted((*own, ("marketplace", marketplace))))
    return {labels: Match(labels=labels, value=None, offers=0, best=(), detail=detail)}


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
