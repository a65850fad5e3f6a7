"""From the alerts that fire to the notifications queued about them, in the cycle's transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerting.dedup import Decision, decide, open_group
from monitor.alerting.notice import Group, Notice, NotifyReason
from monitor.alerting.outbox import Draft
from monitor.alerting.render import render
from monitor.ledger import Ledger
from monitor.plan import Plan
from monitor.rules.alert import Alert, AlertState, Labels, RuleName
from monitor.rules.evaluate import evaluate

Firing = Mapping[Labels, Alert]


def tell(
    ledger: Ledger, plan: Plan, marketplace: str, active: Iterable[Alert], now: datetime
) -> int:
    """Decide for each rule that fires, or was told to, what is to be told now, and queue it.

    Returns:
        The number of notifications queued.
    """
    telling = _Telling(ledger=ledger, plan=plan, marketplace=marketplace, now=now)
    firing = _firing_by_rule(active)
    groups = ledger.groups()
    drafts: list[Draft] = []
    for name in sorted(firing.keys() | groups.keys()):
        drafts += telling.tell_rule(name, groups.get(name), firing.get(name, {}))
    ledger.enqueue(drafts, now)
    return len(drafts)


def forget(ledger: Ledger, now: datetime) -> None:
    """End all alerts of a marketplace that is no longer configured, and tell nobody."""
    ended = evaluate((), {}, ledger.alerts(), now=now, unknown=timedelta(0))
    ledger.save(ended.changed, ended.transitions)
    for group in ledger.groups().values():
        ledger.drop(group)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    """One pass over the groups of one marketplace."""

    ledger: Ledger
    plan: Plan
    marketplace: str
    now: datetime

    def tell_rule(self, name: RuleName, group: Group | None, firing: Firing) -> list[Draft]:
        policy = self.plan.policies.get(name)
        if policy is None:
            self._keep(group, None)
            return []
        values = {labels: alert.value for labels, alert in firing.items()}
        opened = group or open_group(name, self.marketplace, policy, self.now)
        decision = decide(opened, policy, values, self.now)
        self._keep(group, decision.group)
        if decision.reason is None:
            return []
        message = render(self._notice(name, decision, decision.reason, firing), now=self.now)
        return self.plan.drafts(policy.notify, message, decision.reason, rule=name)

    def _notice(
        self, name: RuleName, decision: Decision, reason: NotifyReason, firing: Firing
    ) -> Notice:
        return Notice(
            rule=name,
            marketplace=self.marketplace,
            severity=self.plan.rules[name].severity,
            reason=reason,
            at=self.now,
            firing=tuple(firing.values()),
            resolved=self.ledger.resolved(name, decision.ended),
        )

    def _keep(self, before: Group | None, after: Group | None) -> None:
        if after is not None and after != before:
            self.ledger.keep(after)
        elif after is None and before is not None:
            self.ledger.drop(before)


def _firing_by_rule(active: Iterable[Alert]) -> dict[RuleName, dict[Labels, Alert]]:
    firing: dict[RuleName, dict[Labels, Alert]] = {}
    for alert in active:
        if alert.state is AlertState.FIRING:
            firing.setdefault(alert.rule, {})[alert.labels] = alert
    return firing
