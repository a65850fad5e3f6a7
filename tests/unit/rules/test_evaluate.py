from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.market.hostnode import Location, LocationId
from monitor.market.money import nano
from monitor.market.offer import Offer
from monitor.market.quote import Shape
from monitor.market.snapshot import Snapshot
from monitor.rules.against import Against, Yardstick
from monitor.rules.alert import Alert, AlertState, RuleName, TransitionReason
from monitor.rules.conditions import AtMost, Attribute, OneOf
from monitor.rules.evaluate import AlertKey, Evaluation, evaluate, look
from monitor.rules.past import Past
from monitor.rules.rule import Per, Rule, needs
from tests.unit.rules.market_strategies import NOON, an_offer

CHEAP = Rule(name=RuleName("cheap"), conditions=(AtMost(attribute=Attribute.PRICE, limit=nano(2)),))


def seen_by(rule: Rule, *offers: Offer, now: datetime = NOON) -> Evaluation:
    return evaluate([rule], look([rule], a_snapshot(*offers)), {}, now=now, unknown=timedelta(0))


def a_snapshot(*offers: Offer) -> Snapshot:
    return Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=offers)


def keys(evaluation: Evaluation) -> list[AlertKey]:
    return list(evaluation.active)


def per(per: Per) -> Rule:
    return Rule(name=CHEAP.name, conditions=CHEAP.conditions, per=per)


OFFERS = (
    an_offer(host="a", gpu="h100", price=1.9, location=Location(id=LocationId("x"))),
    an_offer(host="b", gpu="h100", price=1.8, location=Location(id=LocationId("y"))),
    an_offer(host="b", gpu="a100", price=1.0, location=Location(id=LocationId("y"))),
)


def test_alerts_are_told_apart_by_what_per_says() -> None:
    market = ("marketplace", "m")
    expected = {
        Per.RULE: [(market,)],
        Per.GPU: [(("gpu", "a100"), market), (("gpu", "h100"), market)],
        Per.LOCATION: [(("location", "y"), market), (("location", "x"), market)],
        Per.HOSTNODE: [(("hostnode", "b"), market), (("hostnode", "a"), market)],
    }
    for each, labels in expected.items():
        assert [key[1] for key in keys(seen_by(per(each), *OFFERS))] == labels


def test_an_alert_tells_its_cheapest_offers_and_how_many_there_are() -> None:
    dear = [an_offer(host=f"h{n}", price=1 + n / 10) for n in range(9)]
    (alert,) = seen_by(CHEAP, *reversed(dear)).active.values()
    assert alert.value == nano(1)
    assert alert.offers == 9
    assert [best.hostnode_id for best in alert.best] == ["h0", "h1", "h2", "h3", "h4"]


def test_with_resources_the_best_offer_is_the_cheapest_in_total() -> None:
    box = Rule(name=CHEAP.name, conditions=CHEAP.conditions, shape=Shape(vcpu_count=8))
    near, far = an_offer(host="near", price=1.5), an_offer(host="far", price=1.4)
    (alert,) = seen_by(box, near, far).active.values()
    assert [best.hostnode_id for best in alert.best] == ["far", "near"]
    assert alert.best[0].total == nano(1.4 + 8 * 0.003)


def test_alerts_that_stay_as_they_are_need_no_write() -> None:
    first = seen_by(CHEAP, *OFFERS)
    seen = look([CHEAP], a_snapshot(*OFFERS))
    again = evaluate(
        [CHEAP], seen, first.active, now=NOON + timedelta(minutes=1), unknown=timedelta(0)
    )
    assert again.changed == ()
    assert again.active == first.active


def test_an_alert_of_a_removed_rule_ends_with_that_reason() -> None:
    first = seen_by(CHEAP, *OFFERS)
    after = evaluate([], {}, first.active, now=NOON, unknown=timedelta(0))
    assert {t.reason for t in after.transitions} == {TransitionReason.RULE_REMOVED}
    assert {a.state for a in after.changed} == {AlertState.RESOLVED}
    assert after.active == {}


def test_hostnodes_that_do_not_tell_their_location_share_no_alert() -> None:
    """Oslo and Lima are not one place because neither has an id."""
    oslo, lima = (an_offer(host=name, price=1, location=Location()) for name in ("oslo", "lima"))
    assert len(seen_by(per(Per.LOCATION), oslo, lima).active) == 2


GONE = replace(CHEAP, name=RuleName("gone"), gone=True)
MINUTE = timedelta(minutes=1)


