"""The short keys of locations, hostnodes and offers; what has none yet is given one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert

from monitor.market.diff import HostnodeFacts, OfferKey
from monitor.market.hostnode import HostnodeId, Location
from monitor.store import history
from monitor.store.keys import keys
from monitor.store.marketplaces import Marketplace
from monitor.store.schema import gpus, hostnodes, locations, offers


def location_ids(
    connection: Connection,
    marketplace: Marketplace,
    known: Mapping[Location, int],
    seen: Iterable[Location],
) -> Mapping[Location, int]:
    """Return the ids of all locations, with those seen that no hostnode had told of before.

    What is `known` may be outdated by another process: the database is asked before it is told.
    """
    wanted = dict.fromkeys(seen)
    if wanted.keys() <= known.keys():
        return known
    known = history.location_ids(connection, marketplace)
    new = [place for place in wanted if place not in known]
    if not new:
        return known
    rows = [_location_values(marketplace, place) for place in new]
    statement = insert(locations).returning(locations.c.id, sort_by_parameter_order=True)
    return {**known, **dict(zip(new, connection.scalars(statement, rows), strict=True))}


def hostnode_ids(
    connection: Connection, marketplace: Marketplace, names: Iterable[HostnodeId]
) -> dict[HostnodeId, int]:
    """Return the ids of hostnodes."""
    columns = (hostnodes.c.marketplace_id, hostnodes.c.hostnode)
    found = keys(connection, columns, [(marketplace.id, name) for name in names])
    return {name: key for (_, name), key in found.items()}


def offer_ids(
    connection: Connection, nodes: Mapping[HostnodeId, int], names: Collection[OfferKey]
) -> dict[OfferKey, int]:
    """Return the ids of offers, given those of their hostnodes."""
    models = keys(connection, (gpus.c.name,), sorted({(gpu,) for _, gpu in names}))
    pairs = {name: (nodes[name[0]], models[name[1],]) for name in names}
    found = keys(connection, (offers.c.hostnode_id, offers.c.gpu_id), pairs.values())
    return {name: found[pair] for name, pair in pairs.items()}


def hostnode_values(places: Mapping[Location, int], facts: HostnodeFacts) -> dict[str, Any]:
    """Return the columns of a hostnode's facts, given the ids of locations."""
    values = facts._asdict()
    return {"location_id": places[values.pop("location")], **values}


def _location_values(marketplace: Marketplace, location: Location) -> dict[str, Any]:
    values = asdict(location)
    return {"marketplace_id": marketplace.id, "location": values.pop("id"), **values}
