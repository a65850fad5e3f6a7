"""What was offered when, one row after the other, for a table that others go on with."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from monitor.history.window import Window
from monitor.market.hostnode import HostnodeId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.store import progress
from monitor.store.schema import (
    gpus,
    hostnode_intervals,
    hostnodes,
    locations,
    marketplaces,
    offer_intervals,
    offers,
)

_AT_A_TIME = 1000
"""Rows that are fetched together."""


class Sold(NamedTuple):
    """A stretch of time in which an offer did not change.

    `gone_on` is whether nothing is known of what became of it: polling stopped, or it lasts.
    The place is the one told at `since`; the price is nano-dollars per GPU and hour.
    """

    hostnode: HostnodeId
    gpu: GpuModel
    since: datetime
    until: datetime
    gone_on: bool
    available: int
    price: NanoDollars | None
    city: str | None
    country: str | None
    tier: int | None


def sold(connection: Connection, marketplace: str, window: Window) -> Iterator[Sold]:
    """Yield what was offered in a window, offer by offer in the order of time, cut at its ends."""
    window = progress.kept(connection, marketplace, window)
    span, told = offer_intervals.c, hostnode_intervals.c
    earlier = hostnode_intervals.alias().c
    began = (
        select(func.max(earlier.valid_from))
        .where(
            earlier.hostnode_id == offers.c.hostnode_id,
            or_(earlier.valid_from <= span.valid_from, earlier.valid_from <= window.since),
        )
        .scalar_subquery()
    )
    ended = func.coalesce(span.valid_to, marketplaces.c.recorded_until)
    statement = (
        select(
            hostnodes.c.hostnode,
            gpus.c.name,
            span.valid_from,
            ended,
            or_(span.gap, span.valid_to.is_(None)),
            span.available,
            span.price,
            locations.c.city,
            locations.c.country,
            locations.c.tier,
        )
        .select_from(offer_intervals)
        .join(offers, offers.c.id == span.offer_id)
        .join(gpus, gpus.c.id == offers.c.gpu_id)
        .join(hostnodes, hostnodes.c.id == offers.c.hostnode_id)
        .join(marketplaces, marketplaces.c.id == hostnodes.c.marketplace_id)
        .join(
            hostnode_intervals,
            and_(told.hostnode_id == offers.c.hostnode_id, told.valid_from == began),
        )
        .join(locations, locations.c.id == told.location_id)
        .where(
            marketplaces.c.name == marketplace,
            span.valid_from < window.until,
            ended >= window.since,
        )
        .order_by(span.offer_id, span.valid_from)
    )
    for row in connection.execution_options(yield_per=_AT_A_TIME).execute(statement):
        found = Sold(*row)
        yield found._replace(
            since=max(found.since, window.since),
            until=min(found.until, window.until),
            gone_on=found.gone_on or found.until > window.until,
        )
