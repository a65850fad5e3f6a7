from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.dedup import Decision, Standing, decide, open_group
from monitor.alerting.notice import Group, NotifyPolicy, NotifyReason, Withheld
from monitor.market.money import nano
from monitor.rules.alert import RuleName
from monitor.rules.evaluate import AlertKey

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POLICY = NotifyPolicy(notify=("chat",), group_interval=MINUTE)
KEY = (("marketplace", "m"), ("rule", "r"))
A: AlertKey = (RuleName("r"), (("location", "a"),))
B: AlertKey = (RuleName("r"), (("location", "b"),))


def told(values: Mapping[AlertKey, float], policy: NotifyPolicy = POLICY) -> Group:
    fresh = open_group(KEY, replace(policy, group_wait=timedelta(0)), NOON)
    group = decide(fresh, policy, firing(values), NOON).group
    assert group is not None
    return group


def firing(values: Mapping[AlertKey, float]) -> Standing:
    return Standing(firing={key: nano(value) for key, value in values.items()})


def later(
    group: Group,
    values: Mapping[AlertKey, float],
    minutes: float = 5,
    policy: NotifyPolicy = POLICY,
) -> Decision:
    return decide(group, policy, firing(values), NOON + minutes * MINUTE)


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ({A: 2.0}, None),
        ({A: 2.0, B: 3.0}, NotifyReason.NEW),
        ({A: 1.9}, NotifyReason.IMPROVED),
        ({A: 1.901}, None),
        ({A: 2.5}, None),
        ({}, NotifyReason.RESOLVED),
        ({B: 2.0}, NotifyReason.NEW),
    ],
)
def test_what_is_told_after_a_first_notice(
    prices: Mapping[AlertKey, float], reason: NotifyReason | None
) -> None:
    assert later(told({A: 2.0}), prices).reason is reason


def test_a_group_is_first_told_as_first() -> None:
    fresh = open_group(KEY, POLICY, NOON)
    assert decide(fresh, POLICY, firing({A: 2.0}), NOON).reason is NotifyReason.FIRST


def test_what_was_told_is_repeated_after_the_repeat_interval() -> None:
    assert later(told({A: 2.0}), {A: 2.0}, minutes=239).reason is None
    assert later(told({A: 2.0}), {A: 2.0}, minutes=240).reason is NotifyReason.REPEAT


def test_one_of_two_that_ends_is_told_as_resolved_and_the_other_kept() -> None:
    decision = later(told({A: 2.0, B: 3.0}), {B: 3.0})
    assert decision.reason is NotifyReason.RESOLVED
    assert decision.ended == (A,)
    assert decision.group is not None
    assert list(decision.group.told) == [B]


def test_without_send_resolved_an_end_is_forgotten_silently() -> None:
    quiet = replace(POLICY, send_resolved=False)
    assert later(told({A: 2.0}), {}, policy=quiet) == Decision(group=None)


def test_news_within_the_group_interval_waits_and_is_not_lost() -> None:
    soon = later(told({A: 2.0}), {A: 2.0, B: 3.0}, minutes=0.5)
    assert soon.reason is None
    assert soon.group is not None
    assert soon.group.withheld is Withheld.GROUP_INTERVAL
    assert soon.group.due_at == NOON + MINUTE
    assert later(soon.group, {A: 2.0, B: 3.0}, minutes=1).reason is NotifyReason.NEW


def test_the_first_alert_waits_for_group_wait() -> None:
    patient = replace(POLICY, group_wait=MINUTE)
    fresh = open_group(KEY, patient, NOON)
    waits = decide(fresh, patient, firing({A: 2.0}), NOON)
    assert waits.reason is None
    assert waits.group is not None
    assert waits.group.withheld is Withheld.GROUP_WAIT
    assert waits.group.due_at == NOON + MINUTE
    assert later(waits.group, {A: 2.0}, minutes=1, policy=patient).reason is NotifyReason.FIRST


def test_an_alert_that_ends_within_group_wait_is_not_told() -> None:
    patient = replace(POLICY, group_wait=MINUTE)
    fresh = open_group(KEY, patient, NOON)
    assert decide(fresh, patient, Standing(firing={}), NOON) == Decision(group=None)


def test_a_clock_set_back_does_not_hold_news_up_for_an_hour() -> None:
    back = later(told({A: 2.0}), {A: 2.0, B: 3.0}, minutes=-60)
    assert back.reason is NotifyReason.NEW


def test_an_unpriced_alert_neither_improves_nor_breaks_the_comparison() -> None:
    group = told({A: 2.0})
    assert decide(group, POLICY, Standing(firing={A: None}), NOON + 5 * MINUTE).reason is None


_firing = st.dictionaries(st.sampled_from([A, B]), st.floats(0.5, 5))


@given(st.lists(st.tuples(_firing, st.integers(0, 300)), max_size=25))
def test_every_alert_that_stays_is_told_and_nothing_is_resolved_untold(
    polls: list[tuple[dict[AlertKey, float], int]],
) -> None:
    """After each decision all that fires is told or waits; only what was told is told as ended."""
    group, now, known = None, NOON, set[AlertKey]()
    for values, minutes in polls:
        now += minutes * MINUTE
        if not group and not values:
            continue
        opened = group or open_group(KEY, POLICY, now)
        decision = decide(opened, POLICY, firing(values), now)
        assert set(decision.ended) <= known
        if decision.reason:
            known = set(values)
        group = decision.group
        assert group is not None or not values
        if group and group.due_at is None:
            assert set(values) == set(group.told)
