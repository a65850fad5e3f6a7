from datetime import datetime, timedelta

from monitor.market.hostnode import Location, LocationId
from monitor.market.money import nano
from monitor.market.offer import Offer
from monitor.market.quote import Shape
from monitor.market.snapshot import Snapshot
from monitor.rules.alert import AlertState, RuleName, TransitionReason
from monitor.rules.conditions import AtMost, Attribute
from monitor.rules.evaluate import AlertKey, Evaluation, evaluate, look
from monitor.rules.rule import Per, Rule
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
