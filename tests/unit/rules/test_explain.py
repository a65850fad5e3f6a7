"""Why a rule is met or not: the funnel, what nearly meets it, and what the past says."""

from datetime import timedelta

from monitor.market.hostnode import Location
from monitor.market.money import nano
from monitor.market.offer import Offer
from monitor.market.quote import Shape
from monitor.market.snapshot import Snapshot
from monitor.rules.against import Against, Yardstick
from monitor.rules.alert import Alert, AlertState, RuleName
from monitor.rules.conditions import (
    AtLeast,
    AtMost,
    Attribute,
    Below,
    Condition,
    Equals,
    Fits,
    OneOf,
    TotalAtMost,
    told,
)
from monitor.rules.explain import MISSES, Explanation, due_at, explain
from monitor.rules.past import Past
from monitor.rules.rule import Rule, needs
from tests.unit.rules.market_strategies import NOON, an_offer

MINUTE = timedelta(minutes=1)
H100 = OneOf(attribute=Attribute.GPU, globs=("h100-*",))
CAP = AtMost(attribute=Attribute.PRICE, limit=nano(2))
UPTIME = AtLeast(attribute=Attribute.UPTIME, limit=99)


def explained(
    *offers: Offer, conditions: tuple[Condition, ...] = (H100, CAP, UPTIME)
) -> Explanation:
    """Explain a rule by offers, the first of which was there for five minutes for 3 $/h."""
    rule = Rule(name=RuleName("r"), conditions=conditions)
    past = Past(needs([rule]))
    before = tuple(an_offer(gpu=offer.gpu, price=3) for offer in offers[:1])
    for minute in range(5):
        past.feed(a_snapshot(minute, before), MINUTE)
    snapshot = a_snapshot(5, offers)
    past.feed(snapshot, MINUTE)
    return explain(rule, snapshot, past)


def a_snapshot(minute: int, offers: tuple[Offer, ...]) -> Snapshot:
    return Snapshot(marketplace="m", at=NOON + minute * MINUTE, hostnodes=(), offers=offers)


def test_the_funnel_counts_what_is_left_after_each_condition() -> None:
    found = explained(
        an_offer(gpu="l4-pcie-24gb", price=1),
        an_offer(price=2.15),
        an_offer(price=1.9, uptime=98.7),
        an_offer(price=1.8),
    )
    assert found.offers == 4
    assert [(stage.left, stage.condition) for stage in found.stages] == [
        (3, "gpu h100-*"),
        (2, "at most 2.00 $/h per GPU"),
        (1, "uptime at least 99"),
    ]
    assert [match.offers for match in found.matches.values()] == [1]


def test_the_nearest_misses_say_what_they_lack_and_are_of_the_model_that_is_wanted() -> None:
    found = explained(
        an_offer(gpu="l4-pcie-24gb", price=1),
        an_offer(host="far", price=2.15, uptime=90),
        an_offer(host="dear", price=2.15),
        an_offer(host="shaky", price=1.9, uptime=98.7),
    )
    assert [(miss.offer.hostnode.id, miss.lacks) for miss in found.misses] == [
        ("shaky", ("uptime 98.7, wanted 99",)),
        ("dear", ("0.15 $/h too dear",)),
        ("far", ("0.15 $/h too dear", "uptime 90, wanted 99")),
    ]


def test_only_the_nearest_of_many_misses_are_told() -> None:
    found = explained(*(an_offer(host=f"h{n}", price=3 + n) for n in range(20)))
    assert [miss.offer.hostnode.id for miss in found.misses] == [f"h{n}" for n in range(MISSES)]


def test_an_unpriced_offer_is_the_furthest_of_those_that_lack_as_much() -> None:
    found = explained(an_offer(host="unpriced", price=None), an_offer(host="dear", price=9))
    assert [miss.offer.hostnode.id for miss in found.misses] == ["dear", "unpriced"]


def test_history_is_told_with_its_limit_and_how_much_of_it_is_known() -> None:
    low = Against(yardstick=Yardstick.MEDIAN, window=10 * MINUTE, milli=10_000)
    found = explained(an_offer(price=2.8), conditions=(H100, low))
    (measured,) = found.measured
    assert (measured.look.covered, measured.look.median) == (0.5, nano(3))
    assert (measured.bound.limit, measured.best) == (nano(2.7), nano(2.8))
    assert found.misses[0].lacks == ("0.10 $/h too dear to be 10 % below the median of 10 min",)


def test_too_little_history_is_said_once_where_several_conditions_lack_it() -> None:
    conditions = (
        H100,
        Against(yardstick=Yardstick.LOW, window=30 * MINUTE),
        Against(yardstick=Yardstick.HIGH, window=30 * MINUTE, milli=10_000),
    )
    found = explained(an_offer(price=1), conditions=conditions)
    assert [stage.left for stage in found.stages] == [1, 0, 0]
    assert found.misses[0].lacks == ("17 % of 30 min is known, wanted 50 %",)


def test_every_kind_of_condition_is_told_in_words() -> None:
    box = Shape(gpu_count=2, vcpu_count=8, ram_gb=64)
    month = timedelta(days=30)
    words: dict[Condition, str] = {
        H100: "gpu h100-*",
        AtLeast(attribute=Attribute.AVAILABLE, limit=2): "at least 2 free",
        AtLeast(attribute=Attribute.PRICE, limit=nano(0.4)): "at least 0.40 $/h per GPU",
        Below(attribute=Attribute.UPTIME, limit=95): "uptime below 95",
        Equals(attribute=Attribute.NETWORK_STORAGE, flag=True): "network storage yes",
        Fits(shape=box): "room for 2 GPUs, 8 vCPUs, 64 GB of RAM",
        TotalAtMost(shape=box, limit=nano(3)): "at most 3.00 $/h in total",
        Against(yardstick=Yardstick.MEDIAN, window=month): "below the median of 30 d",
        Against(yardstick=Yardstick.PERCENTILE, window=month, milli=5_000): (
            "cheaper than 95 % of 30 d"
        ),
        Against(yardstick=Yardstick.LOW, window=month): "the lowest of 30 d",
        Against(yardstick=Yardstick.HIGH, window=90 * MINUTE, milli=12_500): (
            "12.5 % below the highest of 90 min"
        ),
    }
    assert {condition: told(condition) for condition in words} == words


def test_what_is_not_told_is_lacking() -> None:
    """It lacks what it does not tell, and says so."""
    country = OneOf(attribute=Attribute.COUNTRY, globs=("Canada",))
    found = explained(an_offer(location=Location()), conditions=(H100, country))
    assert found.misses[0].lacks == ("country not told, wanted Canada",)


def test_an_alert_is_due_when_its_clock_runs_out() -> None:
    rule = Rule(name=RuleName("r"), conditions=(), hold_for=5 * MINUTE, keep_firing_for=9 * MINUTE)

    def alert(state: AlertState, *, keeping: bool = False) -> Alert:
        return Alert(
            rule=rule.name,
            labels=(("marketplace", "m"),),
            state=state,
            active_at=NOON,
            pending_since=NOON,
            keep_firing_since=NOON if keeping else None,
        )

    assert due_at(rule, alert(AlertState.PENDING)) == NOON + 5 * MINUTE
    assert due_at(rule, alert(AlertState.FIRING)) is None
    assert due_at(rule, alert(AlertState.FIRING, keeping=True)) == NOON + 9 * MINUTE
