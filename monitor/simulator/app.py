"""The documented API: what each call answers, and how faults come between."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response

from monitor.simulator import instances, locations
from monitor.simulator.answers import (
    DELETED,
    FORBIDDEN,
    NOT_FOUND,
    UNAUTHORIZED,
    Answer,
    failure_in_200,
    json_answer,
)
from monitor.simulator.control import PREFIX as CONTROL_PREFIX
from monitor.simulator.control import control
from monitor.simulator.faults import Call, Endpoint, Fault
from monitor.simulator.market import Refused, SimulatedMarket
from monitor.simulator.orders import Order, read_order
from monitor.simulator.requests import BODY_KEPT
from monitor.simulator.requests import Request as Kept
from monitor.simulator.simulation import Simulation
from monitor.simulator.switchboard import Switched
from monitor.simulator.terms import USUAL, Terms
from monitor.simulator.wire import Delivered

PREFIX = "/api/v2"

Act = Callable[[Terms, datetime], Answer]


def create_app(simulation: Simulation) -> FastAPI:
    """Return the application that serves `simulation`."""
    app = FastAPI(openapi_url=None)
    app.include_router(_documented(simulation), prefix=PREFIX)
    app.include_router(control(simulation), prefix=CONTROL_PREFIX)
    return app


def _documented(simulation: Simulation) -> APIRouter:
    router = APIRouter()
    market = simulation.market
    exchange = partial(_exchange, simulation)

    @router.get("/hostnodes")
    async def hostnodes(request: Request) -> Response:
        return await exchange(
            request, Endpoint.HOSTNODES, lambda terms, _now: Answer(body=market.list_body(terms))
        )

    @router.get("/hostnodes/{hostnode_id}")
    async def hostnode(request: Request, hostnode_id: str) -> Response:
        return await exchange(
            request,
            Endpoint.HOSTNODE,
            lambda _terms, _now: _hostnode(market, hostnode_id),
            hostnode_id,
        )

    @router.get("/locations")
    async def all_locations(request: Request) -> Response:
        return await exchange(
            request,
            Endpoint.LOCATIONS,
            lambda _terms, _now: json_answer(locations.by_location(market.hostnodes())),
        )

    @router.post("/instances")
    async def create(request: Request) -> Response:
        order = read_order(await request.body())
        if not isinstance(order, Order):
            refused = json_answer(order, status=400)
            return await exchange(request, Endpoint.CREATE, lambda _terms, _now: refused)
        return await exchange(
            request, Endpoint.CREATE, partial(_create, market, order), order.hostnode_id
        )

    @router.get("/instances")
    async def all_instances(request: Request) -> Response:
        return await exchange(request, Endpoint.INSTANCES, partial(_instances, market))

    @router.get("/instances/{instance_id}")
    async def instance(request: Request, instance_id: str) -> Response:
        return await exchange(request, Endpoint.INSTANCE, partial(_instance, market, instance_id))

    @router.delete("/instances/{instance_id}")
    async def delete(request: Request, instance_id: str) -> Response:
        return await exchange(request, Endpoint.DELETE, partial(_delete, market, instance_id))

    return router


async def _exchange(
    simulation: Simulation,
    request: Request,
    endpoint: Endpoint,
    act: Act,
    hostnode_id: str = "",
) -> Response:
    """Check the token, let the faults strike, act unless they forbid it, and answer."""
    now = simulation.catch_up()
    kept = Kept(
        at=now,
        method=request.method,
        path=request.url.path,
        body=(await request.body())[:BODY_KEPT].decode(errors="replace"),
        authorized=False,
    )
    simulation.requests.add(kept)
    refusal = _refusal(request, simulation.token, endpoint)
    if refusal is None:
        kept.authorized = True
        struck = simulation.faults.strike(endpoint, now=now, hostnode=hostnode_id)
        met = _met(simulation, struck, now)
        kept.faults = tuple(fault.name for fault, _ in met)
        answer = _spoilt(act, met, now)
    else:
        answer = refusal
    kept.status = answer.status if answer.sent else None
    return Delivered(answer)


def _refusal(request: Request, token: str | None, endpoint: Endpoint) -> Answer | None:
    """Return the answer to a call without the right token: 403 was seen on hostnodes, else 401."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given and token in (None, given):
        return None
    reading = endpoint in (Endpoint.HOSTNODES, Endpoint.HOSTNODE)
    return FORBIDDEN if reading and not given else UNAUTHORIZED


def _spoilt(act: Act, met: list[tuple[Fault, Call]], now: datetime) -> Answer:
    """Act unless a fault forbids it, and return what the faults make of the answer."""
    terms = USUAL
    for fault, call in met:
        terms = fault.bend(terms, call) if fault.bend else terms
    answer = act(terms, now) if all(fault.acts for fault, _ in met) else Answer()
    for fault, call in met:
        answer = fault.spoil(answer, call) if fault.spoil else answer
    return answer


def _met(simulation: Simulation, struck: list[Switched], now: datetime) -> list[tuple[Fault, Call]]:
    """Return the faults that strike after all, each with what it may look at."""
    if not struck:
        return []
    recent = simulation.requests.since(now - timedelta(minutes=1))
    calls = (
        (switched.fault, Call(now=now, seconds=switched.seconds, recent=recent))
        for switched in struck
    )
    return [(fault, call) for fault, call in calls if fault.when is None or fault.when(call)]


def _hostnode(market: SimulatedMarket, hostnode_id: str) -> Answer:
    row = market.hostnode(hostnode_id)
    return NOT_FOUND if row is None else Answer(body=msgspec.json.encode({"data": row}))


def _create(market: SimulatedMarket, order: Order, terms: Terms, now: datetime) -> Answer:
    made = market.create(order, now=now, terms=terms)
    if isinstance(made, Refused):
        return failure_in_200(made.error)
    return Answer(body=instances.created(made, now))


def _instances(market: SimulatedMarket, terms: Terms, now: datetime) -> Answer:
    if terms.vanish:
        market.vanish(now=now)
    return Answer(body=instances.listed(market.instances(now=now, terms=terms), now))


def _instance(market: SimulatedMarket, instance_id: str, terms: Terms, now: datetime) -> Answer:
    if terms.vanish:
        market.vanish(now=now)
    found = market.instance(instance_id, now=now)
    return NOT_FOUND if found is None else Answer(body=instances.alone(found, now))


def _delete(market: SimulatedMarket, instance_id: str, terms: Terms, now: datetime) -> Answer:
    return DELETED if market.delete(instance_id, now=now, terms=terms) else NOT_FOUND
