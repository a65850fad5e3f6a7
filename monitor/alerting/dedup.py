"""Whether something is to be told about a group of alerts now, and for which reason.

The model is Alertmanager's `DedupStage` and its dispatcher's groups: the first alert of a group
waits for `group_wait`, later news for `group_interval` after the last notice, and what was told
is repeated after `repeat_interval`. *Improved* is ours: the best price has fallen.
"""

from collections.abc import Collection, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta

from monitor.alerting.notice import Group, NotifyPolicy, NotifyReason, Withheld
from monitor.alerting.quiet import QuietThen
from monitor.market.money import NanoDollars
from monitor.market.value import value
from monitor.rules.alert import Labels
from monitor.rules.evaluate import AlertKey

Values = Mapping[AlertKey, NanoDollars | None]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_FOR_GOOD = {Withheld.ACKNOWLEDGED, Withheld.REPEATS_SPENT}
"""Why nothing is repeated, however long it fires."""
_NEWS = {NotifyReason.FIRST, NotifyReason.NEW, NotifyReason.IMPROVED, NotifyReason.HELD}


@value
class Standing:
    """How the alerts of a group stand now.

    `firing` has the values of those that fire and are not silenced; `silenced` says of each other
    one until when, whether it fires, was told as firing, or was held. `acknowledged` is when
    somebody said they are looking after an alert. `urgent` groups are told in quiet hours too.
    What was not `seen` just now may be gone, and is not told again.
    """

    firing: Values
    silenced: Mapping[AlertKey, datetime] = field(default_factory=dict)
    acknowledged: Mapping[AlertKey, datetime] = field(default_factory=dict)
    urgent: bool = False
    seen: bool = True


@value
class Decision:
    """What to do about a group: tell (`reason` is set) or not, and the group to remember.

    `ended` are the alerts that were told as firing and are to be told as resolved, `missed` those
    that came and went during quiet hours. `escalated` are the alerts of which the second
    receivers are to be told, `ended_escalated` those of which they were told and which ended.
    `group` is `None` once nothing of it is left.
    """

    group: Group | None
    reason: NotifyReason | None = None
    ended: tuple[AlertKey, ...] = ()
    missed: tuple[AlertKey, ...] = ()
    escalated: tuple[AlertKey, ...] = ()
    ended_escalated: tuple[AlertKey, ...] = ()


def open_group(key: Labels, policy: NotifyPolicy, now: datetime) -> Group:
    """Return a group of which nothing has been told."""
    return Group(key=key, wait_until=now + policy.group_wait)


def decide(group: Group, policy: NotifyPolicy, standing: Standing, now: datetime) -> Decision:
    """Return what is to be told about `group` as it stands now."""
    night = policy.quiet_hours.until(now) if policy.quiet_hours else None
    fresh = group if group.due_at is None else replace(group, due_at=None)
    look = _Look(group=fresh, policy=policy, standing=standing, now=now, night=night)
    return look.escalate(look.decide())


def rests_until(
    before: Group, policy: NotifyPolicy, standing: Standing, decision: Decision, now: datetime
) -> datetime | None:
    """Return until when `decide` leaves the group as it is after `decision`, and tells nothing.

    That is for the same standing without silences, whether it was `seen` or not; `None` if a look
    at any later instant may tell something, or change the group.
    """
    group = decision.group
    if group is None or policy.quiet_hours is not None:
        return None
    if not (_says_nothing(decision) and group == before) and not _says_all(
        decision, policy, standing
    ):
        return None
    due_at, told_at = group.due_at or _NEVER, group.told_at
    if told_at is None or group.withheld in _FOR_GOOD:
        return due_at
    until = min(due_at, told_at + policy.repeat_interval)
    return until if now < until else None


def _says_nothing(decision: Decision) -> bool:
    return decision.reason is None and not (decision.escalated or decision.ended_escalated)


def _says_all(decision: Decision, policy: NotifyPolicy, standing: Standing) -> bool:
    """Return whether what fires was told just now, and is to be repeated in time."""
    if decision.group is None or decision.reason is None or decision.escalated:
        return False
    is_spent = decision.group.repeats >= policy.max_repeats
    return bool(standing.firing) and not standing.acknowledged and not is_spent


