"""All rules over one good poll: from what they see to what becomes of their alerts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.market.snapshot import Snapshot
from monitor.rules.alert import Alert, AlertState, Labels, RuleName, Transition
from monitor.rules.index import OfferIndex
from monitor.rules.lifecycle import Step, forget, remove, step, thaw
from monitor.rules.match import Match, matches
from monitor.rules.past import Past
from monitor.rules.rule import Rule

AlertKey = tuple[RuleName, Labels]
Seen = Mapping[RuleName, Mapping[Labels, Match | None]]
"""What each rule is met by; with `None`, what a rule about the gone knows to be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one good poll made of the alerts of one marketplace.

    `changed` are the alerts to store (pending ones that lapsed come as inactive), `active` all
    that are pending or firing now.
    """

    changed: tuple[Alert, ...]
    transitions: tuple[Transition, ...]
    active: Mapping[AlertKey, Alert]


def look(rules: Iterable[Rule], snapshot: Snapshot, past: Past | None = None) -> Seen:
    """Return what each rule sees of `snapshot`, which `past` was fed with last.

    Rules that ask for the same, and differ in their clocks or receivers, share what they see.
    """
    known = Past() if past is None else past
    index = OfferIndex(snapshot.offers, known)
    before = OfferIndex(known.previous.offers if known.previous else (), known)
    found: dict[object, Mapping[Labels, Match | None]] = {}
    seen: dict[RuleName, Mapping[Labels, Match | None]] = {}
    for rule in rules:
        asked = (rule.conditions, rule.per, rule.shape, rule.gone)
        if asked not in found:
            found[asked] = (
                _gone(rule, snapshot.marketplace, before, index)
                if rule.gone
                else matches(rule, snapshot.marketplace, index)
            )
        seen[rule.name] = found[asked]
    return seen


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
    by_name = {rule.name: rule for rule in rules}
    forgotten = dict(_forgotten(by_name, alerts, now, unknown)) if unknown else {}
    known = alerts
    if unknown:
        left = ((key, alert) for key, alert in alerts.items() if key not in forgotten)
        known = {key: thaw(alert, unknown) for key, alert in left}
    steps = {
        (name, labels): step(by_name[name], known.get((name, labels)), match, now)
        for name, found in seen.items()
        for labels, match in found.items()
    }
    for key, alert in alerts.items():
        if key not in steps:
            steps[key] = _unseen(by_name.get(alert.rule), alert, known.get(key), now)
    after = {key: each.alert for key, each in forgotten.items() if each.alert is not None}
    after |= {key: each.alert for key, each in steps.items() if each.alert is not None}
    made = (*forgotten.values(), *steps.values())
    return Evaluation(
        changed=tuple(alert for key, alert in after.items() if _differs(alert, alerts.get(key))),
        transitions=tuple(each.transition for each in made if each.transition),
        active={key: alert for key, alert in after.items() if _is_active(alert)},
    )


def settled(active: Mapping[AlertKey, Alert], changed: Iterable[Alert]) -> dict[AlertKey, Alert]:
    """Return the pending and firing alerts once some of them have `changed`."""
    after = {**active, **{(alert.rule, alert.labels): alert for alert in changed}}
    return {key: alert for key, alert in after.items() if _is_active(alert)}


def _gone(
    rule: Rule, marketplace: str, before: OfferIndex, now: OfferIndex
) -> dict[Labels, Match | None]:
    """Return what was there at the poll before and is not now, and with `None` what is there."""
    there: dict[Labels, Match | None] = dict.fromkeys(matches(rule, marketplace, now))
    went = matches(rule, marketplace, before)
    return there | {
        labels: replace(match, offers=0) for labels, match in went.items() if labels not in there
    }


def _forgotten(
    rules: Mapping[RuleName, Rule],
    alerts: Mapping[AlertKey, Alert],
    now: datetime,
    unknown: timedelta,
) -> Iterator[tuple[AlertKey, Step]]:
    """Yield the end of what was pending before an outage longer than its rule puts up with."""
    for key, alert in alerts.items():
        rule = rules.get(alert.rule)
        pending = alert.state is AlertState.PENDING
        if rule is not None and pending and unknown > rule.outage_tolerance:
            yield key, forget(alert, now)


def _unseen(rule: Rule | None, before: Alert, known: Alert | None, now: datetime) -> Step:
    """Return what becomes of an alert that nothing was seen of; `known` is what was not forgotten.

    What is gone is so until it is there again.
    """
    if rule is None:
        return remove(before, now)
    match = Match(labels=before.labels, value=before.value, offers=0, best=before.best)
    return step(rule, known, match if rule.gone else None, now)


def _differs(alert: Alert, before: Alert | None) -> bool:
    return alert is not before and alert != before


def _is_active(alert: Alert) -> bool:
    return alert.state in {AlertState.PENDING, AlertState.FIRING}
