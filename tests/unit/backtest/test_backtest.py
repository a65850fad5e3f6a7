"""A backtest: the daemon's own cycle over made-up polls, in memory."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.notice import GroupLabel, NotifyPolicy
from monitor.alerting.outbox import DestinationKey
from monitor.backtest.result import RuleResult, results
from monitor.backtest.run import USUAL_INTERVAL, Backtest, usual_interval
from monitor.backtest.sweep import variants, varied
from monitor.market.money import nano
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.plan import Plan
from monitor.rules.against import Against, Yardstick
from monitor.rules.alert import RuleName
from monitor.rules.conditions import AtMost, Attribute
from monitor.rules.rule import Rule
from tests.unit.rules.market_strategies import NOON, an_offer

MINUTE = timedelta(minutes=1)
CHEAP = RuleName("cheap")


def a_plan(
    policy: dict[str, Any] | None = None, *, hold_for: int = 0, keep_firing_for: int = 0
) -> Plan:
    """Return a plan with one rule, at most two dollars, told to two receivers."""
    rule = Rule(
        name=CHEAP,
        conditions=(AtMost(attribute=Attribute.PRICE, limit=nano(2)),),
        hold_for=hold_for * MINUTE,
        keep_firing_for=keep_firing_for * MINUTE,
    )
    return Plan(
        rules={CHEAP: rule},
        policies={CHEAP: NotifyPolicy(notify=("chat", "mail"), **(policy or {}))},
        destinations={"chat": (DestinationKey("json#1"),), "mail": (DestinationKey("mailto#2"),)},
    )


def polls(prices: str, *, every: timedelta = MINUTE, start: datetime = NOON) -> Iterator[Poll]:
    """Yield a poll for each character: a price in dollars, `.` no such offer, `!` a failure.

    A space is a minute without a poll.
    """
    for number, price in enumerate(prices):
        at = start + number * every
        if price == "!":
            yield Poll(marketplace="m", at=at, outcome=Outcome.UNREACHABLE, duration=0)
        elif price != " ":
            offers = () if price == "." else (an_offer(price=float(price)),)
            snapshot = Snapshot(marketplace="m", at=at, hostnodes=(), offers=offers)
            yield Poll(marketplace="m", at=at, outcome=Outcome.OK, duration=0, snapshot=snapshot)


def ran(plan: Plan, prices: str) -> dict[RuleName, RuleResult]:
    run = Backtest(plan, "m", interval=MINUTE)
    run.feed(polls(prices))
    return results(plan.rules, run.ledger)


def course(result: RuleResult) -> str:
    """Return the transitions as `minute state`, one after the other."""
    return ", ".join(
        f"{(each.at - NOON) // MINUTE} {each.after.value}" for each in result.transitions
    )


def chat(result: RuleResult) -> str:
    """Return what one of the receivers was told, as `seconds reason`."""
    return ", ".join(
        f"{(each.at - NOON).total_seconds():g} {each.reason.value}"
        for each in result.told
        if each.receiver == "chat"
    )


def test_transitions_and_notifications_come_as_live() -> None:
    result = ran(a_plan(hold_for=2, keep_firing_for=1), "322223..")[CHEAP]
    assert course(result) == "1 pending, 3 firing, 6 resolved"
    assert chat(result) == "180 first, 360 resolved"
    assert (result.firing, result.resolved, result.lapsed) == (1, 1, 0)
    assert {name: sum(told.values()) for name, told in result.by_receiver().items()} == {
        "chat": 2,
        "mail": 2,
    }


def test_what_lapses_is_counted_and_not_told() -> None:
    result = ran(a_plan(hold_for=2), "2.2.222")[CHEAP]
    assert (result.lapsed, result.firing) == (2, 1)
    assert chat(result) == "360 first"


@pytest.mark.parametrize(
    ("prices", "transitions"),
    [
        ("222", "0 pending, 2 firing"),
        ("2!!2222", "0 pending, 4 firing"),  # three minutes, of which a good poll covers one
        ("2     222", "0 pending, 8 firing"),  # without a poll it covers none
    ],
)
def test_failures_and_gaps_freeze_the_clocks(prices: str, transitions: str) -> None:
    assert course(ran(a_plan(hold_for=2), prices)[CHEAP]) == transitions


_CHEAP = (AtMost(attribute=Attribute.PRICE, limit=nano(2)),)
_FALLEN = (Against(yardstick=Yardstick.HIGH, window=5 * MINUTE, milli=20_000),)


@pytest.mark.parametrize(
    ("rule", "prices"),
    [
        (Rule(name=CHEAP, conditions=_FALLEN), "3333332223"),
        (Rule(name=CHEAP, conditions=_CHEAP, gone=True), "333332..2."),
    ],
    ids=["drop", "gone"],
)
def test_rules_that_look_back_know_of_what_was_polled_before(rule: Rule, prices: str) -> None:
    """They do what they would have done then if all had been lived through, and nothing earlier."""
    plan = replace(a_plan(), rules={CHEAP: rule})
    whole = list(polls(prices))
    late = Backtest(plan, "m", interval=MINUTE)
    known = late.remember(whole[2:6])
    late.feed(whole[6:])
    at_once = Backtest(plan, "m", interval=MINUTE)
    at_once.feed(whole)
    since = NOON + 6 * MINUTE
    expected = [each for each in at_once.ledger.transitions if each.at >= since]
    assert late.ledger.transitions == expected != []
    assert known.polls == 4


def test_what_waits_is_told_between_polls_at_the_instant_it_has_waited_for() -> None:
    plan = a_plan({"group_wait": timedelta(seconds=90)})
    assert chat(ran(plan, "2222")[CHEAP]) == "90 first"


def test_a_wait_that_ends_with_a_poll_is_told_by_its_cycle() -> None:
    plan = a_plan({"group_wait": 2 * MINUTE})
    assert chat(ran(plan, "2221")[CHEAP]) == "120 first, 180 improved"


def test_the_delay_is_from_the_first_sight_to_the_notification() -> None:
    plan = a_plan({"group_wait": timedelta(seconds=30)}, hold_for=1)
    result = ran(plan, "22....222...")[CHEAP]
    assert result.delays == (timedelta(seconds=90), timedelta(seconds=90))
    assert result.median_delay == result.worst_delay == timedelta(seconds=90)


def test_an_alert_that_ends_before_it_is_told_has_no_delay() -> None:
    result = ran(a_plan({"group_wait": 5 * MINUTE}), "22....")[CHEAP]
    assert result.firing == 1
    assert (result.delays, result.median_delay, result.worst_delay) == ((), None, None)


@given(st.text("2.! ", min_size=1, max_size=30), st.integers(0, 3), st.integers(0, 3))
def test_each_variant_of_a_sweep_does_what_its_rule_would_do_alone(
    prices: str, hold: int, keep: int
) -> None:
    plan = a_plan()
    tried = variants(
        plan, hold_for=[0 * MINUTE, hold * MINUTE], keep_firing_for=[keep * MINUTE, 4 * MINUTE]
    )
    wanted = next(each for each in tried if each.hold_for == hold * MINUTE)
    swept = ran(varied(plan, tried), prices)[wanted.name]
    alone = ran(a_plan(hold_for=hold, keep_firing_for=keep), prices)[CHEAP]
    assert course(swept) == course(alone)
    assert chat(swept) == chat(alone)
    assert swept.delays == alone.delays


def test_a_message_for_several_rules_counts_for_each() -> None:
    plan = a_plan({"group_by": (GroupLabel.SEVERITY,)})
    other = RuleName("other")
    both = replace(
        plan,
        rules={**plan.rules, other: replace(plan.rules[CHEAP], name=other)},
        policies=dict.fromkeys((CHEAP, other), plan.policies[CHEAP]),
    )
    found = ran(both, "223")
    assert [chat(found[name]) for name in (CHEAP, other)] == ["0 first, 120 resolved"] * 2


def test_the_variants_of_a_sweep_are_told_apart_whatever_rules_are_grouped_by() -> None:
    plan = a_plan({"group_by": (GroupLabel.SEVERITY,)})
    wanted = variants(plan, hold_for=[0 * MINUTE, MINUTE], keep_firing_for=None)
    found = ran(varied(plan, wanted), "2223")
    told = [chat(found[each.name]) for each in wanted]
    assert told == ["0 first, 180 resolved", "60 first, 180 resolved"]


def test_a_sweep_over_one_clock_leaves_the_other_as_it_is() -> None:
    tried = variants(a_plan(keep_firing_for=7), hold_for=[MINUTE], keep_firing_for=None)
    assert [(each.hold_for, each.keep_firing_for) for each in tried] == [(MINUTE, 7 * MINUTE)]


def test_the_interval_is_the_median_time_between_polls() -> None:
    instants = [NOON + minutes * MINUTE for minutes in (0, 2, 4, 4, 90, 92)]
    assert usual_interval(instants) == 2 * MINUTE
    assert usual_interval([NOON]) == USUAL_INTERVAL
