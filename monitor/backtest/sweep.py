"""A sweep: every rule with each of several `for` and `keep_firing_for`, in one run.

The variants share what their conditions accept, so that a sweep costs little more than one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from monitor.alerting.notice import GroupLabel, NotifyPolicy
from monitor.plan import Plan
from monitor.rules.alert import RuleName


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A rule with other clocks; `name` is what it goes by in the run."""

    name: RuleName
    rule: RuleName
    hold_for: timedelta
    keep_firing_for: timedelta


def variants(
    plan: Plan, *, hold_for: Sequence[timedelta] | None, keep_firing_for: Sequence[timedelta] | None
) -> list[Variant]:
    """Return each rule of `plan` with each pair of clocks; no list means the rule's own clock."""
    return [
        Variant(
            name=RuleName(f"{name}\n{hold}\n{keep}"),
            rule=name,
            hold_for=hold,
            keep_firing_for=keep,
        )
        for name, rule in plan.rules.items()
        for hold in hold_for or (rule.hold_for,)
        for keep in keep_firing_for or (rule.keep_firing_for,)
    ]


def varied(plan: Plan, wanted: Sequence[Variant]) -> Plan:
    """Return the plan that runs all of `wanted` side by side, each told by itself."""
    rules = {
        each.name: replace(
            plan.rules[each.rule],
            name=each.name,
            hold_for=each.hold_for,
            keep_firing_for=each.keep_firing_for,
        )
        for each in wanted
    }
    policies = {each.name: _apart(plan.policies[each.rule]) for each in wanted}
    return replace(plan, rules=rules, policies=policies)


def _apart(policy: NotifyPolicy) -> NotifyPolicy:
    if GroupLabel.RULE in policy.group_by:
        return policy
    return replace(policy, group_by=(GroupLabel.RULE, *policy.group_by))
