"""What a backtest came to, rule by rule."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median_low

from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import DestinationKey
from monitor.backtest.buying import Bought
from monitor.backtest.memory import MemoryLedger
from monitor.letter import Letter
from monitor.market.money import NanoDollars
from monitor.market.value import value
from monitor.rules.alert import AlertState, Labels, RuleName, Transition, TransitionReason

_BEGINS = frozenset({NotifyReason.FIRST, NotifyReason.NEW})
"""Notifications with these reasons tell every alert of their rule that fires."""


@value
class Told:
    """A notification that would have been queued, and when."""

    letter: Letter
    destination: DestinationKey
    receiver: str

    @property
    def at(self) -> datetime:
        """When it would have been queued."""
        return self.letter.notice.at

    @property
    def reason(self) -> NotifyReason:
        """Why it would have been sent."""
        return self.letter.notice.reason

    @property
    def title(self) -> str:
        """Its title, composed anew each time."""
        drafts, _ = self.letter.compose()
        return next(each.title for each in drafts if each.destination == self.destination)


@value
class RuleResult:
    """What one rule did on one marketplace.

    `delays` is, for each alert that was told, the time from the first sight of a matching offer to
    the notification; the time for which an offer was there before it was polled is not known.
    """

    rule: RuleName
    transitions: tuple[Transition, ...]
    told: tuple[Told, ...]
    delays: tuple[timedelta, ...]
    bought: tuple[Bought, ...] = ()

    @property
    def firing(self) -> int:
        """How often an alert began to fire."""
        return sum(each.after is AlertState.FIRING for each in self.transitions)

    @property
    def resolved(self) -> int:
        """How often an alert that fired ended."""
        return sum(each.after is AlertState.RESOLVED for each in self.transitions)

    @property
    def lapsed(self) -> int:
        """How often an offer went before `for` had passed, so that nobody was told of it."""
        return sum(each.reason is TransitionReason.LAPSED for each in self.transitions)

    @property
    def median_delay(self) -> timedelta | None:
        """The median of `delays`."""
        return median_low(self.delays) if self.delays else None

    @property
    def worst_delay(self) -> timedelta | None:
        """The longest of `delays`."""
        return max(self.delays, default=None)

    @property
    def cost(self) -> NanoDollars:
        """What all that was bought would have cost, in nano-dollars."""
        return NanoDollars(sum(each.cost for each in self.bought))

    def by_receiver(self) -> dict[str, Counter[NotifyReason]]:
        """Return how many notifications each receiver got for each reason."""
        found: dict[str, Counter[NotifyReason]] = {}
        for each in self.told:
            found.setdefault(each.receiver, Counter())[each.reason] += 1
        return found


def results(rules: Iterable[RuleName], ledger: MemoryLedger) -> dict[RuleName, RuleResult]:
    """Return what each of `rules` did, in their order."""
    transitions: dict[RuleName, list[Transition]] = {name: [] for name in rules}
    told: dict[RuleName, list[Told]] = {name: [] for name in transitions}
    for transition in ledger.transitions:
        transitions[transition.rule].append(transition)
    for letter in ledger.letters:
        notifications = _told(letter)
        for name in letter.notice.rules:
            told[name] += notifications
    return {
        name: RuleResult(
            rule=name,
            transitions=tuple(transitions[name]),
            told=tuple(told[name]),
            delays=tuple(delays(transitions[name], told[name])),
        )
        for name in transitions
    }


def delays(transitions: Sequence[Transition], told: Iterable[Told]) -> list[timedelta]:
    """Return for each alert of a rule that was told how long after its first sight that was.

    A notification comes after the transitions of its own instant.
    """
    left = iter(transitions)
    ahead = next(left, None)
    seen: dict[Labels, datetime] = {}
    firing: dict[Labels, datetime] = {}
    found = []
    for each in told:
        at = each.at
        while ahead is not None and ahead.at <= at:
            _follow(ahead, seen, firing)
            ahead = next(left, None)
        if each.reason in _BEGINS:
            found += [at - first for first in firing.values()]
            firing.clear()
    return found


def _follow(
    transition: Transition, seen: dict[Labels, datetime], firing: dict[Labels, datetime]
) -> None:
    """Keep the first sight of the alerts that wait in `seen`, or fire untold in `firing`."""
    labels = transition.labels
    match transition.after:
        case AlertState.PENDING:
            seen[labels] = transition.at
        case AlertState.FIRING:
            firing[labels] = seen.pop(labels, transition.at)
        case _:
            seen.pop(labels, None)
            firing.pop(labels, None)


def _told(letter: Letter) -> list[Told]:
    return [
        Told(letter=letter, destination=destination, receiver=receiver)
        for destination, receiver in letter.addressed().items()
    ]
