"""The marketplace's client over real connections, against the simulator and its faults."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import monotonic
from monitor.errors import RefusedError
from monitor.market.hostnode import HostnodeId
from monitor.market.snapshot import IssueReason, Outcome
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.marketplaces.tensordock.http import Http
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import hostnode
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PATIENCE = 0.4


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    rows = [hostnode(f"hn-{index}") for index in range(6)]
    with SimulatorServer(Simulation(SimulatedMarket(rows))) as running:
        yield running


@pytest.fixture
def simulator(server: SimulatorServer) -> Iterator[SimulatorServer]:
    yield server
    server.faults.off()


@pytest.fixture
def marketplace(simulator: SimulatorServer) -> Iterator[TensorDock]:
    """A client of little patience that does not sleep between attempts."""
    http = Http(
        base_url=simulator.base_url,
        token="some-token",
        timeout=timedelta(seconds=PATIENCE),
        version="1",
        sleep=lambda _: None,
    )
    client = TensorDock(name="simulated", http=http)
    yield client
    client.close()


def test_the_simulated_market_is_read_without_an_issue(marketplace: TensorDock) -> None:
    poll = marketplace.poll(NOW)
    assert poll.outcome is Outcome.OK
    assert poll.snapshot is not None
    assert [row.id for row in poll.snapshot.hostnodes] == [f"hn-{index}" for index in range(6)]
    assert len(poll.snapshot.offers) == 6
    assert poll.issues == ()
    assert poll.duration > 0


def test_one_hostnode_is_read_with_its_ports(marketplace: TensorDock) -> None:
    detail = marketplace.hostnode(HostnodeId("hn-2"))
    assert (detail.hostnode.id, detail.issues) == ("hn-2", ())
    assert detail.hostnode.ports
    with pytest.raises(RefusedError) as raised:
        marketplace.hostnode(HostnodeId("hn-7"))
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("unauthorized", Outcome.REFUSED),
        ("forbidden", Outcome.REFUSED),
        ("throttled", Outcome.THROTTLED),
        ("throttled-seconds", Outcome.THROTTLED),
        ("throttled-date", Outcome.THROTTLED),
        ("error-500", Outcome.UNREACHABLE),
        ("error-502", Outcome.UNREACHABLE),
        ("error-503", Outcome.UNREACHABLE),
        ("hang", Outcome.UNREACHABLE),
        ("drop", Outcome.UNREACHABLE),
        ("reset", Outcome.UNREACHABLE),
        ("late", Outcome.UNREACHABLE),
        ("drip", Outcome.UNREACHABLE),
        ("cut-off", Outcome.UNREACHABLE),
        ("html", Outcome.MALFORMED),
        ("null", Outcome.MALFORMED),
        ("list", Outcome.MALFORMED),
        ("data-missing", Outcome.MALFORMED),
        ("not-json", Outcome.MALFORMED),
        ("empty", Outcome.EMPTY),
        ("hostnodes-object", Outcome.MALFORMED),
        ("rows-broken", Outcome.MALFORMED),
        ("some-rows-broken", Outcome.OK),
        ("prices-broken", Outcome.MALFORMED),
        ("ports-listed", Outcome.OK),
        ("extra-fields", Outcome.OK),
    ],
)
def test_each_fault_has_its_outcome_in_time_and_passes(
    simulator: SimulatorServer, marketplace: TensorDock, fault: str, outcome: Outcome
) -> None:
    simulator.faults.on(fault)
    started = monotonic()
    poll = marketplace.poll(NOW)
    took = monotonic() - started
    assert poll.outcome is outcome, poll.detail
    assert took < 3 * PATIENCE
    simulator.faults.off()
    asked_to_wait = fault in {"throttled-seconds", "throttled-date"}
    after = Outcome.THROTTLED if asked_to_wait else Outcome.OK
    assert marketplace.poll(NOW).outcome is after


def test_rows_that_cannot_be_read_cost_themselves(
    simulator: SimulatorServer, marketplace: TensorDock
) -> None:
    simulator.faults.on("some-rows-broken")
    poll = marketplace.poll(NOW)
    assert poll.snapshot is not None
    assert 0 < len(poll.snapshot.offers) < 6
    assert {issue.reason for issue in poll.issues} <= set(IssueReason)
    assert poll.issues


def test_a_market_without_any_price_is_a_changed_shape(
    simulator: SimulatorServer, marketplace: TensorDock
) -> None:
    simulator.faults.on("prices-broken")
    poll = marketplace.poll(NOW)
    assert poll.outcome is Outcome.MALFORMED
    assert "none has a price" in poll.detail


def test_nobody_listening_is_unreachable() -> None:
    client = TensorDock.connect(
        name="m",
        base_url="http://127.0.0.1:9/api/v2",
        token="some-token",
        timeout=timedelta(seconds=0.3),
        version="1",
    )
    poll = client.poll(NOW)
    client.close()
    assert poll.outcome is Outcome.UNREACHABLE
    assert "refused" in poll.detail
