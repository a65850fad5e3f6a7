"""All rules over one good poll: from what they see to what becomes of their alerts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta

from monitor.market.snapshot import Snapshot
from monitor.market.value import value
from monitor.rules.alert import FIRING, PENDING, Alert, Labels, RuleName, Transition
from monitor.rules.conditions import Attribute, OneOf
from monitor.rules.lifecycle import Step, forget, goes_on, remove, runs, step, thaw
from monitor.rules.match import Match
from monitor.rules.past import Past
from monitor.rules.rule import Per, Rule
from monitor.rules.view import Found, Seen, View

AlertKey = tuple[RuleName, Labels]
_OfRule = Mapping[Labels, Alert]
_NO_ALERTS: _OfRule = {}
_NOTHING_SEEN: Found = {}


@value
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
    if going_on is not None and seen is going_on.seen and not going_on.restless:
        return replace(going_on, changed=(), transitions=())
    round_ = _Round(by_name, now, unknown)
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
        changed=tuple(round_.changed.values()),
        transitions=tuple(round_.transitions),
        active=_settled(alerts, round_.changed) if round_.changed else alerts,
        rules=by_name,
        seen=seen,
        of_rules={**of_rules, **round_.of_rules},
        restless=frozenset(round_.restless),
    )


def settled(active: Mapping[AlertKey, Alert], changed: Iterable[Alert]) -> dict[AlertKey, Alert]:
    """Return the pending and firing alerts once some of them have `changed`."""
    return _settled(active, {(alert.rule, alert.labels): alert for alert in changed})


def _settled(
    active: Mapping[AlertKey, Alert], changed: Mapping[AlertKey, Alert]
) -> dict[AlertKey, Alert]:
    after = {**active, **changed}
    for key, alert in changed.items():
        if not _is_active(alert):
            del after[key]
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


class _Round:
    """One evaluation, rule by rule: what became of the alerts of those it has come to."""

    def __init__(self, rules: Mapping[RuleName, Rule], now: datetime, unknown: timedelta) -> None:
        self.rules, self.now, self.unknown = rules, now, unknown
        self.changed: dict[AlertKey, Alert] = {}
        self.transitions: list[Transition] = []
        self.of_rules: dict[RuleName, _OfRule] = {}
        self.restless: set[RuleName] = set()

    def evaluate(self, name: RuleName, found: Found, known: _OfRule) -> None:
        """Take in what a rule sees, and the alerts it has."""
        rule = self.rules.get(name)
        if rule is None:
            self.of_rules[name] = self._remove(known)
        else:
            left = self._outlast(rule, known) if self.unknown else known
            self.of_rules[name] = self._step(rule, found, known, left)

    def _remove(self, known: _OfRule) -> _OfRule:
        """End the alerts of a rule that is no longer configured."""
        for labels in sorted(known):
            self._take(known[labels], remove(known[labels], self.now))
        return _NO_ALERTS

    def _outlast(self, rule: Rule, known: _OfRule) -> _OfRule:
        """Return what an outage leaves: clocks are moved, and what waited too long is forgotten."""
        left: dict[Labels, Alert] = {}
        for labels in sorted(known):
            alert = known[labels]
            if alert.state is PENDING and self.unknown > rule.outage_tolerance:
                self._take(alert, forget(alert, self.now))
            else:
                left[labels] = thaw(alert, self.unknown)
                self._take(alert, Step(left[labels]))
        return left

    def _step(self, rule: Rule, found: Found, known: _OfRule, left: _OfRule) -> _OfRule:
        """Return what becomes of the `known` alerts of a rule; `left` are those to go on from."""
        after: dict[Labels, Alert] = {}
        met = 0
        for labels, match in found.items():
            before = left.get(labels)
            alert = None if before is None or match is None else goes_on(before, match)
            if alert is None:
                alert = self._take(before, step(rule, before, match, self.now))
            elif alert is not before:
                self.changed[rule.name, labels] = alert
            if alert is not None:
                after[labels] = alert
            met += before is not None
        if met < len(known):
            for labels in sorted(known.keys() - found.keys()):
                before = left.get(labels)
                alert = self._take(before, _unseen(rule, known[labels], before, self.now))
                if alert is not None:
                    after[labels] = alert
        return after

    def _take(self, before: Alert | None, step: Step) -> Alert | None:
        """Note what became of an alert, and return it if it is pending or fires."""
        after, transition = step
        if transition is not None:
            self.transitions.append(transition)
        if after is None:
            return None
        if after is not before:
            self.changed[after.rule, after.labels] = after
        if not _is_active(after):
            return None
        if runs(after):
            self.restless.add(after.rule)
        return after


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
    return alert.state is FIRING or alert.state is PENDING