@value
class _Look:
    """One look at one group; `night` is when the quiet hours end in which it is taken."""

    group: Group
    policy: NotifyPolicy
    standing: Standing
    now: datetime
    night: datetime | None

    @property
    def quiet_until(self) -> datetime | None:
        """When this group may be told again."""
        return None if self.standing.urgent else self.night

    def decide(self) -> Decision:
        reason = self._reason()
        if isinstance(reason, Withheld):
            return Decision(group=self._waiting(self._keep(reason)))
        if self.quiet_until is not None:
            return Decision(group=self._waiting(self._hold(self.quiet_until)))
        early = self._too_early()
        if early is not None:
            due_at = self.group.wait_until
            held_back = replace(self.group, withheld=early, due_at=due_at)
            return Decision(group=self._waiting(held_back))
        return self._tell(reason)

    def _reason(self) -> NotifyReason | Withheld:
        firing, told_at = self.standing.firing, self.group.told_at
        if self.night is None and not self.group.held <= self.standing.silenced.keys():
            return NotifyReason.HELD
        if told_at is None:
            return NotifyReason.FIRST if firing else self._nothing()
        unchanged = firing == self.group.told  # as nearly all are in nearly every cycle
        news = None if unchanged else self._news()
        return news or (self._repeat(told_at) if firing else self._nothing())

    def _news(self) -> NotifyReason | None:
        firing, told = self.standing.firing, self.group.told
        if any(key not in told for key in firing):
            return NotifyReason.NEW
        if _has_improved(told, firing, self.policy.improve_by):
            return NotifyReason.IMPROVED
        return NotifyReason.RESOLVED if self.policy.send_resolved and self._ended() else None

    def _nothing(self) -> Withheld:
        return Withheld.SILENCED if self.standing.silenced else Withheld.NOTHING_NEW

    def _repeat(self, told_at: datetime) -> NotifyReason | Withheld:
        if not self._unacknowledged(self.group):
            return Withheld.ACKNOWLEDGED
        if self.group.repeats >= self.policy.max_repeats:
            return Withheld.REPEATS_SPENT
        fresh = timedelta(0) <= self.now - told_at < self.policy.repeat_interval
        return NotifyReason.REPEAT if self.standing.seen and not fresh else Withheld.NOTHING_NEW

    def _unacknowledged(self, group: Group) -> list[AlertKey]:
        """Return what fires, was told, and nobody has acknowledged since the group's last news."""
        since = group.news_at or _LONG_AGO
        acknowledged = self.standing.acknowledged
        return [
            key
            for key in self.standing.firing
            if key in group.told and (key not in acknowledged or acknowledged[key] < since)
        ]

    def _is_looked_after(self) -> bool:
        """Return whether all that begins was acknowledged while it waited to be told."""
        begun = self.standing.firing.keys() - self.group.told.keys()
        return bool(begun) and begun <= self.standing.acknowledged.keys()

    def _ended(self) -> tuple[AlertKey, ...]:
        standing = self.standing
        return tuple(
            key
            for key in self.group.told
            if key not in standing.firing and key not in standing.silenced
        )

    def _too_early(self) -> Withheld | None:
        """Return why it is too early; a wait longer than any is a clock that was set back."""
        longest = max(self.policy.group_wait, self.policy.group_interval)
        if not timedelta(0) < self.group.wait_until - self.now <= longest:
            return None
        return Withheld.GROUP_WAIT if self.group.told_at is None else Withheld.GROUP_INTERVAL

    def _keep(self, withheld: Withheld) -> Group:
        """Return the group with what has silently ended forgotten."""
        ended = self._ended()
        if not ended and self.group.withheld is withheld:
            return self.group
        return replace(
            self.group,
            withheld=withheld,
            told=_without(self.group.told, ended),
            escalated=self.group.escalated.difference(ended),
        )

    def _hold(self, until: datetime) -> Group:
        """Return the group in quiet hours: what began is remembered, or what ended is forgotten."""
        if self.policy.quiet_hours and self.policy.quiet_hours.then is QuietThen.DROP:
            return replace(self._keep(Withheld.QUIET_HOURS), due_at=until)
        untold = (key for key in self.standing.firing if key not in self.group.told)
        held = self.group.held.union(untold)
        return replace(self.group, withheld=Withheld.QUIET_HOURS, due_at=until, held=held)

    def _tell(self, reason: NotifyReason) -> Decision:
        standing, group = self.standing, self.group
        news, ended = reason in _NEWS and not self._is_looked_after(), self._ended()
        silent = {key: value for key, value in group.told.items() if key in standing.silenced}
        after = Group(
            key=group.key,
            wait_until=self.now + self.policy.group_interval,
            withheld=Withheld.NOTHING_NEW,
            told_at=self.now,
            news_at=self.now if news else group.news_at,
            repeats=0 if news else group.repeats + (reason is NotifyReason.REPEAT),
            told={**standing.firing, **silent},
            held=group.held.intersection(standing.silenced),
            escalate_at=self._escalate_at() if news else group.escalate_at,
            escalated=group.escalated.difference(ended),
        )
        told_ended = ended if self.policy.send_resolved else ()
        return Decision(
            group=self._waiting(after),
            reason=reason,
            ended=told_ended,
            missed=tuple(sorted(group.held.difference(standing.firing, standing.silenced))),
            ended_escalated=tuple(key for key in told_ended if key in group.escalated),
        )

    def _waiting(self, group: Group) -> Group | None:
        """Return `group`, to be looked at when the next wait ends, or nothing to forget it."""
        standing = self.standing
        if not (standing.firing or standing.silenced or group.told or group.held):
            return None
        if not (standing.silenced or group.held or group.due_at):
            return group
        ends = [until for key, until in standing.silenced.items() if key not in group.told]
        ends += [group.due_at] if group.due_at else []
        withheld = group.withheld
        if group.held and self.night:
            ends.append(self.night)
            withheld = Withheld.QUIET_HOURS
        due_at = min(ends, default=None)
        if group.withheld is withheld and group.due_at == due_at:
            return group
        return replace(group, withheld=withheld, due_at=due_at)

    def _escalate_at(self) -> datetime | None:
        if self.policy.escalate is None:
            return None
        waits = self.group.escalate_at if self._unacknowledged(self.group) else None
        return waits or self.now + self.policy.escalate.after

    def escalate(self, decision: Decision) -> Decision:
        """Add what the second receivers are to be told, once their time has come."""
        group, escalate = decision.group, self.policy.escalate
        if group is None or escalate is None or group.escalate_at is None:
            return decision
        waiting = self._unacknowledged(group)
        if not waiting and not group.told.keys() <= self.standing.firing.keys():
            return decision  # what is silenced, or away within `group_interval`, nobody looked at
        if not waiting:
            return replace(decision, group=replace(group, escalate_at=None))
        at = max(group.escalate_at, self.quiet_until or group.escalate_at)
        # A wait longer than any is a clock that was set back.
        if self.quiet_until or timedelta(0) < at - self.now <= escalate.after:
            return replace(decision, group=replace(group, due_at=min(group.due_at or at, at)))
        told = replace(group, escalate_at=None, escalated=group.escalated.union(waiting))
        return replace(decision, group=told, escalated=tuple(waiting))


def _has_improved(told: Values, firing: Values, improve_by: float) -> bool:
    """Compare the best prices of each rule, or of each GPU model where alerts are told apart so."""
    before, after = _lowest(told), _lowest(firing)
    return any(
        price < before[of] and price <= before[of] * (1 - improve_by)
        for of, price in after.items()
        if of in before
    )


def _lowest(values: Values) -> dict[tuple[str, str], NanoDollars]:
    lowest: dict[tuple[str, str], NanoDollars] = {}
    for (rule, labels), price in values.items():
        if price is not None:
            of = (rule, next((text for name, text in labels if name == "gpu"), ""))
            lowest[of] = min(price, lowest.get(of, price))
    return lowest


def _without(told: Values, ended: Collection[AlertKey]) -> Values:
    return {key: value for key, value in told.items() if key not in ended} if ended else told
