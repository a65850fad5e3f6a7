"""From the alerts that fire to the notifications queued about them, in the cycle's transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta

from monitor.alerting.dedup import Decision, Standing, decide, open_group, rests_until
from monitor.alerting.grouping import rehome, sum_up
from monitor.alerting.notice import (
    Group,
    Notice,
    NotifyPolicy,
    NotifyReason,
    TemplateTexts,
    Withheld,
)
from monitor.alerting.rest import Alerts, Rest
from monitor.alerting.silence import Silence, matched_labels, silenced_until
from monitor.ledger import Ledger
from monitor.letter import Letter, Told, is_of_program
from monitor.market.value import value
from monitor.plan import Plan
from monitor.rules.alert import Alert, Labels, RuleName, Severity
from monitor.rules.evaluate import AlertKey, evaluate
from monitor.rules.system import is_system

_NOTHING = Told()
_HEIGHTS = list(Severity)
_Way = tuple[tuple[str, ...], TemplateTexts]
"""To which receivers, and by which templates of a rule's own."""


def tell(
    ledger: Ledger,
    plan: Plan,
    marketplace: str,
    active: Alerts,
    now: datetime,
    *,
    seen: bool = False,
) -> Told:
    """Decide for each group that fires, or was told to, what is to be told now, and queue it.

    `active` are the pending and firing alerts. `seen` is whether this follows a good poll: only
    then are offers told again, for nobody knows whether they are still there. A group that the
    ledger knows to be at rest costs nothing.
    """
    silences = tuple(each for each in ledger.silences(now) if each.is_active(now))
    rest, stored = ledger.rest(), ledger.groups()
    goes_on = rest.follow(plan.homes, active)
    known = stored if goes_on else rehome(stored.values(), plan.homes)
    if silences or not goes_on:
        rest.wake(known)
    awake = rest.awake(now)
    if goes_on and not awake:
        return _NOTHING
    telling = _Telling(
        ledger=ledger,
        plan=plan,
        marketplace=marketplace,
        now=now,
        silences=silences,
        seen=seen,
        rest=rest,
        stored=stored,
    )
    letters = [*telling.groups(awake, known), *telling.after_quiet_hours()]
    for key in awake if goes_on else tuple(stored):
        if key in stored and key not in telling.kept:
            ledger.drop(stored[key])
    return ledger.enqueue(letters, now)


def forget(ledger: Ledger, now: datetime) -> None:
    """End all alerts of a marketplace that is no longer configured, and tell nobody."""
    ended = evaluate((), {}, ledger.alerts(), now=now, unknown=timedelta(0))
    ledger.save(ended.changed, ended.transitions)
    for group in ledger.groups().values():
        ledger.drop(group)


