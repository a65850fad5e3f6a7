"""What is told about the alerts of each rule, over a ledger in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.alerting.notice import Group, NotifyPolicy, Withheld
from monitor.alerting.outbox import DestinationKey, Draft
from monitor.alerting.rest import Rest
from monitor.alerting.silence import Silence
from monitor.ledger import Before, Trace
from monitor.letter import Letter, Told, composed
from monitor.market.money import nano
from monitor.market.snapshot import Poll
from monitor.plan import Plan
from monitor.rules.alert import Alert, AlertState, Labels, RuleName, Severity, Transition
from monitor.rules.evaluate import AlertKey
from monitor.rules.past import Past
from monitor.rules.rule import Rule
from monitor.telling import forget, tell

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A, B = RuleName("a"), RuleName("b")
KEY: Labels = (("marketplace", "m"), ("rule", "a"))


class Memory:
    """A ledger that remembers what is written to it, in the order it was."""

    def __init__(self, *active: Alert) -> None:
        self.active: dict[AlertKey, Alert] = {(each.rule, each.labels): each for each in active}
        self.ended: list[Alert] = []
        self.known: dict[Labels, Group] = {}
        self.silenced: list[Silence] = []
        self.transitions: list[Transition] = []
        self.queued: list[Draft] = []

    def before(self) -> Before:
        raise NotImplementedError

    def record(self, poll: Poll, interval: timedelta, *, overtaken: bool = False) -> int:
        raise NotImplementedError

    def remember(self, past: Past, trace: Trace | None) -> None:
        raise NotImplementedError

    def alerts(self) -> Mapping[AlertKey, Alert]:
        return dict(self.active)

    def save(self, alerts: Collection[Alert], transitions: Iterable[Transition]) -> None:
        for alert in alerts:
            self.active.pop((alert.rule, alert.labels))
            self.ended.append(alert)
        self.transitions += transitions

    def resolved(self, rule: RuleName, labels: Iterable[Labels]) -> tuple[Alert, ...]:
        wanted = set(labels)
        return tuple(each for each in self.ended if each.rule == rule and each.labels in wanted)

    def groups(self) -> Mapping[Labels, Group]:
        return dict(self.known)

    def rest(self) -> Rest:
        return Rest()

    def silences(self, now: datetime) -> Sequence[Silence]:
        return [each for each in self.silenced if each.ends_at > now]

    def keep(self, group: Group) -> None:
        self.known[group.key] = group

    def drop(self, group: Group) -> None:
        del self.known[group.key]

    def enqueue(self, letters: Iterable[Letter], now: datetime) -> Told:
        assert now.tzinfo is UTC
        drafts, told = composed(letters)
        self.queued += drafts
        return told


def an_alert(rule: RuleName = A, gpu: str = "h100", **changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "state": AlertState.FIRING,
        "firing_at": NOON,
        "value": nano(2),
    }
    return Alert(
        rule=rule,
        labels=(("gpu", gpu), ("marketplace", "m")),
        active_at=NOON,
        pending_since=NOON,
        **{**fields, **changes},
    )


def a_plan(*names: RuleName, **policy: Any) -> Plan:
    told = NotifyPolicy(notify=("chat",), **policy)
    return Plan(
        rules={name: Rule(name=name, conditions=(), severity=Severity.CRITICAL) for name in names},
        policies=dict.fromkeys(names, told),
        destinations={"chat": (DestinationKey("json#1"),)},
    )


def told(ledger: Memory, plan: Plan, minutes: float = 0) -> list[tuple[RuleName | None, str]]:
    """Tell what is to be told some minutes after noon; return rule and reason of each."""
    before = len(ledger.queued)
    count = tell(ledger, plan, "m", ledger.active, NOON + minutes * MINUTE, seen=True).queued
    new = ledger.queued[before:]
    assert count == len(new)
    return [(each.rule, each.reason.value) for each in new]


def test_each_rule_is_told_on_its_own_in_the_order_of_names() -> None:
    ledger = Memory(an_alert(B), an_alert(A), an_alert(A, "l4"))
    assert told(ledger, a_plan(A, B)) == [(A, "first"), (B, "first")]


def test_all_alerts_of_a_rule_are_in_one_message_with_its_severity() -> None:
    ledger = Memory(an_alert(gpu="h100"), an_alert(gpu="l4"))
    told(ledger, a_plan(A))
    body = ledger.queued[0].body
    assert "gpu=h100" in body
    assert "gpu=l4" in body
    assert "severity critical" in body


def test_what_is_only_pending_is_not_told() -> None:
    ledger = Memory(an_alert(state=AlertState.PENDING, firing_at=None))
    assert told(ledger, a_plan(A)) == []
    assert ledger.known == {}


def test_nothing_new_is_nothing_to_tell() -> None:
    ledger = Memory(an_alert())
    told(ledger, a_plan(A))
    before = dict(ledger.known)
    assert told(ledger, a_plan(A), minutes=5) == []
    assert ledger.known == before


def test_an_end_is_told_with_the_alert_that_ended() -> None:
    alert = an_alert()
    ledger = Memory(alert)
    told(ledger, a_plan(A))
    ledger.save([replace(alert, state=AlertState.RESOLVED, resolved_at=NOON + 5 * MINUTE)], [])
    assert told(ledger, a_plan(A), minutes=5) == [(A, "resolved")]
    assert "last from 2.00 $/h per GPU" in ledger.queued[-1].title
    assert ledger.known == {}


def test_what_nobody_has_seen_again_is_not_repeated() -> None:
    """While polls fail alerts fire on; to tell their offers again would be to make them up."""
    ledger = Memory(an_alert())
    told(ledger, a_plan(A))
    later = NOON + 300 * MINUTE
    assert tell(ledger, a_plan(A), "m", ledger.active, later).queued == 0
    assert told(ledger, a_plan(A), minutes=300) == [(A, "repeat")]


def test_a_message_that_waits_is_remembered_as_waiting() -> None:
    ledger = Memory(an_alert())
    plan = a_plan(A, group_wait=MINUTE)
    assert told(ledger, plan) == []
    assert ledger.known[KEY].withheld is Withheld.GROUP_WAIT
    assert told(ledger, plan, minutes=1) == [(A, "first")]
    assert ledger.known[KEY].due_at is None


def test_a_rule_that_is_not_configured_is_dropped_and_not_told() -> None:
    ledger = Memory(an_alert())
    told(ledger, a_plan(A))
    assert told(ledger, a_plan(), minutes=1) == []
    assert ledger.known == {}


def test_a_rule_nobody_is_told_of_queues_nothing_and_is_not_asked_again() -> None:
    ledger = Memory(an_alert())
    plan = a_plan(A)
    silent = replace(plan, policies={A: NotifyPolicy(notify=())})
    assert told(ledger, silent) == []
    assert ledger.known[KEY].due_at is None


def test_a_marketplace_that_is_forgotten_ends_its_alerts_and_tells_nobody() -> None:
    ledger = Memory(an_alert(), an_alert(B, state=AlertState.PENDING, firing_at=None))
    told(ledger, a_plan(A, B))
    queued = len(ledger.queued)
    forget(ledger, NOON + MINUTE)
    assert ledger.active == {}
    assert ledger.known == {}
    assert len(ledger.queued) == queued
    assert [(each.rule, each.after.value, each.reason.value) for each in ledger.transitions] == [
        (A, "resolved", "rule_removed"),
        (B, "inactive", "rule_removed"),
    ]
