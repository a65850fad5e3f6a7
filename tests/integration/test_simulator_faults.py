"""Every fault, over HTTP: what the client sees, and what the market did."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from monitor.clock import monotonic
from monitor.simulator.catalogue import FAULTS
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import hostnode
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation
from tests.unit.simulator.ordering import GPU, create_body

HOST = "hn-uuid-12345"
TOKEN = {"Authorization": "Bearer secret-token"}
TESTED: set[str] = set()
"""The faults that a test of this file has switched on; the last test counts them."""

CUT = httpx.RemoteProtocolError
Seen = int | type[httpx.HTTPError]


class Shop:
    """A simulator with three hostnodes, and a client of it."""

    def __init__(self, simulator: SimulatorServer, client: httpx.Client) -> None:
        self.simulator = simulator
        self.client = client

    def fault(self, name: str, **options: Any) -> None:
        """Switch a fault on; the client has little patience with one that never answers."""
        TESTED.add(name)
        if "hang" in name:
            self.client.timeout = httpx.Timeout(5, read=0.15)
        self.simulator.faults.on(name, **options)

    def get(self, path: str) -> Any:
        return self.client.get(path).json()

    def create(self, **attributes: object) -> httpx.Response:
        return self.client.post("/instances", json=create_body(**attributes))

    def created(self) -> str:
        return str(self.create().json()["data"]["id"])

    def listed(self) -> list[Any]:
        rows: list[Any] = self.get("/instances")["data"]["attributes"]["instances"]
        return rows

    def bought(self) -> int:
        return len(self.simulator.market.living())


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(Simulation(SimulatedMarket(seed=1))) as simulator:
        yield simulator


@pytest.fixture
def shop(server: SimulatorServer) -> Iterator[Shop]:
    server.faults.off()
    server.market.remove("*")
    server.market.add(hostnode(HOST, GPU, price=0.35))
    server.market.add(hostnode("hn-2"))
    server.market.add(hostnode("hn-3"))
    with httpx.Client(base_url=server.base_url, headers=TOKEN, timeout=5) as client:
        yield Shop(server, client)
    for instance in server.market.living():
        server.market.delete(instance.id, now=server.simulation.now())


def _seen(call: Callable[[], httpx.Response]) -> Seen:
    try:
        return call().status_code
    except httpx.HTTPError as error:
        return type(error)


NEITHER_ACTS_NOR_SUCCEEDS: list[tuple[str, Seen]] = [
    ("unauthorized", 401),
    ("forbidden", 403),
    ("throttled", 429),
    ("throttled-seconds", 429),
    ("throttled-date", 429),
    ("error-500", 500),
    ("error-502", 502),
    ("error-503", 503),
    ("hang", httpx.ReadTimeout),
    ("drop", CUT),
    ("reset", httpx.ReadError),
]


@pytest.mark.parametrize(("name", "seen"), NEITHER_ACTS_NOR_SUCCEEDS)
def test_a_call_that_fails_before_it_acts(shop: Shop, name: str, seen: Seen) -> None:
    """The same on a read and on a create, of which nothing remains."""
    shop.fault(name)
    assert _seen(lambda: shop.client.get("/hostnodes")) == seen
    assert _seen(shop.create) == seen
    assert shop.bought() == 0


def test_unauthorized_is_a_plain_text(shop: Shop) -> None:
    shop.fault("unauthorized")
    assert shop.client.get("/hostnodes").text == "Unauthorized"


def test_throttling_can_say_nothing_seconds_or_a_date(shop: Shop) -> None:
    told = []
    for name in ("throttled", "throttled-seconds", "throttled-date"):
        shop.fault(name, times=1, seconds=7)
        told.append(shop.client.get("/hostnodes").headers.get("retry-after"))
    assert told[:2] == [None, "7"]
    wait = parsedate_to_datetime(told[2]) - shop.simulator.simulation.now()
    assert timedelta(seconds=5) < wait <= timedelta(seconds=7)


def test_more_than_a_hundred_calls_in_a_minute_are_throttled(shop: Shop) -> None:
    shop.simulator.simulation.advance(timedelta(minutes=2))
    shop.fault("rate-limit")
    statuses = [shop.client.get("/instances").status_code for _ in range(102)]
    assert statuses == [200] * 100 + [429] * 2
    shop.simulator.simulation.advance(timedelta(minutes=2))
    assert shop.client.get("/instances").status_code == 200


def test_a_late_answer_is_whole(shop: Shop) -> None:
    shop.fault("late", seconds=0.1)
    began = monotonic()
    assert len(shop.get("/hostnodes")["data"]["hostnodes"]) == 3
    assert monotonic() - began >= 0.1


def test_a_body_that_drips_outlasts_a_limit_on_each_read(shop: Shop) -> None:
    """Every piece comes in time; only the whole takes long."""
    shop.fault("drip", seconds=0.5)
    began = monotonic()
    with shop.client.stream("GET", "/hostnodes") as answer:
        pieces = [piece for piece in answer.iter_raw() if piece]
    assert len(pieces) > 5
    assert monotonic() - began >= 0.45


def test_a_body_is_cut_off(shop: Shop) -> None:
    shop.fault("cut-off")
    with pytest.raises(CUT, match="without sending complete message body"):
        shop.client.get("/hostnodes")


def test_a_late_answer_nobody_waits_for_leaves_nothing_behind(shop: Shop) -> None:
    shop.fault("late", seconds=30, times=1)
    shop.client.timeout = httpx.Timeout(5, read=0.15)
    assert _seen(lambda: shop.client.get("/hostnodes")) is httpx.ReadTimeout
    assert shop.client.get("/hostnodes").status_code == 200


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("null", "null"),
        ("list", "[]"),
        ("data-missing", "{}"),
        ("not-json", '{"data":'),
        ("empty", '{"data":{"hostnodes":[]}}'),
    ],
)
def test_a_200_of_a_wrong_shape(shop: Shop, name: str, body: str) -> None:
    shop.fault(name)
    answer = shop.client.get("/hostnodes")
    assert (answer.status_code, answer.text) == (200, body)


def test_a_web_page_instead_of_json(shop: Shop) -> None:
    shop.fault("html")
    answer = shop.client.get("/hostnodes")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_hostnodes_as_an_object(shop: Shop) -> None:
    shop.fault("hostnodes-object")
    assert list(shop.get("/hostnodes")["data"]["hostnodes"]) == [HOST, "hn-2", "hn-3"]


def _readable(row: Any) -> bool:
    return isinstance(row, dict) and bool(row.get("id")) and bool(row.get("available_resources"))


def test_no_hostnode_can_be_read(shop: Shop) -> None:
    shop.simulator.market.add(hostnode("hn-4"))
    shop.simulator.market.add(hostnode("hn-5"))
    shop.fault("rows-broken")
    rows = shop.get("/hostnodes")["data"]["hostnodes"]
    assert [_readable(row) for row in rows] == [False] * 5


def test_some_hostnodes_cannot_be_read(shop: Shop) -> None:
    shop.fault("some-rows-broken")
    rows = shop.get("/hostnodes")["data"]["hostnodes"]
    assert [_readable(row) for row in rows] == [False, True, True]


def test_no_price_can_be_one(shop: Shop) -> None:
    shop.simulator.market.add(hostnode("hn-4"))
    shop.simulator.market.add(hostnode("hn-5"))
    shop.fault("prices-broken")
    rows = shop.get("/hostnodes")["data"]["hostnodes"]
    prices = [row["available_resources"]["gpus"][0].get("price_per_hr", "missing") for row in rows]
    assert prices == [None, 0, -1.5, "call us", "missing"]


def test_ports_can_be_in_the_list(shop: Shop) -> None:
    shop.fault("ports-listed")
    row = shop.get("/hostnodes")["data"]["hostnodes"][0]
    assert row["available_resources"]["available_ports"][0] == 20000


@pytest.mark.parametrize("path", ["/hostnodes", "/hostnodes/hn-2"])
def test_optional_fields_and_floats(shop: Shop, path: str) -> None:
    shop.fault("extra-fields")
    data = shop.get(path)["data"]
    row = data["hostnodes"][0] if "hostnodes" in data else data
    assert row["available_resources"]["has_public_ip_available"] is True
    assert row["available_resources"]["storage_gb"] == 14780.5
    assert row["location"]["network_speed_gbps"] == 10.5


def test_one_hostnode_alone_can_be_dearer(shop: Shop) -> None:
    shop.fault("price-differs")
    (alone,) = shop.get("/hostnodes/hn-2")["data"]["available_resources"]["gpus"]
    listed = shop.get("/hostnodes")["data"]["hostnodes"][1]["available_resources"]["gpus"][0]
    assert (listed["price_per_hr"], alone["price_per_hr"]) == (2.2, 2.42)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("no-nodes", "No available nodes found"),
        ("hostnode-unavailable", "Hostnode unavailable"),
        ("no-public-ips", "No available public IPs on hostnode"),
        ("deployment-error", "unexpected error during deployment"),
        ("funds-need-at-least", "You need at least $5.00 to deploy this instance"),
        ("funds-balance", "Your balance is too low to deploy this instance"),
        ("funds-insufficient", "Insufficient funds"),
    ],
)
def test_a_create_that_fails_inside_a_200(shop: Shop, name: str, error: str) -> None:
    shop.fault(name)
    answer = shop.create()
    assert answer.status_code == 200
    assert answer.json() == {"status": 400, "error": error}
    assert shop.bought() == 0


def test_a_stale_hostnode_is_listed_but_refuses(shop: Shop) -> None:
    shop.fault("stale-host", hostnode=HOST)
    assert shop.get("/hostnodes")["data"]["hostnodes"][0]["id"] == HOST
    assert shop.create().json() == {"error": "Hostnode unavailable", "status": 400}
    resources = {
        "vcpu_count": 2,
        "ram_gb": 4,
        "storage_gb": 100,
        "gpus": {"h100-sxm5-80gb": {"count": 1}},
    }
    assert shop.create(hostnode_id="hn-2", resources=resources).json()["data"]["id"]


def test_a_create_can_answer_an_empty_id(shop: Shop) -> None:
    shop.fault("empty-id")
    assert shop.create().json()["data"]["id"] == ""
    assert shop.bought() == 0


def test_a_create_can_be_a_400_with_a_list(shop: Shop) -> None:
    shop.fault("bad-request")
    answer = shop.create()
    assert (answer.status_code, answer.json()[0]["code"]) == (400, "custom")
    assert shop.bought() == 0


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("acts-hangs", httpx.ReadTimeout),
        ("acts-drops", CUT),
        ("acts-error-500", 500),
        ("acts-error-504", 504),
        ("acts-unreadable", 200),
    ],
)
def test_a_create_that_acts_and_does_not_say_so(shop: Shop, name: str, seen: Seen) -> None:
    """The instance is there, is billed, and is found by its name."""
    shop.fault(name, times=1)
    assert _seen(lambda: shop.create(name="orphan")) == seen
    shop.client.timeout = httpx.Timeout(5)
    assert shop.bought() == 1
    assert [row["attributes"]["name"] for row in shop.listed()] == ["orphan"]


@pytest.mark.parametrize("name", ["acts-hangs", "acts-error-500"])
def test_a_delete_that_acts_and_does_not_say_so(shop: Shop, name: str) -> None:
    created = shop.created()
    shop.fault(name, endpoint="delete")
    assert _seen(lambda: shop.client.delete(f"/instances/{created}")) != 200
    assert shop.bought() == 0


def test_an_unreadable_answer_to_a_create_is_no_json(shop: Shop) -> None:
    shop.fault("acts-unreadable")
    with pytest.raises(ValueError, match="Expecting value"):
        shop.create().json()


@pytest.mark.parametrize(
    ("name", "ports"), [("ports-reassigned", [20002, 20003]), ("ports-ignored", [])]
)
def test_ports_are_not_those_wished_for(shop: Shop, name: str, ports: list[int]) -> None:
    shop.fault(name)
    forwards = shop.get(f"/instances/{shop.created()}")["portForwards"]
    assert [forward["external_port"] for forward in forwards] == ports


def test_more_can_be_billed_than_was_listed(shop: Shop) -> None:
    usual = shop.get(f"/instances/{shop.created()}")["rateHourly"]
    shop.fault("rate-higher")
    higher = shop.get(f"/instances/{shop.created()}")["rateHourly"]
    assert higher == pytest.approx(1.25 * usual)


def test_a_rate_can_be_0_though_something_is_billed(shop: Shop) -> None:
    created = shop.created()
    shop.fault("rate-zero")
    assert shop.get(f"/instances/{created}")["rateHourly"] == 0
    assert shop.simulator.market.living()[0].rate > 0


def test_the_list_of_instances_has_three_shapes(shop: Shop) -> None:
    created = shop.created()
    first = shop.get("/instances")["data"]["attributes"]["instances"][0]
    shop.fault("instances-wrapped", times=1)
    second = shop.get("/instances")["data"]["instances"][0]
    shop.fault("instances-flat", times=1)
    third = shop.get("/instances")["data"][0]
    assert first["id"] == second["id"] == third["id"] == created
    assert first["attributes"]["name"] == second["attributes"]["name"] == third["name"]


def test_the_list_of_instances_can_be_empty_though_there_are_some(shop: Shop) -> None:
    created = shop.created()
    shop.fault("instances-empty", times=1)
    assert shop.listed() == []
    assert [row["id"] for row in shop.listed()] == [created]


def test_a_new_instance_can_be_missing_from_the_list(shop: Shop) -> None:
    created = shop.created()
    shop.fault("instances-lag", seconds=30)
    assert shop.listed() == []
    assert shop.client.get(f"/instances/{created}").status_code == 200
    shop.simulator.simulation.advance(timedelta(seconds=30))
    assert [row["id"] for row in shop.listed()] == [created]


def test_statuses_come_in_odd_cases(shop: Shop) -> None:
    created = [shop.created(), shop.created()]
    shop.fault("status-case")
    assert [row["attributes"]["status"] for row in shop.listed()] == ["CREATING", "Creating"]
    assert shop.get(f"/instances/{created[0]}")["status"] == "CREATING"


def test_instances_can_be_stopped_by_somebody(shop: Shop) -> None:
    created = shop.created()
    shop.fault("status-stopped")
    assert shop.get(f"/instances/{created}")["status"] == "StoppedDisassociated"


def test_an_instance_can_vanish(shop: Shop) -> None:
    created = shop.created()
    shop.fault("vanish", times=1)
    assert shop.client.get(f"/instances/{created}").status_code == 404
    assert shop.bought() == 0


def test_a_deleted_instance_can_linger(shop: Shop) -> None:
    created = shop.created()
    shop.fault("delete-lingers", seconds=30)
    answer = shop.client.delete(f"/instances/{created}").json()
    assert answer["data"]["type"] == "success"
    assert shop.get(f"/instances/{created}")["status"] == "deleting"
    shop.simulator.simulation.advance(timedelta(seconds=30))
    assert shop.client.get(f"/instances/{created}").status_code == 404


def test_faults_join(shop: Shop) -> None:
    shop.fault("ports-ignored")
    shop.fault("acts-error-500")
    assert shop.create().status_code == 500
    assert shop.simulator.market.living()[0].port_forwards == ()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS.values() if len(fault.on) > 1])
def test_a_fault_strikes_wherever_it_can_without_breaking_the_simulator(
    shop: Shop, fault: Any
) -> None:
    """No call ends in an error of the simulator's own (its 500 says so in other words)."""
    created = shop.created()
    calls: dict[str, Callable[[], httpx.Response]] = {
        "hostnodes": lambda: shop.client.get("/hostnodes"),
        "hostnode": lambda: shop.client.get("/hostnodes/hn-2"),
        "locations": lambda: shop.client.get("/locations"),
        "instances": lambda: shop.client.get("/instances"),
        "instance": lambda: shop.client.get(f"/instances/{created}"),
        "create": shop.create,
        "delete": lambda: shop.client.delete(f"/instances/{created}"),
    }
    for endpoint in fault.on:
        shop.fault(fault.name, endpoint=endpoint, times=1, seconds=0.05)
        try:
            assert calls[endpoint]().text != "Internal Server Error"
        except httpx.HTTPError:
            continue


def test_every_fault_has_been_tried() -> None:
    assert set(FAULTS) == TESTED
