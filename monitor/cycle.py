"""The way through the house: fetch and decode, then record, evaluate and queue in one transaction.

A poll that is not `ok` is recorded and changes nothing else of what is known about offers: absence
of evidence resolves nothing. It is evidence about the marketplace, and of that alerts can tell.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Protocol

from monitor.ledger import Before, Ledger, Recalled, Trace
from monitor.letter import TemplateFault
from monitor.market.snapshot import Poll
from monitor.market.value import value
from monitor.plan import Plan
from monitor.rules.alert import FIRING, PENDING, Alert, RuleName, Transition
from monitor.rules.evaluate import NOTHING, AlertKey, Evaluation, evaluate
from monitor.rules.lifecycle import outage
from monitor.rules.match import Match
from monitor.rules.past import Needs
from monitor.rules.system import is_behind, is_system, seen_in_poll
from monitor.rules.view import Seen, View
from monitor.telling import tell


class Polled(Protocol):
    """A marketplace that can be polled; whatever goes wrong is the poll's outcome."""

    @property
    def name(self) -> str:
        """The marketplace's name in the database."""

    def poll(self, now: datetime) -> Poll:
        """Fetch and decode all hostnodes."""


Chances = Mapping[RuleName, Sequence[Match]]


class Buyer(Protocol):
    """Who buys what rules that fire are met by."""

    @property
    def rules(self) -> Collection[RuleName]:
        """The rules that buy."""

    def buy(self, marketplace: str, chances: Chances, now: datetime) -> None:
        """Buy; whatever goes wrong is not the cycle's."""


class Store(Protocol):
    """Where cycles are written."""

    def recall(self, marketplace: str, needs: Needs) -> Recalled:
        """Return the past of a marketplace, which the caller goes on with."""

    def ledger(self, marketplace: str) -> AbstractContextManager[Ledger]:
        """Open a transaction; it commits at the end of the block, and rolls back on an error."""


@value
class CycleReport:
    """What one cycle came to; `chances` are what meets each rule that fires and buys.

    `behind` is where the history ends, if that is not before the poll: nothing was recorded then.
    Of a poll that was `overtaken`, for another process recorded a later look while it was made,
    nothing but that it was made was recorded.
    """

    poll: Poll
    behind: datetime | None = None
    overtaken: bool = False
    changed: int = 0
    transitions: tuple[Transition, ...] = ()
    queued: int = 0
    faults: tuple[TemplateFault, ...] = ()
    chances: Chances = field(default_factory=dict)


def run_cycle(
    marketplace: Polled,
    plan: Plan,
    store: Store,
    *,
    interval: timedelta,
    now: datetime,
    buyer: Buyer | None = None,
) -> CycleReport:
    """Poll once and do all that follows from it.

    What `buyer` buys is bought first, for an offer can be gone before a poll is written down.

    Raises:
        StoreError: nothing was written.
    """
    recalled = store.recall(marketplace.name, plan.needs)
    poll = marketplace.poll(now)
    view, seen = _look(plan, poll, recalled, interval)
    if buyer is not None and poll.snapshot is not None:
        chances = foresee(plan, seen, recalled, buyer.rules, interval=interval, now=now)
        if chances:
            buyer.buy(poll.marketplace, chances, now)
    with store.ledger(poll.marketplace) as ledger:
        before = ledger.before()
        # Another process has recorded a later look than ours: to evaluate this one would end, and
        # begin again, what has only changed in the meantime.
        overtaken = before.history_token != recalled.before.history_token
        changed = ledger.record(poll, interval, overtaken=overtaken)
        if overtaken:
            return CycleReport(poll=poll, overtaken=True)
        last = None if recalled.trace is None else recalled.trace.evaluation
        alerts = ledger.alerts()
        own = _of_program(alerts, last)
        others = {k: alert for k, alert in alerts.items() if k not in own} if own else alerts
        watched = _watch(plan, poll, own, before, interval)
        ledger.save(watched.changed, watched.transitions)
        found = _evaluate(plan, poll, seen, others, before, interval=interval, last=last)
        ledger.save(found.changed, found.transitions)
        is_good = poll.snapshot is not None
        trace = Trace(view=view, evaluation=found if is_good else last)
        ledger.remember(recalled.past, trace)
        active = {**watched.active, **found.active} if watched.active else found.active
        told = tell(ledger, plan, poll.marketplace, active, now, seen=is_good)
    return CycleReport(
        poll=poll,
        behind=before.recorded_until if is_behind(poll, before.recorded_until) else None,
        changed=changed,
        transitions=watched.transitions + found.transitions,
        queued=told.queued,
        faults=told.faults,
        chances=_chances(plan, seen, found.active, () if buyer is None else buyer.rules),
    )


