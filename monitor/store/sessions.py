"""Sessions from the intervals: of models, of locations, of hostnodes."""

from collections import defaultdict
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from monitor.history.pieces import on_sale
from monitor.history.plan import in_parts
from monitor.history.selection import Model, Selection
from monitor.history.sessions import merged, windows_of
from monitor.history.window import Window
from monitor.market.hostnode import HostnodeId
from monitor.store.offered import offered
from monitor.store.schema import hostnode_intervals, hostnodes, locations, marketplaces


class Per(StrEnum):
    """What a session is of."""

    MODEL = "model"
    LOCATION = "location"
    HOSTNODE = "hostnode"


class Subject(NamedTuple):
    """A model, where it is sold: `place` is a location's or hostnode's id; empty is anywhere."""

    model: Model
    place: str


def had(
    connection: Connection, selection: Selection, window: Window
) -> dict[Per, dict[Subject, list[Window]]]:
    """Return when each selected model could be had in a window: priced, and at least one GPU free.

    The stretches come in any order and may overlap. A hostnode counts for the location it told
    last. Some of the window is read at a time, and only what follows from it is kept.
    """
    places = _places(connection)
    found: dict[Per, dict[Subject, list[Window]]] = {per: defaultdict(list) for per in Per}
    for part in in_parts(window):
        for model, by_hostnode in offered(connection, selection, part).items():
            for hostnode, pieces in by_hostnode.items():
                stretches = merged(windows_of(on_sale(pieces)))
                location = places.get((model.marketplace, hostnode), "")
                found[Per.MODEL][Subject(model, "")] += stretches
                found[Per.LOCATION][Subject(model, location)] += stretches
                found[Per.HOSTNODE][Subject(model, hostnode)] += stretches
    return found


def _places(connection: Connection) -> dict[tuple[str, HostnodeId], str]:
    """Return the location that each hostnode told last: its id, or else its city."""
    last = (
        select(hostnode_intervals.c.hostnode_id, func.max(hostnode_intervals.c.valid_from))
        .group_by(hostnode_intervals.c.hostnode_id)
        .subquery()
    )
    of, since = last.c
    rows = connection.execute(
        select(marketplaces.c.name, hostnodes.c.hostnode, locations.c.location, locations.c.city)
        .select_from(last)
        .join(
            hostnode_intervals,
            and_(hostnode_intervals.c.hostnode_id == of, hostnode_intervals.c.valid_from == since),
        )
        .join(hostnodes, hostnodes.c.id == of)
        .join(marketplaces, marketplaces.c.id == hostnodes.c.marketplace_id)
        .join(locations, locations.c.id == hostnode_intervals.c.location_id)
    )
    return {(name, hostnode): place or city or "" for name, hostnode, place, city in rows}
