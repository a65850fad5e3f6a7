"""The simulated market: what it shows, sells, bills and takes back."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.market.money import nano
from monitor.simulator.instances import Instance
from monitor.simulator.market import Machine, Refused, SimulatedMarket
from monitor.simulator.orders import Order
from monitor.simulator.playback import machines
from monitor.simulator.rows import HostnodeRow, ResourcesRow, hostnode
from monitor.simulator.terms import Ports, Terms
from tests.unit.simulator.ordering import GPU, an_order

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
HOST = "hn-uuid-12345"


def _market(count: int = 4) -> SimulatedMarket:
    return SimulatedMarket([hostnode(HOST, GPU, price=0.35, count=count)])


def _create(market: SimulatedMarket, order: Order, terms: Terms | None = None) -> Instance:
    made = market.create(order, now=NOON, terms=terms or Terms())
    assert isinstance(made, Instance)
    return made


def _free(market: SimulatedMarket) -> ResourcesRow:
    row = market.hostnode(HOST)
    assert row is not None
    return row.available_resources


def test_an_instance_takes_what_it_was_ordered_with() -> None:
    market = _market(count=4)
    _create(market, an_order(gpus=3))
    free = _free(market)
    assert (free.gpus[0].available, free.vcpu_count, free.ram_gb, free.storage_gb) == (
        1,
        206,
        986,
        14480,
    )
    assert free.available_ports == tuple(range(20002, 20009))


def test_a_deleted_instance_gives_everything_back() -> None:
    market = _market()
    before = market.list_body()
    instance = _create(market, an_order())
    assert market.list_body() != before
    market.delete(instance.id, now=NOON)
    assert market.list_body() == before


@given(orders=st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=12))
def test_never_more_is_sold_than_there_is(orders: list[tuple[int, bool]]) -> None:
    """Whatever is created and deleted: sold and free add up, and nothing is below 0."""
    market = _market(count=8)
    before = market.list_body()
    for gpus, delete_one in orders:
        market.create(an_order(gpus=gpus), now=NOON)
        if delete_one and market.living():
            market.delete(market.living()[0].id, now=NOON)
        sold = sum(instance.resources.gpus[GPU].count for instance in market.living())
        assert sold + (_free(market).gpus[0].available or 0) == 8
        ports = [forward.external_port for it in market.living() for forward in it.port_forwards]
        assert len(ports) == len(set(ports))
    for instance in market.living():
        market.delete(instance.id, now=NOON)
    assert market.list_body() == before


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (an_order(hostnode_id="gone"), "Hostnode unavailable"),
        (an_order(gpus=5), "No available nodes found"),
        (an_order(gpu="h100-sxm5-80gb"), "No available nodes found"),
        (an_order(port_forwards=[{"internal_port": port} for port in range(22, 32)]), "No avail"),
    ],
    ids=["unknown hostnode", "too many GPUs", "unknown GPU", "too few ports"],
)
def test_what_cannot_be_had_is_refused_and_takes_nothing(order: Order, error: str) -> None:
    market = _market(count=4)
    before = market.list_body()
    made = market.create(order, now=NOON)
    assert isinstance(made, Refused)
    assert made.error.startswith(error)
    assert market.list_body() == before


def test_an_offer_without_a_price_is_not_sold() -> None:
    market = SimulatedMarket([hostnode(HOST, GPU, price=0)])
    assert isinstance(market.create(an_order(), now=NOON), Refused)


def test_the_rate_is_the_price_of_all_parts() -> None:
    instance = _create(_market(), an_order(gpus=2))
    assert instance.rate == nano(2 * 0.35 + 2 * 0.0015 + 4 * 0.0007 + 300 * 0.00005)


def test_what_was_used_is_billed_until_it_is_deleted() -> None:
    market = _market()
    instance = _create(market, an_order())
    market.delete(instance.id, now=NOON + timedelta(minutes=30))
    assert market.spent(NOON + timedelta(days=1)) == instance.rate // 2


def test_a_bill_of_many_years_can_be_reckoned() -> None:
    market = _market()
    instance = _create(market, an_order())
    assert market.spent(NOON + timedelta(days=3650)) == instance.rate * 24 * 3650


def test_an_instance_boots_and_then_runs() -> None:
    instance = _create(_market(), an_order())
    assert instance.status(NOON) == "creating"
    assert instance.status(NOON + timedelta(seconds=5)) == "running"


def test_a_wished_port_is_kept_if_it_is_free_and_else_replaced() -> None:
    market = _market()
    wishes = [{"internal_port": 22, "external_port": 20004}, {"internal_port": 80}]
    first = _create(market, an_order(port_forwards=wishes))
    second = _create(market, an_order(port_forwards=wishes))
    assert [forward.external_port for forward in first.port_forwards] == [20004, 20000]
    assert [forward.external_port for forward in second.port_forwards] == [20001, 20002]


def test_ports_can_be_reassigned_and_ignored() -> None:
    market = _market()
    reassigned = _create(market, an_order(), Terms(ports=Ports.REASSIGNED))
    ignored = _create(market, an_order(), Terms(ports=Ports.IGNORED))
    assert [forward.external_port for forward in reassigned.port_forwards] == [20002, 20003]
    assert ignored.port_forwards == ()


def test_a_count_that_is_set_is_what_is_shown_beside_what_is_sold() -> None:
    market = _market(count=4)
    _create(market, an_order(gpus=3))
    assert market.set_offer(GPU, count=2, price=0.5) == 1
    assert (_free(market).gpus[0].available, _free(market).gpus[0].price) == (2, 0.5)


def test_an_offer_is_set_by_globs_on_gpu_and_hostnode() -> None:
    market = SimulatedMarket([hostnode("a-1", "l4-pcie-24gb"), hostnode("a-2", "l40-pcie-48gb")])
    assert market.set_offer("l4-*", price=1) == 1
    assert market.set_offer(hostnode="a-?", price=2) == 2
    assert market.set_offer("h100-*", price=3) == 0


def test_hostnodes_come_and_go() -> None:
    market = _market()
    market.add(hostnode("hn-2", "l4-pcie-24gb"))
    market.add(hostnode("hn-2", "t4-pcie-16gb"))
    assert [row.gpus[0].gpu for row in market.hostnodes()] == [GPU, "t4-pcie-16gb"]
    assert market.remove("hn-2") == 1
    assert [row.id for row in market.hostnodes()] == [HOST]


def test_what_was_bought_stays_taken_when_another_snapshot_is_played() -> None:
    market = _market(count=4)
    _create(market, an_order(gpus=3))
    market.replace([Machine(hostnode(HOST, GPU, count=2))])
    assert _free(market).gpus[0].available == 0


def test_a_recorded_hostnode_is_shown_as_recorded_until_it_is_touched() -> None:
    market = SimulatedMarket()
    row = (
        b'{"id": "r", "engine": null, "colour": "red", "available_resources": '
        b'{"gpus": [{"v0Name": "x", "availableCount": 2, "price_per_hr": 1}]}}'
    )
    market.replace(machines(b"[" + row + b"]"))
    assert row in market.list_body()
    market.set_offer("x", price=2)
    assert b'"price_per_hr":2' in market.list_body()


def test_a_recorded_hostnode_that_cannot_be_read_is_shown_and_sells_nothing() -> None:
    market = SimulatedMarket()
    market.replace(machines(b'[{"id": 5}]'))
    assert market.list_body() == b'{"data":{"hostnodes":[{"id": 5}]}}'
    assert market.hostnodes() == []


def test_a_recorded_hostnode_that_tells_nothing_sells_its_gpus() -> None:
    market = SimulatedMarket()
    row = {"id": HOST, "available_resources": {"gpus": [{"v0Name": GPU, "price_per_hr": 1.5}]}}
    market.replace(machines(msgspec.json.encode([row])))
    instance = _create(market, an_order())
    assert instance.rate == nano(1.5)
    assert [forward.external_port for forward in instance.port_forwards] == [20000, 20001]


def test_only_one_hostnode_alone_tells_its_ports() -> None:
    market = _market()
    assert b"available_ports" not in market.list_body()
    assert b"available_ports" in market.list_body(Terms(ports_listed=True))


def test_a_new_instance_can_be_hidden_from_the_list_for_a_while() -> None:
    market = _market()
    _create(market, an_order())
    late = Terms(hidden_for=timedelta(seconds=30))
    assert market.instances(now=NOON, terms=late) == []
    assert len(market.instances(now=NOON + timedelta(seconds=30), terms=late)) == 1


def test_a_deleted_instance_can_linger() -> None:
    market = _market()
    instance = _create(market, an_order())
    market.delete(instance.id, now=NOON, terms=Terms(lingers_for=timedelta(seconds=30)))
    assert market.instance(instance.id, now=NOON) is not None
    assert market.instance(instance.id, now=NOON + timedelta(seconds=30)) is None
    assert market.living() == []


def test_the_newest_instance_can_vanish() -> None:
    market = _market()
    first, _ = _create(market, an_order()), _create(market, an_order())
    market.vanish(now=NOON)
    assert [instance.id for instance in market.instances(now=NOON)] == [first.id]


def test_an_instance_is_deleted_once() -> None:
    market = _market()
    instance = _create(market, an_order())
    assert market.delete(instance.id, now=NOON)
    assert not market.delete(instance.id, now=NOON)


def test_the_rows_of_a_market_are_what_was_put_in() -> None:
    rows: list[HostnodeRow] = [hostnode("a"), hostnode("b")]
    assert SimulatedMarket(rows).hostnodes() == rows
