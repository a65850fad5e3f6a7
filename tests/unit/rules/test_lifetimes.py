"""Whole lives of alerts, through outages: what must hold whatever the polls were like."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.market.money import nano
from monitor.market.snapshot import Snapshot
from monitor.rules.alert import AlertState, RuleName, Transition
from monitor.rules.conditions import AtMost, Attribute
from monitor.rules.evaluate import Evaluation, evaluate, look
from monitor.rules.past import Past
from monitor.rules.rule import Rule, needs
from tests.unit.rules.market_strategies import NOON, an_offer

MINUTE = timedelta(minutes=1)
TOLERANCE = 10
CHEAP, DEAR = an_offer(price=1), an_offer(price=3)


@dataclass(frozen=True, slots=True)
class Seen:
    """One good poll: whether the rule was met, and the minutes lost since the poll before it."""

    met: bool
    lost: int


lives = st.lists(
    st.builds(Seen, st.booleans(), st.sampled_from([0, 0, 0, 2, TOLERANCE, TOLERANCE + 1, 99])),
    min_size=1,
    max_size=30,
)
minutes = st.integers(0, 4)


class Life:
    """Evaluates one poll after the other, a minute and what was lost apart."""

    def __init__(self, hold: int, keep: int, *, gone: bool = False) -> None:
        self.rule = Rule(
            name=RuleName("r"),
            conditions=(AtMost(attribute=Attribute.PRICE, limit=nano(2)),),
            hold_for=hold * MINUTE,
            keep_firing_for=keep * MINUTE,
            outage_tolerance=TOLERANCE * MINUTE,
            gone=gone,
        )
        self.past = Past(needs([self.rule]))
        self.last = Evaluation(changed=(), transitions=(), active={})
        self.now = NOON
        self.made: list[Transition] = []

    def see(self, poll: Seen) -> Evaluation:
        self.now += (poll.lost or 1) * MINUTE
        return self.look(poll, unknown=poll.lost * MINUTE)

    def look(self, poll: Seen, unknown: timedelta = timedelta(0)) -> Evaluation:
        offers = (CHEAP if poll.met else DEAR,)
        snapshot = Snapshot(marketplace="m", at=self.now, hostnodes=(), offers=offers)
        self.past.feed(snapshot, MINUTE)
        seen = look([self.rule], snapshot, self.past)
        self.last = evaluate([self.rule], seen, self.last.active, now=self.now, unknown=unknown)
        self.made += self.last.transitions
        return self.last

    @property
    def state(self) -> str:
        return next((str(alert.state) for alert in self.last.active.values()), "inactive")


class Prometheus:
    """`AlertingRule.Eval` and, after an outage, `Group.RestoreForState`, for one set of labels.

    The grace period is nought. Where Prometheus forgets at a restart what fires and since when it
    has not been met, this one remembers it, and lets the clock stand still: the one difference.
    """

    def __init__(self, hold: int, keep: int) -> None:
        self.hold, self.keep = hold, keep
        self.state, self.active_at, self.down_at = "inactive", 0, 0
        self.keep_firing_since: int | None = None

    def see(self, ts: int, poll: Seen) -> str:
        if not poll.lost:
            self.eval(ts, met=poll.met)
        elif self.state == "pending":
            self.restart(ts, met=poll.met)
        else:
            if self.keep_firing_since is not None:
                self.keep_firing_since += ts - self.down_at
            self.eval(ts, met=poll.met)
        self.down_at = ts
        return self.state

    def restart(self, ts: int, *, met: bool) -> None:
        restored_active_at = self.active_at
        self.state = "inactive"
        self.eval(ts, met=met)
        if met and self.down_at >= ts - TOLERANCE:
            self.active_at = restored_active_at + ts - self.down_at

    def eval(self, ts: int, *, met: bool) -> None:
        if met and self.state == "inactive":
            self.state, self.active_at = "pending", ts
        if met:
            self.keep_firing_since = None
            if self.state == "pending" and ts - self.active_at >= self.hold:
                self.state = "firing"
            return
        if self.state == "firing" and self.keep > 0:
            if self.keep_firing_since is None:
                self.keep_firing_since = ts
            if ts - self.keep_firing_since < self.keep:
                return
        self.state, self.keep_firing_since = "inactive", None


@given(minutes, minutes, lives)
def test_every_life_goes_as_in_prometheus_restored_after_each_outage(
    hold: int, keep: int, polls: list[Seen]
) -> None:
    life, prometheus = Life(hold, keep), Prometheus(hold, keep)
    for poll in polls:
        life.see(poll)
        assert life.state == prometheus.see((life.now - NOON) // MINUTE, poll)
        for alert in life.last.active.values():
            if alert.state is AlertState.PENDING:
                assert alert.pending_since == NOON + prometheus.active_at * MINUTE


@given(hold=minutes, keep=minutes, polls=lives, gone=st.booleans())
def test_nothing_ends_that_did_not_fire_and_nothing_fires_before_its_time(
    hold: int, keep: int, polls: list[Seen], *, gone: bool
) -> None:
    life = Life(hold, keep, gone=gone)
    known, since, state = timedelta(0), timedelta(0), AlertState.INACTIVE
    for poll in polls:
        known += timedelta(0) if poll.lost else MINUTE
        for made in life.see(poll).transitions:
            assert made.before is (AlertState.INACTIVE if state.name == "RESOLVED" else state)
            assert made.after is not made.before
            if made.before is AlertState.INACTIVE:
                since = known
            if made.after is AlertState.FIRING:
                assert known - since >= life.rule.hold_for
            if made.after is AlertState.RESOLVED:
                assert made.before is AlertState.FIRING
            state = made.after


@given(hold=minutes, keep=minutes, polls=lives, gone=st.booleans())
def test_evaluating_again_at_the_same_instant_changes_nothing(
    hold: int, keep: int, polls: list[Seen], *, gone: bool
) -> None:
    life = Life(hold, keep, gone=gone)
    for poll in polls:
        before = life.see(poll).active
        again = life.look(poll)
        assert (again.changed, again.transitions, again.active) == ((), (), before)


@given(minutes, minutes, lives)
def test_a_value_is_told_with_each_change(hold: int, keep: int, polls: list[Seen]) -> None:
    life = Life(hold, keep)
    ends: list[datetime] = []
    for poll in polls:
        for made in life.see(poll).transitions:
            assert made.value == nano(1)
            ends.append(made.at)
    assert ends == sorted(ends)
