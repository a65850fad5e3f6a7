"""The control API under /_sim."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from monitor.simulator.market import SimulatedMarket
from monitor.simulator.requests import BODY_KEPT
from monitor.simulator.rows import hostnode
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation
from tests.unit.simulator.ordering import GPU, create_body

HOST = "hn-uuid-12345"
TOKEN = {"Authorization": "Bearer secret-token"}


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    market = SimulatedMarket([hostnode(HOST, GPU, price=0.35, count=4)])
    with SimulatorServer(Simulation(market)) as server:
        yield server


@pytest.fixture
def client(simulator: SimulatorServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.base_url.removesuffix("/api/v2"), timeout=5) as http:
        yield http


def _ask(client: httpx.Client, method: str, path: str, body: object = None) -> Any:
    answer = client.request(method, path, json=body, headers=TOKEN)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_state_tells_what_was_bought_and_what_it_costs(client: httpx.Client) -> None:
    created = _ask(client, "POST", "/api/v2/instances", create_body(name="gm-1"))["data"]["id"]
    _ask(client, "POST", "/_sim/clock", {"advance": "1h"})
    state = _ask(client, "GET", "/_sim/state")
    (instance,) = state["instances"]
    assert (instance["id"], instance["name"], instance["deleted_at"]) == (created, "gm-1", None)
    assert state["spent"] == pytest.approx(instance["rate_per_hour"], rel=0.01)
    assert (state["hostnodes"], state["offers"], state["gpus_available"]) == (1, 1, 3)
    assert state["requests"] == 1


def test_faults_are_switched_on_and_off(client: httpx.Client) -> None:
    fault = {"name": "throttled", "endpoint": "hostnodes", "times": 5, "for": "10s"}
    _ask(client, "POST", "/_sim/faults", fault)
    assert client.get("/api/v2/hostnodes", headers=TOKEN).status_code == 429
    (switched,) = _ask(client, "GET", "/_sim/state")["faults"]
    assert (switched["name"], switched["endpoints"], switched["left"]) == (
        "throttled",
        ["hostnodes"],
        4,
    )
    assert _ask(client, "DELETE", "/_sim/faults?name=throttled") == {"changed": 1}
    assert client.get("/api/v2/hostnodes", headers=TOKEN).status_code == 200


def test_a_fault_ends_with_its_time(client: httpx.Client) -> None:
    _ask(client, "POST", "/_sim/faults", {"name": "empty", "for": "10s"})
    _ask(client, "POST", "/_sim/clock", {"advance": "10s"})
    assert _ask(client, "GET", "/_sim/state")["faults"] == []


def test_offers_are_set(client: httpx.Client) -> None:
    offer = {"gpu": "geforce*", "price": 0.2, "count": 9}
    assert _ask(client, "POST", "/_sim/offers", offer) == {"changed": 1}
    (row,) = _ask(client, "GET", "/api/v2/hostnodes")["data"]["hostnodes"]
    (gpu,) = row["available_resources"]["gpus"]
    assert (gpu["price_per_hr"], gpu["availableCount"]) == (0.2, 9)


def test_hostnodes_are_added_and_removed(client: httpx.Client) -> None:
    _ask(client, "POST", "/_sim/hostnodes", {"id": "new", "gpu": "l4-pcie-24gb", "country": "Chad"})
    rows = _ask(client, "GET", "/api/v2/hostnodes")["data"]["hostnodes"]
    assert (rows[1]["id"], rows[1]["location"]["country"]) == ("new", "Chad")
    assert _ask(client, "DELETE", "/_sim/hostnodes?hostnode=n*") == {"changed": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_sim/offers", {"prise": 1}),
        ("/_sim/offers", {"count": -1}),
        ("/_sim/faults", {"name": "nonsense"}),
        ("/_sim/faults", {"name": "empty", "endpoint": "create"}),
        ("/_sim/hostnodes", {}),
        ("/_sim/clock", {"advance": "soon"}),
    ],
)
def test_a_wrong_body_is_told(client: httpx.Client, path: str, body: object) -> None:
    assert client.post(path, json=body).status_code == 422


def test_requests_are_kept_without_tokens(client: httpx.Client) -> None:
    _ask(client, "POST", "/api/v2/instances", create_body(name="gm-7"))
    client.get("/api/v2/hostnodes?token=secret-token")
    answer = client.get("/_sim/requests")
    create, refused = answer.json()["last"]
    assert (create["method"], create["path"], create["status"]) == (
        "POST",
        "/api/v2/instances",
        200,
    )
    assert '"name":"gm-7"' in create["body"].replace(" ", "")
    assert (create["authorized"], refused["authorized"], refused["status"]) == (True, False, 403)
    assert "secret-token" not in answer.text


def test_a_request_that_was_not_answered_has_no_status(
    client: httpx.Client, simulator: SimulatorServer
) -> None:
    simulator.faults.on("drop")
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/api/v2/hostnodes", headers=TOKEN)
    (kept,) = simulator.requests.last()
    assert (kept.status, kept.faults) == (None, ("drop",))


def test_the_last_requests_can_be_asked_for(client: httpx.Client) -> None:
    for path in ("hostnodes", "instances", "locations"):
        _ask(client, "GET", f"/api/v2/{path}")
    answer = _ask(client, "GET", "/_sim/requests?last=2")
    assert [it["path"] for it in answer["last"]] == ["/api/v2/instances", "/api/v2/locations"]
    assert answer["total"] == 3


def test_what_is_kept_of_a_body_is_bounded(
    client: httpx.Client, simulator: SimulatorServer
) -> None:
    client.post("/api/v2/instances", content=b"x" * (BODY_KEPT + 1), headers=TOKEN)
    assert len(simulator.requests.last()[0].body) == BODY_KEPT
