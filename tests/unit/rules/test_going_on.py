"""What costs only what has changed comes to the same as what is found anew at each poll."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.market.money import nano
from monitor.market.offer import Offer
from monitor.market.quote import Shape
from monitor.market.snapshot import Snapshot
from monitor.rules.against import Against, Yardstick
from monitor.rules.alert import Acknowledgement, Alert, RuleName
from monitor.rules.conditions import AtMost, Attribute, Below, OneOf, TotalAtMost
from monitor.rules.evaluate import AlertKey, Evaluation, evaluate, look
from monitor.rules.past import Past
from monitor.rules.rule import Per, Rule, needs
from monitor.rules.view import View
from tests.unit.rules.market_strategies import NOON, an_offer

MINUTE = timedelta(minutes=1)
_H100 = OneOf(attribute=Attribute.GPU, globs=("h100*",))
_CHEAP = AtMost(attribute=Attribute.PRICE, limit=nano(2))
_SHAPE = Shape(gpu_count=1, vcpu_count=8)
_CONDITIONS = (
    (),
    (_CHEAP,),
    (_H100, _CHEAP),
    (Below(attribute=Attribute.UPTIME, limit=99),),
    (TotalAtMost(shape=_SHAPE, limit=nano(2.02)),),
    (Against(yardstick=Yardstick.HIGH, window=5 * MINUTE, milli=5_000, min_coverage=0),),
)
_minutes = st.sampled_from([0, 2, 5]).map(lambda count: count * MINUTE)
_rules = st.lists(
    st.builds(
        Rule,
        name=st.just(RuleName("")),
        conditions=st.sampled_from(_CONDITIONS),
        per=st.sampled_from(Per),
        shape=st.sampled_from([None, _SHAPE]),
        gone=st.sampled_from([False, False, True]),
        hold_for=_minutes,
        keep_firing_for=_minutes,
        outage_tolerance=_minutes,
    ),
    min_size=1,
    max_size=4,
).map(lambda rules: [replace(rule, name=RuleName(f"{n}")) for n, rule in enumerate(rules)])
_POOL = [
    an_offer(host=host, gpu=gpu, price=price, uptime=uptime)
    for host, gpu in (("a", "h100"), ("b", "h100"), ("b", "l4"))
    for price, uptime in ((1.9, 99.5), (2.0, 98.0), (2.1, 99.5))
]
"""The same offers come again as the very same objects, as decoded ones do."""
_polls = st.lists(
    st.tuples(
        st.lists(st.sampled_from(_POOL), max_size=4, unique_by=lambda it: (it.hostnode.id, it.gpu)),
        st.sampled_from([0, 0, 0, 3]).map(lambda count: count * MINUTE),
        st.booleans(),
    ),
    max_size=20,
)


@given(_rules, _polls, st.integers(0, 20))
def test_going_on_from_the_poll_before_is_evaluating_all_anew(
    rules: Sequence[Rule], polls: list[tuple[list[Offer], timedelta, bool]], reloaded_at: int
) -> None:
    """Outages, acknowledgements and a change of the rules come in between."""
    view, past, now = View(rules), Past(needs(rules)), NOON
    last = evaluate((), {}, {}, now=now, unknown=timedelta(0))
    for number, (offers, unknown, acknowledged) in enumerate(polls):
        if number == reloaded_at:
            rules = rules[1:]
            view = View(rules)
        now += MINUTE + unknown
        snapshot = Snapshot(marketplace="m", at=now, hostnodes=(), offers=tuple(offers))
        past.feed(snapshot, MINUTE)
        seen, anew = view.look(snapshot, past), look(rules, snapshot, past)
        assert seen == anew
        alerts = _acknowledged(last) if acknowledged else last.active
        going_on = evaluate(rules, seen, alerts, now=now, unknown=unknown, last=last)
        whole = evaluate(rules, anew, alerts, now=now, unknown=unknown)
        assert going_on == whole
        last = going_on


def test_a_rule_that_sees_the_same_is_left_alone() -> None:
    rule = Rule(name=RuleName("cheap"), conditions=(_CHEAP,))
    view, past = View([rule]), Past()
    first = Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=(_POOL[0],))
    seen = view.look(first, past)
    fires = evaluate([rule], seen, {}, now=NOON, unknown=timedelta(0))
    again = view.look(replace(first, at=NOON + MINUTE), past)
    after = evaluate(
        [rule], again, fires.active, now=NOON + MINUTE, unknown=timedelta(0), last=fires
    )
    assert again is seen
    assert after.active is fires.active


def test_a_market_that_comes_back_to_a_state_is_seen_as_it_was() -> None:
    view, past = View([Rule(name=RuleName("cheap"), conditions=(_CHEAP,))]), Past()
    first, other = (
        Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=(offer,)) for offer in _POOL[:2]
    )
    seen = view.look(first, past)
    assert view.look(other, past) != seen
    assert view.look(first, past) is seen


def test_of_states_that_were_long_ago_nothing_is_kept() -> None:
    view, past = View([Rule(name=RuleName("cheap"), conditions=(_CHEAP,))]), Past()
    states = [
        Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=(an_offer(host=f"{number}"),))
        for number in range(130)
    ]
    first, second, third, *_ = [view.look(state, past) for state in states]
    assert view.look(states[2], past) is third
    assert view.look(states[0], past) is not first
    assert view.look(states[0], past) == first
    assert view.look(states[1], past) is not second


def test_of_a_market_that_has_grown_large_one_state_is_kept() -> None:
    """However many there were of the small one that it was."""
    view, past = View([Rule(name=RuleName("cheap"), conditions=(_CHEAP,))]), Past()
    states = [[_POOL[0]], [_POOL[3]], [_POOL[0], _POOL[3]], list(map(_numbered, range(10_000)))]
    *smaller, small, large = (
        Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=tuple(offers)) for offers in states
    )
    for each in smaller:
        view.look(each, past)
    seen = view.look(small, past)
    view.look(large, past)
    assert view.look(small, past) is not seen


def test_with_thousands_of_rules_few_states_are_kept() -> None:
    """What is remembered of a state is what each rule sees of it."""
    rules = [Rule(name=RuleName(f"{number}"), conditions=(_CHEAP,)) for number in range(5_000)]
    view, past = View(rules), Past()
    states = [
        Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=(offer,)) for offer in _POOL[:3]
    ]
    first, second, _ = [view.look(state, past) for state in states]
    assert view.look(states[1], past) is second
    assert view.look(states[0], past) is not first


def _numbered(number: int) -> Offer:
    return an_offer(host=f"{number}")


def _acknowledged(last: Evaluation) -> dict[AlertKey, Alert]:
    """Return the alerts as they are once somebody has acknowledged the first of them."""
    alerts = dict(last.active)
    for key in list(alerts)[:1]:
        alerts[key] = replace(alerts[key], acknowledged=Acknowledgement(at=NOON, by="me"))
    return alerts
