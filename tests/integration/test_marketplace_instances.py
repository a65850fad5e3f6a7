"""Buying over real connections: every fault of the simulator has its outcome, by name."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest

from monitor.clock import monotonic
from monitor.errors import (
    MalformedError,
    MarketError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from monitor.market.hostnode import HostnodeId
from monitor.market.instance import (
    Created,
    CreateOutcome,
    Forward,
    Instance,
    InstanceStatus,
    NotCreated,
    NotCreatedReason,
    Order,
    Unclear,
)
from monitor.market.offer import GpuModel
from monitor.market.quote import Shape
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.simulator.catalogue import FAULTS
from monitor.simulator.faults import Endpoint
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import hostnode
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation

PATIENCE = timedelta(seconds=0.3)
GPU = GpuModel("l40-pcie-48gb")
ORDER = Order(
    name="box-gm0123456789abcdef",
    image="ubuntu2404",
    hostnode=HostnodeId("hn-1"),
    gpu=GPU,
    shape=Shape(gpu_count=1, vcpu_count=2, ram_gb=4, storage_gb=100),
    forwards=(Forward(internal_port=22, external_port=20000),),
    ssh_key_id="key",
)
RIGHT, WRITE = "read-write-token", "write-only-token"

HOSTNODE = NotCreatedReason.HOSTNODE
FUNDS = NotCreatedReason.FUNDS
ACCESS = NotCreatedReason.ACCESS
THROTTLED = NotCreatedReason.THROTTLED

CREATE: dict[str, tuple[NotCreatedReason | type[CreateOutcome], int]] = {
    "unauthorized": (ACCESS, 0),
    "forbidden": (ACCESS, 0),
    "throttled": (THROTTLED, 0),
    "throttled-seconds": (THROTTLED, 0),
    "throttled-date": (THROTTLED, 0),
    "rate-limit": (Created, 1),
    "error-500": (Unclear, 0),
    "error-502": (Unclear, 0),
    "error-503": (Unclear, 0),
    "hang": (Unclear, 0),
    "drop": (Unclear, 0),
    "reset": (Unclear, 0),
    "late": (Unclear, 1),
    "drip": (Unclear, 1),
    "cut-off": (Unclear, 1),
    "no-nodes": (HOSTNODE, 0),
    "hostnode-unavailable": (HOSTNODE, 0),
    "no-public-ips": (HOSTNODE, 0),
    "deployment-error": (HOSTNODE, 0),
    "funds-need-at-least": (FUNDS, 0),
    "funds-balance": (FUNDS, 0),
    "funds-insufficient": (FUNDS, 0),
    "stale-host": (HOSTNODE, 0),
    "empty-id": (HOSTNODE, 0),
    "bad-request": (NotCreatedReason.REQUEST, 0),
    "acts-hangs": (Unclear, 1),
    "acts-drops": (Unclear, 1),
    "acts-error-500": (Unclear, 1),
    "acts-error-504": (Unclear, 1),
    "acts-unreadable": (Unclear, 1),
    "ports-reassigned": (Created, 1),
    "ports-ignored": (Created, 1),
    "rate-higher": (Created, 1),
    "status-case": (Created, 1),
}
"""What a create comes to, and how many instances there are then."""

Shown = InstanceStatus | None | type[MarketError]
READ: dict[str, type[MarketError]] = {
    "unauthorized": RefusedError,
    "forbidden": RefusedError,
    "throttled": ThrottledError,
    "throttled-seconds": ThrottledError,
    "throttled-date": ThrottledError,
    "error-500": UnreachableError,
    "error-502": UnreachableError,
    "error-503": UnreachableError,
    "hang": UnreachableError,
    "drop": UnreachableError,
    "reset": UnreachableError,
    "late": UnreachableError,
    "drip": UnreachableError,
    "cut-off": UnreachableError,
}
SHOW: dict[str, Shown] = {
    **READ,
    "rate-limit": InstanceStatus.STARTING,
    "html": MalformedError,
    "null": MalformedError,
    "list": MalformedError,
    "data-missing": MalformedError,
    "not-json": MalformedError,
    "status-case": InstanceStatus.STARTING,
    "status-stopped": InstanceStatus.STOPPED,
    "vanish": None,
}
LIST: dict[str, Shown] = {
    **SHOW,
    "instances-wrapped": InstanceStatus.STARTING,
    "instances-flat": InstanceStatus.STARTING,
    "instances-lag": None,
    "instances-empty": None,
}
ALONE: dict[str, Shown] = {**SHOW, "rate-zero": InstanceStatus.STARTING}
"""What is seen of an instance in the list, and alone: its status, nothing, or an error."""

DELETE: dict[str, tuple[type[MarketError] | None, int]] = {
    **{name: (error, 1) for name, error in READ.items()},
    "late": (UnreachableError, 0),
    "drip": (UnreachableError, 0),
    "cut-off": (UnreachableError, 0),
    "rate-limit": (None, 0),
    "acts-hangs": (UnreachableError, 0),
    "acts-drops": (UnreachableError, 0),
    "acts-error-500": (UnreachableError, 0),
    "acts-error-504": (UnreachableError, 0),
    "acts-unreadable": (MalformedError, 0),
    "delete-lingers": (None, 0),
}
"""What a delete raises, and how many instances are left."""

OUTCOMES: Mapping[Endpoint, Mapping[str, object]] = {
    Endpoint.CREATE: CREATE,
    Endpoint.INSTANCES: LIST,
    Endpoint.INSTANCE: ALONE,
    Endpoint.DELETE: DELETE,
}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(Simulation(SimulatedMarket([hostnode("hn-1", GPU)]))) as running:
        yield running


@pytest.fixture
def simulator(server: SimulatorServer) -> Iterator[SimulatorServer]:
    yield server
    server.faults.off()
    for instance in server.market.living():
        server.market.delete(instance.id, now=server.simulation.now())
    server.simulation.advance(timedelta(minutes=2))  # what lingers is gone, what was asked is old


@pytest.fixture
def market(simulator: SimulatorServer) -> Iterator[TensorDock]:
    """A client of little patience."""
    client = TensorDock.connect(
        name="simulated",
        base_url=simulator.base_url,
        token=RIGHT,
        timeout=PATIENCE,
        create_timeout=PATIENCE,
        version="1",
    )
    yield client
    client.close()


def made(market: TensorDock) -> Created:
    came = market.create(ORDER)
    assert isinstance(came, Created), came
    return came


def seen(found: Instance | None) -> Shown:
    return None if found is None else found.status


def test_every_fault_that_can_strike_has_its_row() -> None:
    for endpoint, rows in OUTCOMES.items():
        assert set(rows) == {name for name, fault in FAULTS.items() if endpoint in fault.on}


@pytest.mark.parametrize("fault", CREATE)
def test_each_fault_of_a_create_has_its_outcome_in_time(
    simulator: SimulatorServer, market: TensorDock, fault: str
) -> None:
    simulator.faults.on(fault, endpoint=Endpoint.CREATE)
    sent, began = simulator.requests.total, monotonic()
    came = market.create(ORDER)
    assert monotonic() - began < 3 * PATIENCE.total_seconds()
    outcome = came.reason if isinstance(came, NotCreated) else type(came)
    assert (outcome, len(simulator.market.living())) == CREATE[fault], came
    assert simulator.requests.total == sent + 1
    if isinstance(came, Created):
        assert [each.id for each in simulator.market.living()] == [came.instance_id]


@pytest.mark.parametrize("fault", LIST)
def test_each_fault_of_the_list_shows_the_instance_or_is_an_error(
    simulator: SimulatorServer, market: TensorDock, fault: str
) -> None:
    instance_id = made(market).instance_id
    simulator.faults.on(fault, endpoint=Endpoint.INSTANCES)
    expected = LIST[fault]
    if isinstance(expected, type):
        with pytest.raises(expected):
            market.instances()
        return
    found = {each.id: each for each in market.instances()}
    assert seen(found.get(instance_id)) == expected
    assert {each.name for each in found.values()} <= {ORDER.name}


@pytest.mark.parametrize("fault", ALONE)
def test_each_fault_of_an_instance_shows_it_or_is_an_error(
    simulator: SimulatorServer, market: TensorDock, fault: str
) -> None:
    instance_id = made(market).instance_id
    simulator.faults.on(fault, endpoint=Endpoint.INSTANCE)
    expected = ALONE[fault]
    if isinstance(expected, type):
        with pytest.raises(expected):
            market.instance(instance_id)
        return
    found = market.instance(instance_id)
    assert seen(found) == expected
    assert found is None or (found.rate is None) is (fault == "rate-zero")


@pytest.mark.parametrize("fault", DELETE)
def test_each_fault_of_a_delete_is_an_error_unless_it_says_well(
    simulator: SimulatorServer, market: TensorDock, fault: str
) -> None:
    instance_id = made(market).instance_id
    simulator.faults.on(fault, endpoint=Endpoint.DELETE)
    error, left = DELETE[fault]
    sent = simulator.requests.total
    if error is None:
        market.delete(instance_id)
    else:
        with pytest.raises(error):
            market.delete(instance_id)
    assert simulator.requests.total == sent + 1
    assert len(simulator.market.living()) == left


def test_an_instance_is_made_followed_and_deleted(
    simulator: SimulatorServer, market: TensorDock
) -> None:
    instance_id = made(market).instance_id
    simulator.simulation.advance(timedelta(seconds=10))
    (bought,) = simulator.market.living()
    alone = market.instance(instance_id)
    assert alone == Instance(
        id=instance_id,
        name=ORDER.name,
        status=InstanceStatus.RUNNING,
        rate=bought.rate,
        address=bought.ip_address,
        forwards=ORDER.forwards,
    )
    (listed,) = market.instances()
    assert (listed.id, listed.name, listed.status) == (alone.id, alone.name, alone.status)
    market.delete(instance_id)
    assert market.instance(instance_id) is None
    assert market.instances() == ()
    market.delete(instance_id)


@pytest.mark.parametrize(
    ("fault", "external"), [("ports-reassigned", 1), ("ports-ignored", 0)], ids=str
)
def test_ports_are_read_back_as_they_are_not_as_they_were_wished_for(
    simulator: SimulatorServer, market: TensorDock, fault: str, external: int
) -> None:
    simulator.faults.on(fault)
    found = market.instance(made(market).instance_id)
    assert found is not None
    assert len(found.forwards) == external
    assert found.forwards != ORDER.forwards


def test_an_order_that_the_marketplace_objects_to_is_the_requests_fault(
    market: TensorDock,
) -> None:
    odd = Order(
        name=ORDER.name,
        image=ORDER.image,
        hostnode=ORDER.hostnode,
        gpu=GPU,
        shape=Shape(gpu_count=1, vcpu_count=3, ram_gb=4, storage_gb=50),
        forwards=(),
        ssh_key_id="key",
    )
    came = market.create(odd)
    assert isinstance(came, NotCreated)
    assert came.reason is NotCreatedReason.REQUEST
    for complaint in ("SSH port (22)", "vCPU count must be even", "Storage must be at least"):
        assert complaint in came.detail


def test_only_the_write_token_can_buy() -> None:
    """The simulator takes one token only: the other one reads nothing, and buys nothing."""
    simulation = Simulation(SimulatedMarket([hostnode("hn-1", GPU)]), token=WRITE)
    with SimulatorServer(simulation) as simulator:
        client = TensorDock.connect(
            name="m",
            base_url=simulator.base_url,
            token=RIGHT,
            write_token=WRITE,
            timeout=timedelta(seconds=5),
            version="1",
        )
        bought = made(client)
        with pytest.raises(RefusedError):
            client.instances()
        client.delete(bought.instance_id)
        assert simulation.market.living() == []
        client.close()
