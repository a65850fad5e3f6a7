"""All rules over one good poll: from what they see to what becomes of their alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.market.snapshot import Snapshot
from monitor.rules.alert import Alert, AlertState, Labels, RuleName, Transition
from monitor.rules.index import OfferIndex
from monitor.rules.lifecycle import Step, remove, step, thaw
from monitor.rules.match import Match, matches
from monitor.rules.rule import Rule

AlertKey = tuple[RuleName, Labels]
Seen = Mapping[RuleName, Mapping[Labels, Match]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one good poll made of the alerts of one marketplace.

    `changed` are the alerts to store (pending ones that lapsed come as inactive), `active` all
    that are pending or firing now.
    """

    changed: tuple[Alert, ...]
    transitions: tuple[Transition, ...]
    active: Mapping[AlertKey, Alert]


def look(rules: Iterable[Rule], snapshot: Snapshot) -> Seen:
    """Return what each rule sees of `snapshot`."""
    index = OfferIndex(snapshot.offers)
    return {rule.name: matches(rule, snapshot.marketplace, index) for rule in rules}


def evaluate(
    rules: Iterable[Rule],
    seen: Seen,
    alerts: Mapping[AlertKey, Alert],
    *,
    now: datetime,
    unknown: timedelta,
) -> Evaluation:
    """Return what becomes of `alerts`, the pending and firing ones of the snapshot's marketplace.

    `unknown` is the time before `now` in which nothing was known (`lifecycle.outage`).
    """
    thawed = {key: thaw(alert, unknown) for key, alert in alerts.items()}
    steps = _steps({rule.name: rule for rule in rules}, seen, thawed, now)
    after = {key: each.alert for key, each in steps.items() if each.alert is not None}
    return Evaluation(
        changed=tuple(alert for key, alert in after.items() if alert != alerts.get(key)),
        transitions=tuple(each.transition for each in steps.values() if each.transition),
        active={key: alert for key, alert in after.items() if _is_active(alert)},
    )


def _steps(
    rules: Mapping[RuleName, Rule], seen: Seen, alerts: Mapping[AlertKey, Alert], now: datetime
) -> dict[AlertKey, Step]:
    steps = {
        (name, labels): step(rules[name], alerts.get((name, labels)), match, now)
        for name, found in seen.items()
        for labels, match in found.items()
    }
    for key, alert in alerts.items():
        if key not in steps:
            rule = rules.get(alert.rule)
            steps[key] = step(rule, alert, None, now) if rule else remove(alert, now)
    return steps


def _is_active(alert: Alert) -> bool:
    return alert.state in {AlertState.PENDING, AlertState.FIRING}
