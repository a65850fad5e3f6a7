"""Which time is known: the stretches of continuous polling of a marketplace."""

from datetime import datetime

from sqlalchemy import Connection, select

from monitor.history.window import Window
from monitor.store.marketplaces import Marketplace
from monitor.store.schema import coverage, marketplaces


def touching(
    connection: Connection, marketplace: Marketplace, since: datetime, until: datetime
) -> list[Window]:
    """Return the stretches that have an instant in common with a stretch of time, in order.

    Both ends are part of each, and of the stretch of time.
    """
    rows = connection.execute(
        select(coverage.c.valid_from, coverage.c.valid_to)
        .where(
            coverage.c.marketplace_id == marketplace.id,
            coverage.c.valid_to >= since,
            coverage.c.valid_from <= until,
        )
        .order_by(coverage.c.valid_from)
    )
    return [Window(*row) for row in rows]


def stretches(connection: Connection, marketplace: str) -> list[Window]:
    """Return all stretches of a marketplace, in order."""
    rows = connection.execute(
        select(coverage.c.valid_from, coverage.c.valid_to)
        .join(marketplaces)
        .where(marketplaces.c.name == marketplace)
        .order_by(coverage.c.valid_from)
    )
    return [Window(*row) for row in rows]


def of_all(connection: Connection) -> list[Window]:
    """Return the stretches of every marketplace, in no order."""
    return [
        Window(*row)
        for row in connection.execute(select(coverage.c.valid_from, coverage.c.valid_to))
    ]
