"""Any course of events: polls, faults, crashes, people, hours; and what holds at any moment."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.grab.acts import approve, end
from monitor.grab.book import Switch
from monitor.grab.grab import BILLED, COUNTING, Grab, Mode
from monitor.grab.wish import Limits, Wish
from monitor.market.money import nano
from monitor.rules.alert import RuleName
from monitor.simulator.catalogue import FAULTS
from monitor.simulator.faults import Endpoint
from tests.unit.grab.buying import HOUR, MINUTE, NOON, a_buying, a_wish
from tests.unit.provision.world import SECOND, World

ENDPOINTS = (Endpoint.CREATE, Endpoint.DELETE, Endpoint.INSTANCES, Endpoint.INSTANCE)
NOT_HERE = {"rate-higher", "vanish"}
"""These two exceed a limit on purpose, or end an instance behind our back: tested alone."""
STRIKES = sorted(
    (fault.name, endpoint.value)
    for fault in FAULTS.values()
    if fault.name not in NOT_HERE
    for endpoint in (*ENDPOINTS, Endpoint.HOSTNODE, Endpoint.HOSTNODES)
    if endpoint in fault.on
)
LIMITS = Limits(
    max_instances=3,
    max_total_per_hour=nano(6.5),
    max_spend_per_day=nano(20),
    max_spend_per_month=nano(300),
    max_creates_per_hour=6,
)
ONE_HOUR_OF_ONE = nano(2.4)
EVENING = NOON + 9 * HOUR


def wishes() -> tuple[Wish, ...]:
    """Return a rule that may have two, and one with a person and a limit of its own."""
    return (
        a_wish(RuleName("a"), limits=Limits(max_instances=2), time_to_live=2 * HOUR),
        a_wish(
            RuleName("b"),
            mode=Mode.APPROVE,
            limits=Limits(max_instances=1, max_spend_per_day=nano(5)),
            cooldown=MINUTE,
            time_to_live=None,
            stop_when_spent=nano(4),
        ),
    )


class Buying(RuleBasedStateMachine):
    """A program on a market, killed, hindered and commanded at will."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(a_buying(*wishes(), limits=LIMITS), now=EVENING)
        self.known = self.world.ready()

    @rule()
    def read_the_book(self) -> None:
        self.known = self.world.ready()

    @rule(crash=st.none() | st.integers(1, 16), knows=st.booleans())
    def poll_and_buy(self, crash: int | None, knows: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
        """Go by what the book says now, or by what it said some time ago."""
        buy = partial(self.world.buy, None if knows else self.known)
        self._do(buy, crash)

    @rule(crash=st.none() | st.integers(1, 16))
    def poll_and_plan(self, crash: int | None) -> None:
        self._do(self.world.plan_and_send, crash)

    @rule(seconds=st.integers(1, 90), crash=st.none() | st.integers(1, 12))
    def wait(self, seconds: int, crash: int | None) -> None:
        self.world.now += seconds * SECOND
        self._do(self.world.follow, crash)

    @rule(hours=st.integers(1, 5))
    def let_hours_pass(self, hours: int) -> None:
        self.world.advance(hours * HOUR, step=5 * MINUTE)

    @rule(strike=st.sampled_from(STRIKES), times=st.integers(1, 2), only=st.sampled_from("*123"))
    def make_it_fail(self, strike: tuple[str, str], times: int, only: str) -> None:
        name, endpoint = strike
        about_one = endpoint in {Endpoint.CREATE, Endpoint.HOSTNODE} and only != "*"
        hostnode = f"hn-{only}" if about_one else "*"
        self.world.faults.on(name, endpoint=endpoint, times=times, seconds=60, hostnode=hostnode)

    @rule(minutes=st.sampled_from((3, 12)))
    def show_nothing(self, minutes: int) -> None:
        """For less than it takes to give up what is unclear, lists are empty and all else fails."""
        world = self.world
        world.faults.off()
        world.advance(2 * MINUTE, step=MINUTE)
        world.faults.on("instances-empty")
        for endpoint in (Endpoint.INSTANCE, Endpoint.DELETE):
            world.faults.on("error-503", endpoint=endpoint)
        world.advance(minutes * MINUTE, step=20 * SECOND)
        world.faults.off()

    @rule(number=st.integers(1, 4), price=st.sampled_from((1.5, 2.0, 2.3)), count=st.integers(0, 4))
    def move_the_market(self, number: int, price: float, count: int) -> None:
        self.world.market.set_offer(hostnode=f"hn-{number}", price=price, count=count)

    @rule(paused=st.booleans())
    def pause_or_resume(self, paused: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
        with self.world.books.book() as book:
            book.set_switch(Switch(paused=paused, by="ada"))

    @rule(there=st.booleans())
    def put_the_stop_file(self, there: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
        self.world.stop_file = there

    @precondition(lambda self: self._counting())
    @rule(data=st.data())
    def end_one(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self._counting()), label="grab")
        self._write(end(chosen, "ada", self.world.now))

    @precondition(lambda self: self._counting())
    @rule(data=st.data())
    def approve_one(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self._counting()), label="grab")
        self._write(approve(chosen, "ada", self.world.now))

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        ours = self.world.ours
        names = {grab.instance_name: grab.rule for grab in self.world.books.all()}
        assert len(ours) <= 3
        assert sum(each.rate for each in ours) <= nano(6.5)
        for name, most in (("a", 2), ("b", 1)):
            assert sum(names[each.name] == name for each in ours) <= most

    @invariant()
    def nothing_is_sent_twice_or_too_often(self) -> None:
        sent = self.world.sent
        assert len(sent) == len(set(sent))
        at = [grab.submitted_at for grab in self.world.books.all() if grab.submitted_at]
        assert len(at) >= len(sent)
        assert max((_within_an_hour(at, first) for first in at), default=0) <= 6

    @invariant()
    def every_instance_is_in_a_row(self) -> None:
        billed = {g.instance_name for g in self.world.books.all() if g.status in BILLED}
        assert {each.name for each in self.world.ours} <= billed

    @invariant()
    def no_day_costs_more_than_its_limit_and_an_hour(self) -> None:
        today = self.world.now.date()
        for day in (today, today - timedelta(days=1)):
            assert self.world.spent(day) <= nano(20) + ONE_HOUR_OF_ONE

    def teardown(self) -> None:
        world = self.world
        world.stop_file = True
        world.faults.off()
        world.advance(7 * HOUR, step=5 * MINUTE)
        assert world.ours == []
        assert self._counting() == []

    def _do(self, act: Callable[[], None], crash: int | None) -> None:
        if crash is None:
            act()
        else:
            self.world.dying(act, crash)

    def _counting(self) -> list[Grab]:
        return [grab for grab in self.world.books.all() if grab.status in COUNTING]

    def _write(self, after: Grab | str) -> None:
        if isinstance(after, Grab):
            with self.world.books.book() as book:
                before = book.find(after.id)
                assert before is not None
                book.change(before, after, after.reason, self.world.now)


def _within_an_hour(at: list[datetime], first: datetime) -> int:
    return sum(first <= each < first + HOUR for each in at)


TestBuying = Buying.TestCase
TestBuying.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
