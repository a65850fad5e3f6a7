"""The control API under /_sim, which no marketplace has: look at a simulation, and change it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from monitor.market.money import dollars
from monitor.simulator.actions import AddHostnode, Advance, SetOffer, SwitchOn
from monitor.simulator.answers import JSON
from monitor.simulator.instances import Instance
from monitor.simulator.requests import KEPT
from monitor.simulator.simulation import Simulation
from monitor.simulator.switchboard import Switched

PREFIX = "/_sim"


def control(simulation: Simulation) -> APIRouter:
    """Return the routes that look at and change `simulation`; a wrong body is answered 422."""
    router = APIRouter()

    @router.get("/state")
    async def state() -> Response:
        return _json(show_state(simulation))

    @router.get("/requests")
    async def requests(last: Annotated[int, Query(ge=1)] = KEPT) -> Response:
        return _json({"total": simulation.requests.total, "last": simulation.requests.last(last)})

    @router.post("/faults")
    async def switch_on(fault: SwitchOn) -> Response:
        fault.apply(simulation, simulation.catch_up())
        return _json({"changed": 1})

    @router.delete("/faults")
    async def switch_off(name: str | None = None) -> Response:
        simulation.catch_up()
        return _json({"changed": simulation.faults.off(name)})

    @router.post("/offers")
    async def set_offer(offer: SetOffer) -> Response:
        simulation.catch_up()
        return _json({"changed": offer.apply(simulation)})

    @router.post("/hostnodes")
    async def add_hostnode(hostnode: AddHostnode) -> Response:
        simulation.catch_up()
        hostnode.apply(simulation)
        return _json({"changed": 1})

    @router.delete("/hostnodes")
    async def remove_hostnodes(hostnode: str) -> Response:
        simulation.catch_up()
        return _json({"changed": simulation.market.remove(hostnode)})

    @router.post("/clock")
    async def advance(jump: Advance) -> Response:
        simulation.advance(jump.advance)
        return _json({"now": simulation.catch_up()})

    return router


def show_state(simulation: Simulation) -> dict[str, Any]:
    """Return what there is, what was bought and what it cost, and which faults are on."""
    now = simulation.catch_up()
    market = simulation.market
    hostnodes = market.hostnodes()
    offers = [gpu for row in hostnodes for gpu in row.gpus]
    return {
        "now": now,
        "hostnodes": len(hostnodes),
        "offers": len(offers),
        "gpus_available": sum(gpu.available or 0 for gpu in offers),
        "instances": [_instance(instance, now) for instance in market.all_instances()],
        "spent": dollars(market.spent(now)),
        "requests": simulation.requests.total,
        "faults": [_switched(switched) for switched in simulation.faults.active(now)],
    }


def _instance(instance: Instance, now: datetime) -> dict[str, Any]:
    return {
        "id": instance.id,
        "name": instance.name,
        "hostnode_id": instance.hostnode_id,
        "resources": instance.resources,
        "port_forwards": instance.port_forwards,
        "rate_per_hour": dollars(instance.rate),
        "spent": dollars(instance.spent(now)),
        "created_at": instance.created_at,
        "deleted_at": instance.deleted_at,
        "listed": instance.listed(now),
    }


def _switched(switched: Switched) -> dict[str, Any]:
    return {
        "name": switched.fault.name,
        "endpoints": switched.on,
        "left": switched.left,
        "until": switched.until,
        "probability": switched.probability,
        "seconds": switched.seconds,
        "hostnode": switched.hostnode,
    }


def _json(value: object) -> Response:
    return Response(content=msgspec.json.encode(value), media_type=JSON)
