"""The past as it was lived, and as it is read back after a restart: the same."""

from datetime import timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.market.money import NanoDollars, nano
from monitor.market.offer import GpuModel, Offer
from monitor.rules.against import Against, Yardstick
from monitor.rules.alert import RuleName
from monitor.rules.conditions import AtLeast, Attribute
from monitor.rules.past import Past
from monitor.rules.rule import Rule
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from tests.contract.cycles import a_plan, cycle, of_marketplace, stages
from tests.contract.samples import MINUTE, NOON, a_hostnode, a_poll, a_snapshot, at, selling

WINDOWS = (5 * MINUTE, 30 * MINUTE)
GPUS = (GpuModel("a"), GpuModel("b"))
CHEAPEST = Rule(
    name=RuleName("cheapest"),
    conditions=(
        AtLeast(attribute=Attribute.AVAILABLE, limit=1),
        Against(yardstick=Yardstick.LOW, window=30 * MINUTE),
    ),
)
SHORT = Rule(
    name=RuleName("short"), conditions=(Against(yardstick=Yardstick.HIGH, window=5 * MINUTE),)
)
PLAN = a_plan(CHEAPEST, SHORT)
_numbers = count()

_offers = st.lists(
    st.builds(
        Offer,
        hostnode=st.sampled_from(["hn-1", "hn-2"]).map(a_hostnode),
        gpu=st.sampled_from(GPUS),
        available=st.integers(0, 2),
        price=st.none() | st.integers(1, 4).map(NanoDollars),
    ),
    max_size=4,
    unique_by=lambda offer: (offer.hostnode.id, offer.gpu),
)
_pauses = st.sampled_from([1, 1, 1, 2, 3, 4, 30, 0, -5]).map(lambda minutes: minutes * MINUTE)


def looked(past: Past) -> list[object]:
    looks = [past.look(gpu, window) for gpu in GPUS for window in WINDOWS]
    return [(look.covered, look.had, list(look.best)) for look in looks]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(_pauses, _offers), min_size=1, max_size=12))
def test_a_past_that_is_read_back_is_the_one_that_was_lived(
    database: Database, life: list[tuple[timedelta, list[Offer]]]
) -> None:
    name, now, lived = f"m-{next(_numbers)}", NOON, Past(PLAN.needs)
    ledgers = Ledgers(database)
    for pause, offers in life:
        now += pause
        nodes = {offer.hostnode.id: offer.hostnode for offer in offers}
        answer = of_marketplace(a_poll(a_snapshot(now, nodes.values(), offers)), name)
        assert answer.snapshot is not None
        lived.feed(answer.snapshot, MINUTE)
        cycle(ledgers, answer, PLAN)
        read_back = Ledgers(database).recall(name, PLAN.needs).past
        assert looked(read_back) == looked(lived)


def test_history_that_was_recorded_before_a_rule_was_written_counts(database: Database) -> None:
    """Without rules that look back nothing is kept in memory; the database has it all the same."""
    ledgers = Ledgers(database)
    for minute in range(20):
        cycle(ledgers, a_poll(selling(at(minute), 3)), a_plan())
    report = cycle(ledgers, a_poll(selling(at(20), 2)), a_plan(CHEAPEST))
    assert stages(report.transitions) == ["inactive → firing: matched"]


def test_the_past_is_read_again_once_another_process_has_recorded(database: Database) -> None:
    ours, theirs = Ledgers(database), Ledgers(database)
    cycle(ours, a_poll(selling(NOON, 3)), PLAN)
    cycle(theirs, a_poll(selling(at(1), 2)), PLAN)
    past = ours.recall("tensordock", PLAN.needs).past
    assert past.look(GpuModel("gpu-0"), WINDOWS[0]).best.lowest == nano(2)


def test_what_was_remembered_goes_on_without_being_read_again(database: Database) -> None:
    ledgers = Ledgers(database)
    cycle(ledgers, a_poll(selling(NOON, 3)), PLAN)
    first = ledgers.recall("tensordock", PLAN.needs)
    with ledgers.ledger("tensordock") as ledger:
        ledger.remember(first.past, None)
    assert ledgers.recall("tensordock", PLAN.needs).past is first.past
