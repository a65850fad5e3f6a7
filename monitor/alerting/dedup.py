"""Whether something is to be told about a group of alerts now, and for which reason.

The model is Alertmanager's `DedupStage` and its dispatcher's groups: the first alert of a group
waits for `group_wait`, later news for `group_interval` after the last notice, and what was told
is repeated after `repeat_interval`. *Improved* is ours: the best price has fallen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alerting.notice import Group, NotifyPolicy, NotifyReason
from monitor.market.money import NanoDollars
from monitor.rules.alert import Labels, RuleName

Values = Mapping[Labels, NanoDollars | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about a group: tell (`reason` is set) or not, and the group to remember.

    `ended` are the labels of the alerts that were told as firing and are to be told as resolved.
    `group` is `None` once nothing of it is left.
    """

    group: Group | None
    reason: NotifyReason | None = None
    ended: tuple[Labels, ...] = ()


def open_group(rule: RuleName, marketplace: str, policy: NotifyPolicy, now: datetime) -> Group:
    """Return the group of a rule of which nothing has been told."""
    return Group(rule=rule, marketplace=marketplace, wait_until=now + policy.group_wait)


def decide(group: Group, policy: NotifyPolicy, firing: Values, now: datetime) -> Decision:
    """Return what is to be told about `group`, of which `firing` is the present state."""
    reason = _reason(group, policy, firing, now)
    if reason is None:
        return Decision(group=_keep(group, firing))
    if _must_wait(group, policy, now):
        return Decision(group=replace(group, waiting=True))
    ended = tuple(labels for labels in group.told if labels not in firing)
    return Decision(
        group=_told(group, policy, firing, now) if firing else None,
        reason=reason,
        ended=ended if policy.send_resolved else (),
    )


def _reason(
    group: Group, policy: NotifyPolicy, firing: Values, now: datetime
) -> NotifyReason | None:
    if group.told_at is None:
        return NotifyReason.FIRST if firing else None
    if any(labels not in group.told for labels in firing):
        return NotifyReason.NEW
    if _has_improved(group.told, firing, policy.improve_by):
        return NotifyReason.IMPROVED
    if policy.send_resolved and any(labels not in firing for labels in group.told):
        return NotifyReason.RESOLVED
    fresh = timedelta(0) <= now - group.told_at < policy.repeat_interval
    return NotifyReason.REPEAT if firing and not fresh else None


def _has_improved(told: Values, firing: Values, improve_by: float) -> bool:
    before, after = _lowest(told), _lowest(firing)
    if before is None or after is None:
        return False
    return after < before and after <= before * (1 - improve_by)


def _lowest(values: Values) -> NanoDollars | None:
    return min((value for value in values.values() if value is not None), default=None)


def _must_wait(group: Group, policy: NotifyPolicy, now: datetime) -> bool:
    """Return whether it is too early; a wait longer than any is a clock that was set back."""
    longest = max(policy.group_wait, policy.group_interval)
    return timedelta(0) < group.wait_until - now <= longest


def _keep(group: Group, firing: Values) -> Group | None:
    """Return `group` with what has silently ended forgotten; nothing of it left is `None`."""
    if not firing:
        return None
    left = {labels: value for labels, value in group.told.items() if labels in firing}
    return replace(group, waiting=False, told=left)


def _told(group: Group, policy: NotifyPolicy, firing: Values, now: datetime) -> Group:
    return replace(
        group,
        waiting=False,
        wait_until=now + policy.group_interval,
        told_at=now,
        told=dict(firing),
    )
