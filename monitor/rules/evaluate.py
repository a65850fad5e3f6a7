"""All rules over one good poll: from what they see to what becomes of their alerts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.market.snapshot import Snapshot
from monitor.rules.alert import Alert, AlertState, Labels, RuleName, Transition
from monitor.rules.conditions import Attribute, OneOf
from monitor.rules.lifecycle import Step, forget, remove, step, thaw
from monitor.rules.match import Match
from monitor.rules.past import Past
from monitor.rules.rule import Per, Rule
from monitor.rules.view import Found, Seen, View

AlertKey = tuple[RuleName, Labels]
_OfRule = Mapping[Labels, Alert]
_NO_ALERTS: _OfRule = {}
_NOTHING_SEEN: Found = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one good poll made of the alerts of one marketplace.

    `changed` are the alerts to store (pending ones that lapsed come as inactive), `active` all
    that are pending or firing now. The rest is for the next evaluation to go on from: the rules,
    what they saw, their alerts, and which of them are `restless`, for a clock of theirs runs.
    """

    changed: tuple[Alert, ...]
    transitions: tuple[Transition, ...]
    active: Mapping[AlertKey, Alert]
    rules: Mapping[RuleName, Rule] = field(default_factory=dict, compare=False, repr=False)
    seen: Seen = field(default_factory=dict, compare=False, repr=False)
    of_rules: Mapping[RuleName, _OfRule] = field(default_factory=dict, compare=False, repr=False)
    restless: frozenset[RuleName] = field(default=frozenset(), compare=False, repr=False)


NOTHING = Evaluation(changed=(), transitions=(), active={})
"""Nobody saw anything, and there are no alerts."""


def look(rules: Iterable[Rule], snapshot: Snapshot, past: Past | None = None) -> Seen:
    """Return what each rule sees of `snapshot`, which `past` was fed with last.

    Rules that ask for the same, and differ in their clocks or receivers, share what they see.
    """
    return View(rules).look(snapshot, Past() if past is None else past)


def evaluate(
    rules: Iterable[Rule],
    seen: Seen,
    alerts: Mapping[AlertKey, Alert],
    *,
    now: datetime,
    unknown: timedelta,
    last: Evaluation | None = None,
) -> Evaluation:
    """Return what becomes of `alerts`, the pending and firing ones of the snapshot's marketplace.

    `unknown` is the time before `now` in which nothing was known (`lifecycle.outage`). Where
    `last` made `alerts` what they are, a rule is left alone that sees the very same as then and
    has no clock that runs.
    """
    if not seen and not alerts:
        return NOTHING
    by_name = {rule.name: rule for rule in rules}
    going_on = last if last and not unknown and _goes_on(last, by_name, alerts) else None
    round_ = _Round(rules=by_name, now=now, unknown=unknown)
    if going_on is None:
        of_rules = _by_rule(alerts)
        for name in dict.fromkeys((*seen, *of_rules)):
            round_.evaluate(name, seen.get(name, _NOTHING_SEEN), of_rules.get(name, _NO_ALERTS))
    else:
        of_rules = going_on.of_rules
        for name, found in seen.items():
            if found is not going_on.seen.get(name) or name in going_on.restless:
                round_.evaluate(name, found, of_rules.get(name, _NO_ALERTS))
        for name in going_on.restless.difference(seen):
            round_.evaluate(name, _NOTHING_SEEN, of_rules.get(name, _NO_ALERTS))
    return Evaluation(
        changed=tuple(round_.changed),
        transitions=tuple(round_.transitions),
        active=settled(alerts, round_.changed) if round_.changed else alerts,
        rules=by_name,
        seen=seen,
        of_rules={**of_rules, **round_.of_rules},
        restless=frozenset(round_.restless),
    )


def settled(active: Mapping[AlertKey, Alert], changed: Iterable[Alert]) -> dict[AlertKey, Alert]:
    """Return the pending and firing alerts once some of them have `changed`."""
    after = dict(active)
    for alert in changed:
        if _is_active(alert):
            after[alert.rule, alert.labels] = alert
        else:
            after.pop((alert.rule, alert.labels), None)
    return after


