"""Reading the market as it was: at an instant, or at the last good poll."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, and_, func, or_, select

from monitor.market.diff import HostnodeFacts, OfferFacts, OfferKey
from monitor.market.hostnode import HostnodeId, Location
from monitor.market.offer import Offer
from monitor.market.snapshot import Snapshot
from monitor.store import progress
from monitor.store.intervals import Open
from monitor.store.marketplaces import Marketplace, find
from monitor.store.schema import (
    coverage,
    gpus,
    hostnode_intervals,
    hostnodes,
    locations,
    offer_intervals,
    offers,
)


def at_instant(connection: Connection, marketplace: str, at: datetime) -> Snapshot | None:
    """Return what was on offer at `at`, or `None` if that is not known.

    Known are the stretches of continuous polling, from the first good poll of each to its last
    one, as far as their intervals are kept. Free ports are not part of history.
    """
    found = find(connection, marketplace)
    if found is None or not _is_covered(connection, found, at):
        return None
    return _snapshot(connection, found, at)


def latest(connection: Connection, marketplace: str) -> Snapshot | None:
    """Return what the last good poll saw, at its instant, or `None` if there was none."""
    found = find(connection, marketplace)
    if found is None or found.recorded_until is None:
        return None
    return _snapshot(connection, found, found.recorded_until)


def location_ids(connection: Connection, marketplace: Marketplace) -> dict[Location, int]:
    """Return the ids of all that locations ever told about themselves."""
    rows = connection.execute(select(locations).where(locations.c.marketplace_id == marketplace.id))
    return {_location(row): row.id for row in rows}


def hostnodes_at(
    connection: Connection, marketplace: Marketplace, at: datetime
) -> Open[HostnodeId, HostnodeFacts]:
    """Return the intervals of hostnodes that hold at a covered instant."""
    places = {key: place for place, key in location_ids(connection, marketplace).items()}
    rows = connection.execute(
        select(hostnodes.c.hostnode, hostnode_intervals)
        .select_from(hostnodes)
        .join(hostnode_intervals, _holds(hostnode_intervals.c.hostnode_id, hostnodes.c.id, at))
        .where(hostnodes.c.marketplace_id == marketplace.id)
        .order_by(hostnodes.c.id)
    ).all()
    return Open(
        facts={row.hostnode: read_facts(row, places[row.location_id]) for row in rows},
        rows={row.hostnode: (row.hostnode_id, row.valid_from) for row in rows},
    )


def offers_at(
    connection: Connection, marketplace: Marketplace, at: datetime
) -> Open[OfferKey, OfferFacts]:
    """Return the intervals of offers that hold at a covered instant."""
    rows = connection.execute(
        select(hostnodes.c.hostnode, gpus.c.name, offer_intervals)
        .select_from(offers)
        .join(hostnodes, hostnodes.c.id == offers.c.hostnode_id)
        .join(gpus, gpus.c.id == offers.c.gpu_id)
        .join(offer_intervals, _holds(offer_intervals.c.offer_id, offers.c.id, at))
        .where(hostnodes.c.marketplace_id == marketplace.id)
        .order_by(offers.c.id)
    ).all()
    return Open(
        facts={(row.hostnode, row.name): OfferFacts(row.available, row.price) for row in rows},
        rows={(row.hostnode, row.name): (row.offer_id, row.valid_from) for row in rows},
    )


def _is_covered(connection: Connection, marketplace: Marketplace, at: datetime) -> bool:
    until = connection.scalar(
        select(coverage.c.valid_to)
        .where(coverage.c.marketplace_id == marketplace.id, coverage.c.valid_from <= at)
        .order_by(coverage.c.valid_from.desc())
        .limit(1)
    )
    since = progress.raw_since(connection).get(marketplace.name, at)
    return until is not None and since <= at <= until


def _holds(column: Column[Any], of: Column[int], at: datetime) -> ColumnElement[bool]:
    """Return the condition under which an interval is the one that holds at a covered instant.

    That is the last one that began until then, if it has not ended: before a gap the end itself
    is the last instant at which it was seen.
    """
    intervals, earlier = column.table.c, column.table.alias()
    began = (
        select(func.max(earlier.c.valid_from))
        .where(earlier.c[column.name] == of, earlier.c.valid_from <= at)
        .scalar_subquery()
    )
    return and_(
        column == of,
        intervals.valid_from == began,
        or_(
            intervals.valid_to.is_(None),
            intervals.valid_to > at,
            and_(intervals.gap, intervals.valid_to == at),
        ),
    )


def _snapshot(connection: Connection, marketplace: Marketplace, at: datetime) -> Snapshot:
    found = hostnodes_at(connection, marketplace, at).facts
    nodes = {key: facts.hostnode(key) for key, facts in found.items()}
    return Snapshot(
        marketplace=marketplace.name,
        at=at,
        hostnodes=tuple(nodes.values()),
        offers=tuple(
            Offer(hostnode=nodes[key], gpu=gpu, available=facts.available, price=facts.price)
            for (key, gpu), facts in offers_at(connection, marketplace, at).facts.items()
        ),
    )


def read_facts(row: Row[Any], location: Location) -> HostnodeFacts:
    """Return what a row of `hostnode_intervals` says, at the location it names."""
    return HostnodeFacts(
        location=location,
        engine=row.engine,
        uptime=row.uptime,
        vcpu_count=row.vcpu_count,
        ram_gb=row.ram_gb,
        storage_gb=row.storage_gb,
        per_vcpu=row.per_vcpu,
        per_gb_ram=row.per_gb_ram,
        per_gb_storage=row.per_gb_storage,
    )


def _location(row: Row[Any]) -> Location:
    return Location(
        id=row.location,
        city=row.city,
        state=row.state,
        country=row.country,
        organization_id=row.organization_id,
        organization=row.organization,
        tier=row.tier,
        network_gbps=row.network_gbps,
        network_upload_gbps=row.network_upload_gbps,
        network_storage=row.network_storage,
    )
