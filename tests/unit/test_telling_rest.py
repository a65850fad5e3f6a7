"""A group at rest is passed over, and nothing comes of it that a look would not have come to."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, time, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from monitor.alerting.notice import Escalation, GroupLabel, NotifyPolicy
from monitor.alerting.outbox import DestinationKey
from monitor.alerting.quiet import QuietHours
from monitor.alerting.rest import Rest
from monitor.alerting.silence import Silence, SilenceId, read_matcher
from monitor.market.money import nano
from monitor.plan import Plan
from monitor.rules.alert import Acknowledgement, Alert, AlertState, RuleName, Transition
from monitor.rules.rule import Rule
from monitor.telling import tell
from tests.unit.test_telling import MINUTE, NOON, A, B, Memory, an_alert

Act = Callable[["Told", timedelta], None]


class Resting(Memory):
    """A ledger to which nobody else writes, so that its groups can rest."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = Rest()

    def rest(self) -> Rest:
        return self._rest

    def save(self, alerts: Collection[Alert], transitions: Iterable[Transition]) -> None:
        super().save(alerts, transitions)
        self._rest.change(alerts)


class Told:
    """Two ledgers that live through the same: in one groups rest, in the other none ever does."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.resting, self.awake = Resting(), Memory()

    def tell(self, at: timedelta, *, seen: bool) -> None:
        for ledger in (self.resting, self.awake):
            active = dict(ledger.active)
            tell(ledger, self.plan, "m", active, NOON + at, seen=seen)

    def put(self, alert: Alert) -> None:
        for ledger in (self.resting, self.awake):
            ledger.active[alert.rule, alert.labels] = alert
        self.resting.rest().change([alert])

    def end(self, alert: Alert, at: timedelta) -> None:
        if (alert.rule, alert.labels) in self.awake.active:
            ended = replace(alert, state=AlertState.RESOLVED, resolved_at=NOON + at)
            for ledger in (self.resting, self.awake):
                ledger.save([ended], [])

    def silence(self, rule: RuleName, at: timedelta) -> None:
        for ledger in (self.resting, self.awake):
            ledger.silenced.append(
                Silence(
                    id=SilenceId(1),
                    matchers=(read_matcher(f"rule={rule}"),),
                    starts_at=NOON + at,
                    ends_at=NOON + at + 4 * MINUTE,
                    created_by="me",
                    comment="",
                )
            )


def a_plan(*policies: NotifyPolicy) -> Plan:
    return Plan(
        rules={name: Rule(name=name, conditions=()) for name in (A, B)},
        policies=dict(zip((A, B), policies, strict=True)),
        destinations={"chat": (DestinationKey("json#1"),), "phone": (DestinationKey("json#2"),)},
    )


_quiet = QuietHours(begin=time(12, 10), end=time(12, 25), zone=UTC)
_minutes = st.sampled_from([0, 1, 1, 2, 3, 5, 10]).map(lambda count: count * MINUTE)
_policies = st.builds(
    NotifyPolicy,
    notify=st.just(("chat",)),
    group_by=st.sampled_from([(GroupLabel.RULE,), (GroupLabel.GPU,), (GroupLabel.SEVERITY,)]),
    group_wait=st.sampled_from([0, 5]).map(lambda count: count * MINUTE),
    group_interval=st.sampled_from([0, 1, 5]).map(lambda count: count * MINUTE),
    repeat_interval=st.sampled_from([0, 3, 20]).map(lambda count: count * MINUTE),
    max_repeats=st.integers(0, 3),
    send_resolved=st.booleans(),
    quiet_hours=st.sampled_from([None, None, _quiet]),
    escalate=st.sampled_from([None, Escalation(after=5 * MINUTE, notify=("phone",))]),
)
_plans = st.builds(a_plan, _policies, _policies)
_rules, _gpus = st.sampled_from([A, B]), st.sampled_from(["h100", "l4"])


def _begin(rule: RuleName, gpu: str, price: float, state: AlertState) -> Act:
    return lambda told, _: told.put(an_alert(rule, gpu, value=nano(price), state=state))


def _acknowledge(rule: RuleName, gpu: str) -> Act:
    def act(told: Told, at: timedelta) -> None:
        alert = an_alert(rule, gpu)
        known = told.awake.active.get((rule, alert.labels))
        if known is not None:
            told.put(replace(known, acknowledged=Acknowledgement(at=NOON + at, by="me")))

    return act


def _end(rule: RuleName, gpu: str) -> Act:
    return lambda told, at: told.end(an_alert(rule, gpu), at)


def _silence(rule: RuleName) -> Act:
    return lambda told, at: told.silence(rule, at)


def _reload(plan: Plan) -> Act:
    return lambda told, _: setattr(told, "plan", plan)


def _nothing(told: Told, at: timedelta) -> None:
    """Let time pass."""
    del told, at


_prices = st.sampled_from([1.0, 1.9, 1.95, 2.0])
_states = st.sampled_from([AlertState.FIRING, AlertState.FIRING, AlertState.PENDING])
_acts = st.one_of(
    st.just(_nothing),
    st.builds(_begin, _rules, _gpus, _prices, _states),
    st.builds(_begin, _rules, _gpus, _prices, _states),
    st.builds(_end, _rules, _gpus),
    st.builds(_acknowledge, _rules, _gpus),
    st.builds(_silence, _rules),
    st.builds(_reload, _plans),
)
_lives = st.lists(st.tuples(_acts, _minutes, st.booleans()), max_size=30)


@given(_plans, _lives)
@example(
    a_plan(*[NotifyPolicy(notify=("chat",), repeat_interval=5 * MINUTE, max_repeats=1)] * 2),
    [(_begin(A, "h100", 2.0, AlertState.FIRING), MINUTE, True)]
    + [(_nothing, minutes * MINUTE, seen) for minutes, seen in ((2, True), (2, True), (3, True))],
)
@example(
    a_plan(*[NotifyPolicy(notify=("chat",))] * 2),
    [
        (_begin(A, "h100", 2.0, AlertState.FIRING), MINUTE, True),
        (_nothing, MINUTE, True),
        (_acknowledge(A, "h100"), MINUTE, True),
    ],
)
def test_what_is_told_is_the_same_as_if_every_group_were_looked_at_each_time(
    plan: Plan, life: list[tuple[Act, timedelta, bool]]
) -> None:
    told, at = Told(plan), timedelta(0)
    for act, wait, seen in life:
        at += wait
        act(told, at)
        told.tell(at, seen=seen)
        assert told.resting.known == told.awake.known
        assert told.resting.queued == told.awake.queued


def test_a_group_at_rest_is_not_read_again() -> None:
    told = Told(a_plan(*[NotifyPolicy(notify=("chat",))] * 2))
    told.put(an_alert(A))
    for minutes in (0, 1):
        told.tell(minutes * MINUTE, seen=True)
    assert told.resting.rest().awake(NOON + 2 * MINUTE) == []