@value
class _Telling:
    """One pass over the groups of one marketplace, of which some are `stored`.

    `kept` are those of which something is left after it, `held` is what quiet hours let go in it.
    """

    ledger: Ledger
    plan: Plan
    marketplace: str
    now: datetime
    silences: Collection[Silence]
    seen: bool
    rest: Rest
    stored: Mapping[Labels, Group]
    kept: set[Labels] = field(default_factory=set)
    held: dict[_Way, list[Notice]] = field(default_factory=lambda: defaultdict(list))

    def groups(self, keys: Iterable[Labels], known: Mapping[Labels, Group]) -> Iterator[Letter]:
        """Yield what is to be told of each group; what quiet hours let go is kept for later."""
        for key in keys:
            yield from self._tell_group(key, known.get(key), self.rest.members(key))

    def after_quiet_hours(self) -> Iterator[Letter]:
        """Yield what quiet hours let go, in one message for all groups with the same receivers."""
        for way, notices in self.held.items():
            yield self._letter(way, sum_up(notices))

    def _tell_group(
        self,
        key: Labels,
        group: Group | None,
        firing: Alerts,
    ) -> Iterator[Letter]:
        policy = self._policy(group, firing)
        if policy is None:
            self.rest.forget(key)
            return
        before = group or open_group(key, policy, self.now)
        standing = self._standing(policy, before, firing)
        decision = decide(before, policy, standing, self.now)
        if decision.group is None:
            self.rest.forget(key)
        else:
            self.kept.add(key)
            undisturbed = rests_until(before, policy, standing, decision, self.now)
            self.rest.lay(key, None if self.silences else undisturbed)
            if decision.group != self.stored.get(key):
                self.ledger.keep(decision.group)
        yield from self._tell(policy, before, decision, firing)

    def _policy(self, group: Group | None, firing: Alerts) -> NotifyPolicy | None:
        """Return the policy that the members of a group share; a group without any has none."""
        members = firing or (group and (group.told or group.held)) or ()
        for rule, _ in members:
            return self.plan.policies[rule]
        return None

    def _standing(self, policy: NotifyPolicy, group: Group, firing: Alerts) -> Standing:
        silenced = self._silenced({*firing, *group.told, *group.held}) if self.silences else {}
        loud = firing
        if silenced:
            loud = {key: alert for key, alert in firing.items() if key not in silenced}
        rules = {rule for rule, _ in (*loud, *group.told)} if policy.quiet_hours else set()
        return Standing(
            firing={key: alert.value for key, alert in loud.items()},
            silenced=silenced,
            acknowledged={
                key: alert.acknowledged.at for key, alert in loud.items() if alert.acknowledged
            },
            seen=self.seen or all(is_system(rule) for rule, _ in loud),
            urgent=policy.quiet_hours is not None
            and any(self._severity(rule) in policy.quiet_hours.urgent for rule in rules),
        )

    def _silenced(self, keys: Iterable[AlertKey]) -> dict[AlertKey, datetime]:
        until = {
            (rule, labels): silenced_until(
                self.silences, matched_labels(rule, labels, self._severity(rule))
            )
            for rule, labels in keys
        }
        return {key: ends_at for key, ends_at in until.items() if ends_at is not None}

    def _tell(
        self, policy: NotifyPolicy, before: Group, decision: Decision, firing: Alerts
    ) -> Iterator[Letter]:
        if decision.reason is not None:
            told = {} if decision.group is None else decision.group.told
            shown = {key: alert for key, alert in firing.items() if key in told}
            notice = self._notice(decision.reason, shown, decision.ended, decision.missed)
            if decision.reason is NotifyReason.REPEAT and decision.group is not None:
                notice = replace(notice, remark=_which(decision.group.repeats, policy.max_repeats))
            if before.withheld is Withheld.QUIET_HOURS and not is_of_program(notice):
                self.held[policy.notify, policy.templates].append(notice)
            else:
                yield self._letter((policy.notify, policy.templates), notice)
        if policy.escalate is not None:
            way = (policy.escalate.notify, policy.templates)
            yield from self._second(way, decision, firing)

    def _second(self, way: _Way, decision: Decision, firing: Alerts) -> Iterator[Letter]:
        """Yield what the second receivers are told: what nobody acknowledged, and how it ended."""
        if decision.escalated:
            shown = {key: firing[key] for key in decision.escalated}
            yield self._letter(way, self._notice(NotifyReason.ESCALATED, shown))
        if decision.ended_escalated:
            notice = self._notice(NotifyReason.RESOLVED, {}, decision.ended_escalated)
            yield self._letter(way, notice)

    def _notice(
        self,
        reason: NotifyReason,
        firing: Alerts,
        ended: Collection[AlertKey] = (),
        missed: Collection[AlertKey] = (),
    ) -> Notice:
        rules = sorted({rule for rule, _ in (*firing, *ended, *missed)})
        return Notice(
            rules=tuple(rules),
            marketplace=self.marketplace,
            severity=max(map(self._severity, rules), key=_HEIGHTS.index),
            reason=reason,
            at=self.now,
            firing=tuple(sorted(firing.values(), key=_by_price)),
            resolved=self._resolved(ended),
            missed=self._resolved(missed),
        )

    def _resolved(self, keys: Collection[AlertKey]) -> tuple[Alert, ...]:
        if not keys:
            return ()
        by_rule: dict[RuleName, list[Labels]] = defaultdict(list)
        for rule, labels in keys:
            by_rule[rule].append(labels)
        return tuple(
            alert
            for rule, labels in by_rule.items()
            for alert in self.ledger.resolved(rule, labels)
        )

    def _letter(self, way: _Way, notice: Notice) -> Letter:
        receivers, templates = way
        return Letter(plan=self.plan, receivers=receivers, templates=templates, notice=notice)

    def _severity(self, rule: RuleName) -> Severity:
        return self.plan.every_rule[rule].severity


def _by_price(alert: Alert) -> tuple[bool, int]:
    return alert.value is None, alert.value or 0


def _which(repeat: int, most: int) -> str:
    last = ", the last one until something changes" if repeat >= most else ""
    return f"repeat {repeat} of {most}{last}"