def _goes_on(
    last: Evaluation, rules: Mapping[RuleName, Rule], alerts: Mapping[AlertKey, Alert]
) -> bool:
    return last.rules == rules and (alerts is last.active or alerts == last.active)


def _by_rule(alerts: Mapping[AlertKey, Alert]) -> Mapping[RuleName, _OfRule]:
    of_rules: defaultdict[RuleName, dict[Labels, Alert]] = defaultdict(dict)
    for (rule, labels), alert in alerts.items():
        of_rules[rule][labels] = alert
    return of_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One evaluation, rule by rule: what became of the alerts of those it has come to."""

    rules: Mapping[RuleName, Rule]
    now: datetime
    unknown: timedelta
    changed: list[Alert] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    of_rules: dict[RuleName, _OfRule] = field(default_factory=dict)
    restless: set[RuleName] = field(default_factory=set)

    def evaluate(self, name: RuleName, found: Found, known: _OfRule) -> None:
        """Take in what a rule sees, and the alerts it has."""
        rule = self.rules.get(name)
        steps = self._ends(known) if rule is None else self._steps(rule, found, known)
        after: dict[Labels, Alert] = {}
        changed: dict[Labels, Alert] = {}
        restless = False
        for labels, (alert, transition) in steps:
            before = known.get(labels)
            if transition is not None:
                self.transitions.append(transition)
            if alert is None:
                continue
            # What stays as it is stays the same object, but for clocks that were moved.
            if alert is not before and not (self.unknown and alert == before):
                changed[labels] = alert
            state = alert.state
            if state is AlertState.FIRING:
                after[labels] = alert
                restless = restless or alert.keep_firing_since is not None
            elif state is AlertState.PENDING:
                after[labels] = alert
                restless = True
        if restless:
            self.restless.add(name)
        self.changed.extend(changed.values())
        self.of_rules[name] = after

    def _ends(self, known: _OfRule) -> Iterator[tuple[Labels, Step]]:
        """Yield the ends of the alerts of a rule that is no longer configured."""
        yield from ((labels, remove(known[labels], self.now)) for labels in sorted(known))

    def _steps(self, rule: Rule, found: Found, known: _OfRule) -> Iterator[tuple[Labels, Step]]:
        """Yield what becomes of each alert, of one that is forgotten and begins anew both steps."""
        left = known
        if self.unknown:
            ends = {labels: forget(each, self.now) for labels, each in self._lost(rule, known)}
            yield from ends.items()
            kept = ((labels, alert) for labels, alert in known.items() if labels not in ends)
            left = {labels: thaw(alert, self.unknown) for labels, alert in kept}
        now = self.now
        for labels, match in found.items():
            yield labels, step(rule, left.get(labels), match, now)
        if known and not known.keys() <= found.keys():
            for labels in sorted(known.keys() - found.keys()):
                yield labels, _unseen(rule, known[labels], left.get(labels), self.now)

    def _lost(self, rule: Rule, known: _OfRule) -> Iterator[tuple[Labels, Alert]]:
        """Yield what was pending before an outage longer than its rule puts up with."""
        if self.unknown > rule.outage_tolerance:
            for labels in sorted(known):
                if known[labels].state is AlertState.PENDING:
                    yield labels, known[labels]


def _unseen(rule: Rule, before: Alert, known: Alert | None, now: datetime) -> Step:
    """Return what becomes of an alert that nothing was seen of; `known` is what was not forgotten.

    What is gone is so until it is there again, or its rule asks for something else.
    """
    match = Match(labels=before.labels, value=before.value, offers=0, best=before.best)
    return step(rule, known, match if rule.gone and _is_of(rule, before) else None, now)


def _is_of(rule: Rule, alert: Alert) -> bool:
    """Return whether an alert is of what its rule asks for, which may have been edited since."""
    told_apart = {name for name, _ in alert.labels if name != "marketplace"}
    gpus = [
        each
        for each in rule.conditions
        if isinstance(each, OneOf) and each.attribute is Attribute.GPU
    ]
    fits = all(each.accepts(seen.gpu) for each in gpus for seen in alert.best[:1])
    return fits and told_apart == {rule.per} - {Per.RULE}


def _is_active(alert: Alert) -> bool:
    return alert.state is AlertState.FIRING or alert.state is AlertState.PENDING
