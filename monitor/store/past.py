"""Reading back the past that rules look at: when it was polled, and the best prices since."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from monitor.market.offer import GpuModel
from monitor.rules.past import Needs, Past
from monitor.rules.sweep import Sold, tracks
from monitor.store.coverage import touching
from monitor.store.history import latest
from monitor.store.marketplaces import Marketplace
from monitor.store.schema import gpus, hostnodes, offer_intervals, offers


def load(connection: Connection, marketplace: Marketplace | None, needs: Needs) -> Past:
    """Return the past of a marketplace up to its last good poll, as far back as is needed."""
    until = None if marketplace is None else marketplace.recorded_until
    if marketplace is None or until is None or needs == Needs():
        return Past(needs)
    since = until - max(needs.windows, default=timedelta(0))
    sold = _sold(connection, marketplace, since) if needs.windows else iter(())
    return Past.known(
        needs,
        polled=touching(connection, marketplace, since, until),
        tracks=tracks(sold, until=until),
        last=latest(connection, marketplace.name) if needs.offers else None,
    )


def _sold(connection: Connection, marketplace: Marketplace, since: datetime) -> Iterator[Sold]:
    """Yield the stretches in which an offer could be had, those of one model together."""
    rows = connection.execution_options(yield_per=10_000).execute(
        select(
            gpus.c.name,
            offer_intervals.c.valid_from,
            offer_intervals.c.valid_to,
            offer_intervals.c.gap,
            offer_intervals.c.price,
        )
        .select_from(offer_intervals)
        .join(offers, offers.c.id == offer_intervals.c.offer_id)
        .join(gpus, gpus.c.id == offers.c.gpu_id)
        .join(hostnodes, hostnodes.c.id == offers.c.hostnode_id)
        .where(
            hostnodes.c.marketplace_id == marketplace.id,
            offer_intervals.c.available > 0,
            offer_intervals.c.price.is_not(None),
            or_(offer_intervals.c.valid_to.is_(None), offer_intervals.c.valid_to >= since),
        )
    )
    for row in rows:
        yield Sold(GpuModel(row.name), row.valid_from, row.valid_to, row.gap, row.price)