def _look(plan: Plan, poll: Poll, recalled: Recalled, interval: timedelta) -> tuple[View, Seen]:
    """Return what the rules see of a poll, which is nothing unless it is good."""
    rules, trace = tuple(plan.rules.values()), recalled.trace
    view = trace.view if trace is not None and trace.view.rules == rules else View(rules)
    if poll.snapshot is None:
        return view, {}
    recalled.past.feed(poll.snapshot, interval)
    return view, view.look(poll.snapshot, recalled.past)


def _of_program(
    alerts: Mapping[AlertKey, Alert], last: Evaluation | None
) -> Mapping[AlertKey, Alert]:
    """Return the alerts about the program; what rules about offers left has none of them."""
    if last is not None and alerts is last.active:
        return {}
    return {key: alert for key, alert in alerts.items() if is_system(alert.rule)}


def _watch(
    plan: Plan,
    poll: Poll,
    alerts: Mapping[AlertKey, Alert],
    before: Before,
    interval: timedelta,
) -> Evaluation:
    """Return what a poll makes of the alerts about its marketplace, whatever came of it.

    One good poll among failed ones does not yet end what is pending: a marketplace of which each
    second poll fails is in trouble.
    """
    if not plan.system and not alerts:
        return NOTHING
    seen = seen_in_poll(plan.system.values(), poll, before.recorded_until)
    wavers = poll.snapshot is not None and before.failed_since
    return evaluate(
        plan.system.values(),
        seen,
        {
            (rule, labels): alert
            for (rule, labels), alert in alerts.items()
            if not (wavers and alert.state is PENDING and labels not in seen.get(rule, ()))
        },
        now=poll.at,
        unknown=outage(before.last_poll_at, poll.at, interval, failed_since=False),
    )


def _evaluate(
    plan: Plan,
    poll: Poll,
    seen: Seen,
    alerts: Mapping[AlertKey, Alert],
    before: Before,
    *,
    interval: timedelta,
    last: Evaluation | None,
) -> Evaluation:
    """Return what a poll makes of the alerts about offers: nothing unless it is good."""
    if poll.snapshot is None:
        return replace(NOTHING, active=alerts)
    return evaluate(
        plan.rules.values(),
        seen,
        alerts,
        now=poll.at,
        unknown=outage(before.last_good_at, poll.at, interval, failed_since=before.failed_since),
        last=last,
    )


def foresee(
    plan: Plan,
    seen: Seen,
    recalled: Recalled,
    rules: Collection[RuleName],
    *,
    interval: timedelta,
    now: datetime,
) -> Chances:
    """Return what meets those of `rules` that a good poll lets fire, before it is written down.

    It comes to what the cycle itself will find, unless another one comes in between.
    """
    before = recalled.before
    evaluation = evaluate(
        [plan.rules[name] for name in rules],
        {name: seen[name] for name in rules},
        {key: alert for key, alert in recalled.alerts.items() if alert.rule in rules},
        now=now,
        unknown=outage(before.last_good_at, now, interval, failed_since=before.failed_since),
    )
    return _chances(plan, seen, evaluation.active, rules)


def _chances(
    plan: Plan, seen: Seen, active: Mapping[AlertKey, Alert], rules: Collection[RuleName]
) -> Chances:
    """Return what meets those of `rules` that fire at this very poll; the gone are no chance."""
    chances: dict[RuleName, list[Match]] = {}
    for rule in rules:
        for labels, match in {} if plan.rules[rule].gone else seen.get(rule, {}).items():
            alert = active.get((rule, labels))
            if match is not None and alert is not None and alert.state is FIRING:
                chances.setdefault(rule, []).append(match)
    return chances
