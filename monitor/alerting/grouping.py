"""Which alerts are told together, and what becomes of groups when the configuration changes."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.alerting.notice import Group, GroupLabel, Notice, NotifyPolicy, NotifyReason
from monitor.rules.alert import Labels, RuleName, Severity
from monitor.rules.evaluate import AlertKey
from monitor.rules.rule import Rule

_OF_ALERT = {GroupLabel.GPU, GroupLabel.LOCATION, GroupLabel.HOSTNODE}
ROUTE = "route"
"""The label of groups of several rules that stands for what these rules have in common."""


class Homes:
    """Says which group an alert belongs to, as the present policies of the rules make them."""

    def __init__(
        self, policies: Mapping[RuleName, NotifyPolicy], rules: Mapping[RuleName, Rule]
    ) -> None:
        self._policies = policies
        self._rules = rules
        self._of_rules: dict[tuple[RuleName, str], Labels] = {}

    def __call__(self, key: AlertKey) -> Labels | None:
        """Return what the alert has in common with those it is told with; `None` without a rule."""
        rule, labels = key
        policy = self._policies.get(rule)
        if policy is None:
            return None
        if not _OF_ALERT.isdisjoint(policy.group_by):
            return group_key(policy, self._rules[rule].severity, key)
        marketplace = _marketplace(labels)
        home = self._of_rules.get((rule, marketplace))
        if home is None:
            home = group_key(policy, self._rules[rule].severity, key)
            self._of_rules[rule, marketplace] = home
        return home


def group_key(policy: NotifyPolicy, severity: Severity, key: AlertKey) -> Labels:
    """Return what an alert has in common with those it is told with.

    Rules are told together only if they are told alike, at the same times and to the same
    receivers: a digest of the policy stands in the key where the rule's name does not.
    """
    rule, labels = key
    own = {**dict(labels), GroupLabel.RULE: rule, GroupLabel.SEVERITY: severity.value}
    wanted = {GroupLabel.MARKETPLACE, *policy.group_by}
    shared = {label.value: own[label] for label in wanted if label in own}
    if GroupLabel.RULE not in policy.group_by:
        shared[ROUTE] = hashlib.sha256(repr(policy).encode()).hexdigest()[:8]
    return tuple(sorted(shared.items()))


def sum_up(notices: Sequence[Notice]) -> Notice:
    """Return one notice that says what all of `notices`, of one marketplace and instant, say."""
    if len(notices) == 1:
        return notices[0]
    return replace(
        notices[0],
        rules=tuple(sorted({rule for notice in notices for rule in notice.rules})),
        severity=max((notice.severity for notice in notices), key=list(Severity).index),
        reason=NotifyReason.HELD,
        firing=tuple(alert for notice in notices for alert in notice.firing),
        resolved=tuple(alert for notice in notices for alert in notice.resolved),
        missed=tuple(alert for notice in notices for alert in notice.missed),
        remark="",
    )


def rehome(
    groups: Iterable[Group], home: Callable[[AlertKey], Labels | None]
) -> Mapping[Labels, Group]:
    """Return the groups as the present configuration makes them.

    `home` returns the group that an alert belongs to now, or `None` if its rule is gone. What
    was told moves along with its alert, so that a change of the configuration repeats nothing.
    """
    homes: dict[Labels, Group] = {}
    for group in groups:
        for key, part in _split(group, home).items():
            homes[key] = _merge(homes[key], part) if key in homes else part
    return homes


def _split(group: Group, home: Callable[[AlertKey], Labels | None]) -> dict[Labels, Group]:
    keys = {alert: home(alert) for alert in (*group.told, *group.held, *group.escalated)}
    if all(key == group.key for key in keys.values()):
        return {group.key: group}
    return {
        key: replace(
            group,
            key=key,
            told={alert: value for alert, value in group.told.items() if keys[alert] == key},
            held=frozenset(alert for alert in group.held if keys[alert] == key),
            escalated=frozenset(alert for alert in group.escalated if keys[alert] == key),
        )
        for key in dict.fromkeys(keys.values())
        if key is not None
    }


def _merge(one: Group, other: Group) -> Group:
    return replace(
        one,
        wait_until=max(one.wait_until, other.wait_until),
        due_at=_pick(min, one.due_at, other.due_at),
        told_at=_pick(max, one.told_at, other.told_at),
        news_at=_pick(max, one.news_at, other.news_at),
        repeats=max(one.repeats, other.repeats),
        told={**one.told, **other.told},
        held=one.held | other.held,
        escalate_at=_pick(min, one.escalate_at, other.escalate_at),
        escalated=one.escalated | other.escalated,
    )


def _pick(
    choose: Callable[[Iterable[datetime]], datetime], *instants: datetime | None
) -> datetime | None:
    given = [instant for instant in instants if instant is not None]
    return choose(given) if given else None


def _marketplace(labels: Labels) -> str:
    return dict(labels)[GroupLabel.MARKETPLACE]
