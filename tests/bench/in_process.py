"""The simulator behind the real client without a socket: a time-out costs no time.

What a fault does to the delivery of an answer becomes what httpx raises for it.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import httpx

from monitor.marketplaces.tensordock.client import TensorDock
from monitor.marketplaces.tensordock.http import Http
from monitor.simulator import app
from monitor.simulator.answers import Answer, Delivery
from monitor.simulator.faults import Endpoint
from monitor.simulator.orders import Order, read_order
from monitor.simulator.simulation import Simulation
from tests.unit.marketplaces.wires import BASE_URL, TOKEN


class InProcess(httpx.BaseTransport):
    """Answers each request with what the simulation makes of it."""

    def __init__(
        self, simulation: Simulation, before_create: Callable[[], None] = lambda: None
    ) -> None:
        self._simulation = simulation
        self._before_create = before_create

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the simulation's answer, or raise what its delivery comes to."""
        answer = self._answer(request)
        match answer.delivery:
            case Delivery.WHOLE:
                return httpx.Response(
                    answer.status, headers=dict(answer.headers), content=answer.body
                )
            case Delivery.HANG | Delivery.LATE | Delivery.DRIP:
                raise httpx.ReadTimeout("timed out", request=request)
            case Delivery.DROP | Delivery.RESET | Delivery.CUT_OFF:
                raise httpx.RemoteProtocolError("disconnected", request=request)

    def _answer(self, request: httpx.Request) -> Answer:
        simulation = self._simulation
        now = simulation.catch_up()
        endpoint, act, hostnode = self._call(request)
        if endpoint is Endpoint.CREATE:
            self._before_create()
        struck = simulation.faults.strike(endpoint, now=now, hostnode=hostnode)
        met = app._met(simulation, struck, now)
        return app._spoilt(act, met, now)

    def _call(self, request: httpx.Request) -> tuple[Endpoint, app.Act, str]:
        _, what, *rest = request.url.path.removeprefix(httpx.URL(BASE_URL).path).split("/")
        market, name = self._simulation.market, "".join(rest)
        calls: dict[tuple[str, str, bool], tuple[Endpoint, app.Act, str]] = {
            ("GET", "hostnodes", False): (
                Endpoint.HOSTNODES,
                lambda terms, _: Answer(body=market.list_body(terms)),
                "",
            ),
            ("GET", "hostnodes", True): (
                Endpoint.HOSTNODE,
                lambda _, __: app._hostnode(market, name),
                name,
            ),
            ("POST", "instances", False): (Endpoint.CREATE, *self._create(request)),
            ("GET", "instances", False): (Endpoint.INSTANCES, partial(app._instances, market), ""),
            ("GET", "instances", True): (
                Endpoint.INSTANCE,
                partial(app._instance, market, name),
                "",
            ),
            ("DELETE", "instances", True): (
                Endpoint.DELETE,
                partial(app._delete, market, name),
                "",
            ),
        }
        return calls[request.method, what, bool(rest)]

    def _create(self, request: httpx.Request) -> tuple[app.Act, str]:
        if request.method != "POST":
            return (lambda _, __: Answer()), ""
        order = read_order(request.content)
        assert isinstance(order, Order), order
        return partial(app._create, self._simulation.market, order), order.hostnode_id


def connect(simulation: Simulation, before_create: Callable[[], None]) -> TensorDock:
    """Return a client whose pauses and time-outs take no time."""
    http = Http(
        base_url=BASE_URL,
        token=TOKEN,
        timeout=timedelta(seconds=20),
        version="1.2.3",
        transport=InProcess(simulation, before_create),
        sleep=lambda _: None,
    )
    return TensorDock(name="tensordock", http=http)
