"""The documented API, over HTTP."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from monitor.clock import monotonic
from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import PricingRow, hostnode
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation
from tests.unit.simulator.ordering import GPU, create_body, documented

HOST = "hn-uuid-12345"
TOKEN = {"Authorization": "Bearer anything"}


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    rows = [hostnode(HOST, GPU, price=0.179999, count=4), hostnode("hn-2")]
    with SimulatorServer(Simulation(SimulatedMarket(rows))) as server:
        yield server


@pytest.fixture
def client(simulator: SimulatorServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.base_url, headers=TOKEN, timeout=5) as http:
        yield http


def _create(client: httpx.Client, **attributes: object) -> Any:
    answer = client.post("/instances", json=create_body(**attributes))
    assert answer.status_code == 200
    return answer.json()


def _shape(value: Any) -> Any:
    """Return `value` with every scalar replaced by its JSON type: keys, nesting and order."""
    match value:
        case dict():
            return [(key, _shape(inner)) for key, inner in value.items()]
        case list():
            return [_shape(value[0])] if value else []
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


@pytest.mark.parametrize(
    ("path", "example"),
    [("/hostnodes", "list_hostnodes"), ("/hostnodes/hn-2", "get_hostnode")],
)
def test_hostnodes_have_the_documented_keys(client: httpx.Client, path: str, example: str) -> None:
    """Key by key, nested, in the documented order and with the documented types."""
    assert _shape(client.get(path).json()) == _shape(documented(f"{example}.response"))


def test_a_hostnode_as_documented_is_served_to_the_letter(simulator: SimulatorServer) -> None:
    served = httpx.get(f"{simulator.base_url}/hostnodes/hn-2", headers=TOKEN).json()["data"]
    example = documented("get_hostnode.response")["data"]
    for row in (served, example):
        row["id"] = row["location_id"] = row["location"] = None
    assert served == example | {"location": None}


def test_a_create_is_answered_with_the_documented_keys(client: httpx.Client) -> None:
    answer = _create(client)
    assert _shape(answer) == _shape(documented("create_instance.response"))
    assert answer["data"]["id"]


def test_made_up_hostnodes_have_the_documented_keys() -> None:
    market = SimulatedMarket(generate(hostnodes=3, seed=1))
    with SimulatorServer(Simulation(market)) as simulator:
        body = httpx.get(f"{simulator.base_url}/hostnodes", headers=TOKEN).json()
    assert _shape(body) == _shape(documented("list_hostnodes.response"))


def test_an_instance_is_listed_shown_and_deleted(client: httpx.Client) -> None:
    created = _create(client, name="gm-1")["data"]["id"]
    (listed,) = client.get("/instances").json()["data"]["attributes"]["instances"]
    alone = client.get(f"/instances/{created}").json()
    assert (listed["id"], listed["attributes"]["name"]) == (created, "gm-1")
    assert list(alone) == [
        "type",
        "id",
        "name",
        "status",
        "ipAddress",
        "portForwards",
        "resources",
        "rateHourly",
    ]
    assert alone["portForwards"] == [
        {"internal_port": 22, "external_port": 20000},
        {"internal_port": 80, "external_port": 20001},
    ]
    assert client.delete(f"/instances/{created}").json() == {
        "data": {"type": "success", "attributes": {"message": "Instance deleted successfully"}}
    }
    assert client.get(f"/instances/{created}").status_code == 404
    assert client.delete(f"/instances/{created}").status_code == 404
    assert client.get("/instances").json()["data"]["attributes"]["instances"] == []


def test_the_recorded_bill_comes_out(client: httpx.Client, simulator: SimulatorServer) -> None:
    """1 x 0.179999 + 8 x 0.003 + 32 x 0.002 + 100 x 0.00005 was billed as 0.272999."""
    pricing = PricingRow(per_vcpu_hr=0.003, per_gb_ram_hr=0.002, per_gb_storage_hr=0.00005)
    row = hostnode(HOST, GPU, price=0.179999)
    simulator.market.add(msgspec.structs.replace(row, pricing=pricing))
    parts = {"vcpu_count": 8, "ram_gb": 32, "storage_gb": 100, "gpus": {GPU: {"count": 1}}}
    created = _create(client, resources=parts)["data"]["id"]
    assert client.get(f"/instances/{created}").json()["rateHourly"] == 0.272999


def test_what_was_bought_is_no_longer_offered(client: httpx.Client) -> None:
    _create(client)
    free = client.get("/hostnodes").json()["data"]["hostnodes"][0]["available_resources"]
    assert free["gpus"][0]["availableCount"] == 3


def test_a_create_that_breaks_a_rule_is_a_400_with_a_list(client: httpx.Client) -> None:
    answer = client.post("/instances", json=create_body(port_forwards=[]))
    assert answer.status_code == 400
    assert answer.json() == [
        {
            "code": "custom",
            "message": "SSH port (22) must be forwarded for Ubuntu VMs",
            "path": ["data", "attributes", "port_forwards"],
        }
    ]


def test_what_cannot_be_had_is_a_failure_inside_a_200(client: httpx.Client) -> None:
    assert _create(client, hostnode_id="gone") == {"status": 400, "error": "Hostnode unavailable"}
    resources = {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 300, "gpus": {GPU: {"count": 5}}}
    refused = {"status": 400, "error": "No available nodes found"}
    assert _create(client, resources=resources) == refused


def test_an_unknown_hostnode_is_a_404(client: httpx.Client) -> None:
    assert client.get("/hostnodes/nowhere").status_code == 404


def test_locations_show_the_same_market_with_average_prices(
    client: httpx.Client, simulator: SimulatorServer
) -> None:
    simulator.market.remove("*")
    for name, price, count in (("a", 2.0, 1), ("b", 3.0, 4)):
        row = hostnode(name, price=price, count=count)
        simulator.market.add(msgspec.structs.replace(row, location_id="here"))
    (location,) = client.get("/locations").json()["data"]["locations"]
    (gpu,) = location["gpus"]
    assert (location["id"], location["city"]) == ("here", "Dallas")
    assert (gpu["price_per_hr"], gpu["max_count"]) == (2.5, 4)


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/hostnodes", 403, "Forbidden"),
        ("GET", "/hostnodes/hn-2", 403, "Forbidden"),
        ("GET", "/locations", 401, "Unauthorized"),
        ("POST", "/instances", 401, "Unauthorized"),
        ("GET", "/instances", 401, "Unauthorized"),
        ("GET", "/instances/x", 401, "Unauthorized"),
        ("DELETE", "/instances/x", 401, "Unauthorized"),
    ],
)
def test_without_a_token_nothing_is_told(
    simulator: SimulatorServer, method: str, path: str, status: int, text: str
) -> None:
    answer = httpx.request(method, simulator.base_url + path)
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_wrong_token_is_unauthorized() -> None:
    with SimulatorServer(Simulation(token="right")) as simulator:
        url = f"{simulator.base_url}/hostnodes"
        wrong = httpx.get(url, headers={"Authorization": "Bearer wrong"})
        right = httpx.get(url, headers={"Authorization": "Bearer right"})
    assert (wrong.status_code, wrong.text, right.status_code) == (401, "Unauthorized", 200)


def test_ten_thousand_hostnodes_are_served() -> None:
    """Written once: a second call gets the same bytes object again."""
    market = SimulatedMarket(generate(hostnodes=10_000, seed=1))
    with SimulatorServer(Simulation(market)) as simulator:
        body = httpx.get(f"{simulator.base_url}/hostnodes", headers=TOKEN).content
    assert len(body) > 6_000_000
    assert market.list_body() is market.list_body()
    assert body == market.list_body()


def test_time_is_only_what_the_clock_says(client: httpx.Client, simulator: SimulatorServer) -> None:
    created = _create(client)["data"]["id"]
    assert client.get(f"/instances/{created}").json()["status"] == "creating"
    simulator.simulation.advance(timedelta(seconds=5))
    assert client.get(f"/instances/{created}").json()["status"] == "running"


def test_no_thread_is_left_even_while_a_call_hangs() -> None:
    before = set(threading.enumerate())
    cut = threading.Event()
    with SimulatorServer() as simulator:
        simulator.faults.on("hang")
        caller = threading.Thread(target=_call_until_cut, args=(simulator.base_url, cut))
        caller.start()
        _wait_until(lambda: simulator.requests.total == 1)
        began = monotonic()
    assert monotonic() - began < 1
    assert cut.wait(2)
    caller.join()
    assert set(threading.enumerate()) <= before


def _wait_until(done: Callable[[], bool], limit: float = 5) -> None:
    until = monotonic() + limit
    while not done():
        assert monotonic() < until
        threading.Event().wait(0.005)


def _call_until_cut(base_url: str, cut: threading.Event) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{base_url}/hostnodes", headers=TOKEN, timeout=30)
    cut.set()