class Market:
    """One good poll a minute, evaluated with the past and the alerts that came before."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = rules
        self._past = Past(needs(rules))
        self._alerts = evaluate((), {}, {}, now=NOON, unknown=timedelta(0)).active
        self.now = NOON

    def sees(self, *offers: Offer, unknown: timedelta = timedelta(0)) -> list[str]:
        """Return the transitions that a poll makes, `unknown` time after the one before it."""
        self.now += MINUTE + unknown
        snapshot = replace(a_snapshot(*offers), at=self.now)
        self._past.feed(snapshot, MINUTE)
        seen = look(self._rules, snapshot, self._past)
        made = evaluate(self._rules, seen, self._alerts, now=self.now, unknown=unknown)
        self._alerts = made.active
        return [f"{dict(t.labels)['gpu']} {t.after}: {t.reason}" for t in made.transitions]

    def edit(self, *rules: Rule) -> None:
        """Go on with other rules, as after a reload."""
        self._rules = rules

    @property
    def alerts(self) -> list[Alert]:
        return list(self._alerts.values())


H100, A100 = an_offer(gpu="h100", price=1.9), an_offer(gpu="a100", price=1)


def test_what_was_there_and_is_not_is_gone_until_it_is_back() -> None:
    market = Market(GONE)
    assert market.sees(H100, A100) == []
    assert market.sees(A100) == ["h100 firing: matched"]
    assert market.sees(A100) == []
    assert market.sees(A100, H100) == ["h100 resolved: ended"]


def test_rules_that_differ_in_one_thing_see_together_what_each_sees_alone() -> None:
    """What equal questions come to is shared; each of these is another question."""
    rules = (
        CHEAP,
        GONE,
        replace(CHEAP, name=RuleName("of hostnodes"), per=Per.HOSTNODE),
        replace(CHEAP, name=RuleName("in total"), shape=Shape(gpu_count=1, vcpu_count=8)),
        replace(CHEAP, name=RuleName("any"), conditions=()),
    )
    past = Past(needs(rules))
    past.feed(a_snapshot(H100, A100), MINUTE)
    now = replace(a_snapshot(A100), at=NOON + MINUTE)
    past.feed(now, MINUTE)
    assert look(rules, now, past) == {
        name: seen for rule in rules for name, seen in look([rule], now, past).items()
    }


def test_what_never_was_there_is_not_gone() -> None:
    market = Market(GONE)
    assert market.sees(A100) == []
    assert market.sees(A100) == []


def test_all_that_a_rule_asks_for_must_have_been_there() -> None:
    """At 2.10 it met nothing, so that its going is no news."""
    market = Market(GONE)
    market.sees(an_offer(gpu="h100", price=2.1))
    assert market.sees() == []


@pytest.mark.parametrize(
    "edited",
    [
        replace(GONE, per=Per.RULE),
        replace(GONE, conditions=(OneOf(attribute=Attribute.GPU, globs=("a100",)),)),
    ],
)
def test_what_a_rule_no_longer_asks_for_is_gone_no_more(edited: Rule) -> None:
    market = Market(GONE)
    market.sees(H100, A100)
    market.sees(A100)
    market.edit(edited)
    assert market.sees(A100) == ["h100 resolved: ended"]


def test_what_a_rule_with_another_cap_asks_for_is_still_gone() -> None:
    market = Market(GONE)
    market.sees(H100, A100)
    market.sees(A100)
    market.edit(replace(GONE, hold_for=MINUTE, conditions=()))
    assert market.sees(A100) == []


def test_a_price_above_the_cap_is_as_good_as_gone() -> None:
    market = Market(GONE)
    market.sees(H100)
    assert market.sees(an_offer(gpu="h100", price=2.1)) == ["h100 firing: matched"]


def test_an_alert_about_the_gone_tells_what_there_was() -> None:
    market = Market(GONE)
    market.sees(H100)
    market.sees()
    (alert,) = market.alerts
    assert (alert.value, alert.offers, alert.best[0].hostnode_id) == (nano(1.9), 0, "hn-1")


def test_gone_for_a_while_fires_after_for() -> None:
    market = Market(replace(GONE, hold_for=2 * MINUTE))
    market.sees(H100)
    assert market.sees() == ["h100 pending: matched"]
    assert market.sees() == []
    assert market.sees() == ["h100 firing: held"]


def test_what_was_pending_before_a_long_outage_begins_anew() -> None:
    """Up to the tolerance the clock stands still; beyond it, what was seen before is too old."""
    rule = replace(CHEAP, hold_for=3 * MINUTE, outage_tolerance=60 * MINUTE)
    short, long = Market(rule), Market(rule)
    for market in (short, long):
        market.sees(A100)
        market.sees(A100)
    assert short.sees(A100, unknown=60 * MINUTE) == []
    assert short.sees(A100) == ["a100 firing: held"]
    assert long.sees(A100, unknown=61 * MINUTE) == [
        "a100 inactive: outage",
        "a100 pending: matched",
    ]
    assert long.alerts[0].active_at == long.now
    assert [long.sees(A100) for _ in range(3)] == [[], [], ["a100 firing: held"]]


def test_what_fired_before_a_long_outage_fires_on() -> None:
    market = Market(replace(CHEAP, keep_firing_for=3 * MINUTE))
    market.sees(A100)
    market.sees()
    assert market.sees(unknown=1000 * MINUTE) == []
    assert [market.sees() for _ in range(2)] == [[], ["a100 resolved: ended"]]


def test_what_was_pending_and_is_not_met_after_a_long_outage_is_over() -> None:
    market = Market(replace(CHEAP, hold_for=3 * MINUTE))
    market.sees(A100)
    assert market.sees(unknown=1000 * MINUTE) == ["a100 inactive: outage"]
    assert market.alerts == []


def test_what_is_gone_before_a_long_outage_and_after_it_begins_anew() -> None:
    market = Market(replace(GONE, hold_for=3 * MINUTE))
    market.sees(H100)
    market.sees()
    assert market.sees(unknown=1000 * MINUTE) == ["h100 inactive: outage", "h100 pending: matched"]


def test_only_offers_of_a_model_that_is_low_are_met() -> None:
    low = Rule(
        name=RuleName("low"),
        conditions=(Against(yardstick=Yardstick.LOW, window=5 * MINUTE),),
    )
    market = Market(low)
    for _ in range(4):
        market.sees(an_offer(gpu="h100", price=2), an_offer(gpu="a100", price=1))
    fallen = an_offer(gpu="h100", price=1.9), an_offer(gpu="a100", price=1)
    assert market.sees(*fallen) == ["h100 firing: matched"]
    assert market.sees(an_offer(gpu="h100", price=1.95)) == ["h100 resolved: ended"]
