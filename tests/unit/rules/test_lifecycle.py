"""The life of alerts, held against a plain transcript of Prometheus' own algorithm."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.market.money import nano
from monitor.rules.alert import Alert, AlertState, RuleName, TransitionReason
from monitor.rules.lifecycle import outage, step, thaw
from monitor.rules.match import Match
from monitor.rules.rule import Rule
from tests.unit.rules.market_strategies import NOON

MINUTE = timedelta(minutes=1)
LABELS = (("gpu", "h100"), ("marketplace", "m"))
MATCH = Match(labels=LABELS, value=nano(2), offers=1, best=())


def a_rule(hold: int = 0, keep: int = 0) -> Rule:
    return Rule(
        name=RuleName("cheap"), conditions=(), hold_for=hold * MINUTE, keep_firing_for=keep * MINUTE
    )


def live(rule: Rule, seen: str, alert: Alert | None = None) -> list[str]:
    """Evaluate once a minute, `x` met and `.` not; return the state after each."""
    states = []
    for minute, met in enumerate(seen):
        now = NOON + minute * MINUTE
        alert = step(rule, alert, MATCH if met == "x" else None, now).alert
        states.append("inactive" if alert is None else str(alert.state))
        if alert and alert.state in {AlertState.INACTIVE, AlertState.RESOLVED}:
            alert = None
    return states


@pytest.mark.parametrize(
    ("hold", "keep", "seen", "states"),
    [
        (0, 0, ".x.", "inactive firing resolved"),
        (2, 0, "xxx.", "pending pending firing resolved"),
        (2, 0, "xx.x", "pending pending inactive pending"),
        (0, 2, "x..x", "firing firing firing firing"),
        (0, 2, "x...", "firing firing firing resolved"),
        (0, 2, "x..x...", "firing firing firing firing firing firing resolved"),
        (1, 1, "xx...", "pending firing firing resolved inactive"),
    ],
)
def test_an_alert_lives_as_in_prometheus(hold: int, keep: int, seen: str, states: str) -> None:
    assert live(a_rule(hold, keep), seen) == states.split()


@dataclass
class Reference:
    """`AlertingRule.Eval` of Prometheus for one set of labels, in whole minutes."""

    hold: int
    keep: int
    state: str = "inactive"
    active_at: int = 0
    keep_firing_since: int | None = None

    def eval(self, ts: int, *, met: bool) -> str:
        if met and self.state in {"inactive", "resolved"}:
            self.state, self.active_at, self.keep_firing_since = "pending", ts, None
        if not met:
            return self._not_met(ts)
        self.keep_firing_since = None
        if self.state == "pending" and ts - self.active_at >= self.hold:
            self.state = "firing"
        return self.state

    def _not_met(self, ts: int) -> str:
        if self.state == "firing" and self.keep > 0:
            if self.keep_firing_since is None:
                self.keep_firing_since = ts
            if ts - self.keep_firing_since < self.keep:
                return self.state
        self.state = "resolved" if self.state == "firing" else "inactive"
        return self.state


@given(st.integers(0, 4), st.integers(0, 4), st.text("x.", min_size=1, max_size=40))
def test_every_history_goes_as_prometheus_goes(hold: int, keep: int, seen: str) -> None:
    reference = Reference(hold, keep)
    expected = [reference.eval(minute, met=met == "x") for minute, met in enumerate(seen)]
    assert live(a_rule(hold, keep), seen) == expected


@given(
    st.integers(0, 4),
    st.integers(0, 4),
    st.lists(st.tuples(st.sampled_from("x."), st.integers(0, 90)), min_size=1, max_size=30),
)
def test_time_without_data_counts_for_neither_clock(
    hold: int, keep: int, polls: list[tuple[str, int]]
) -> None:
    """With any outage before any poll, the states are those of the same polls without outages."""
    rule = a_rule(hold, keep)
    alert, now, states = None, NOON, []
    for met, lost in polls:
        now += MINUTE + lost * MINUTE
        alert = alert and thaw(alert, lost * MINUTE)
        alert = step(rule, alert, MATCH if met == "x" else None, now).alert
        states.append("inactive" if alert is None else str(alert.state))
        if alert and alert.state in {AlertState.INACTIVE, AlertState.RESOLVED}:
            alert = None
    assert states == live(rule, "".join(met for met, _ in polls))


@given(st.integers(0, 3), st.integers(0, 3), st.text("x.", max_size=20), st.sampled_from("x."))
def test_evaluating_twice_at_one_instant_changes_nothing(
    hold: int, keep: int, seen: str, last: str
) -> None:
    rule, alert, now = a_rule(hold, keep), None, NOON
    for minute, met in enumerate([*seen, last]):
        now = NOON + minute * MINUTE
        alert = step(rule, alert, MATCH if met == "x" else None, now).alert
        if alert and alert.state in {AlertState.INACTIVE, AlertState.RESOLVED}:
            alert = None
    again = step(rule, alert, MATCH if last == "x" else None, now)
    assert again.alert == alert
    assert again.transition is None


def test_transitions_carry_reason_value_and_instant() -> None:
    pending = step(a_rule(hold=1), None, MATCH, NOON)
    assert pending.alert is not None
    assert pending.transition is not None
    assert pending.transition.reason is TransitionReason.MATCHED
    firing = step(a_rule(hold=1), pending.alert, MATCH, NOON + MINUTE)
    assert firing.transition is not None
    assert (firing.transition.before, firing.transition.after) == (
        AlertState.PENDING,
        AlertState.FIRING,
    )
    assert firing.transition.reason is TransitionReason.HELD
    assert firing.transition.value == nano(2)
    assert firing.transition.at == NOON + MINUTE


@pytest.mark.parametrize(
    ("minutes", "failed", "unknown"),
    [
        (1, False, 0),
        (3, False, 0),
        (0.5, True, 0),
        (1, True, 0),
        (3, True, 2),
        (4, False, 4),
        (9, True, 8),
        (-60, False, -60),
        (-60, True, -60),
        (0, False, 0),
    ],
)
def test_an_outage_is_a_failed_poll_a_long_pause_or_a_clock_set_back(
    minutes: float, unknown: int, *, failed: bool
) -> None:
    """A good poll covers one interval before it where others failed."""
    now = NOON + minutes * MINUTE
    assert outage(NOON, now, MINUTE, failed_since=failed) == unknown * MINUTE


def test_the_first_poll_of_all_has_no_outage_before_it() -> None:
    assert outage(None, NOON, MINUTE, failed_since=True) == timedelta(0)


@given(st.integers(0, 4), st.integers(0, 4), st.text("x.", min_size=1), st.integers(0, 9))
def test_polls_that_fail_in_between_make_what_is_seen_neither_fire_nor_end_otherwise(
    hold: int, keep: int, seen: str, failed: int
) -> None:
    """With so many failed polls before each good one, the states are those without them."""
    rule, alert, before, states = a_rule(hold, keep), None, None, []
    for number, met in enumerate(seen):
        now = NOON + number * (1 + failed) * MINUTE
        alert = alert and thaw(alert, outage(before, now, MINUTE, failed_since=bool(failed)))
        alert = step(rule, alert, MATCH if met == "x" else None, now).alert
        states.append("inactive" if alert is None else str(alert.state))
        if alert and alert.state in {AlertState.INACTIVE, AlertState.RESOLVED}:
            alert = None
        before = now
    assert states == live(rule, seen)


def test_an_outage_moves_only_clocks_that_run() -> None:
    rule = a_rule(hold=0, keep=5)
    fires = step(rule, None, MATCH, NOON).alert
    assert fires is not None
    assert thaw(fires, 60 * MINUTE) is fires
    kept = step(rule, fires, None, NOON + MINUTE).alert
    assert kept is not None
    assert thaw(kept, 60 * MINUTE).keep_firing_since == NOON + 61 * MINUTE


def test_a_clock_set_back_an_hour_neither_speeds_nor_stalls_an_alert() -> None:
    rule = a_rule(hold=5)
    pending = step(rule, None, MATCH, NOON).alert
    assert pending is not None
    back = NOON - 60 * MINUTE
    thawed = thaw(pending, outage(NOON, back, MINUTE, failed_since=False))
    assert _state(rule, thawed, back + 4 * MINUTE) is AlertState.PENDING
    assert _state(rule, thawed, back + 5 * MINUTE) is AlertState.FIRING


def _state(rule: Rule, alert: Alert, now: datetime) -> AlertState:
    after = step(rule, alert, MATCH, now).alert
    assert after is not None
    return after.state
