"""Deleting intervals that are older than the retention, once they are rolled up.

First it is noted from when on intervals are kept whole, so that nobody reads the older ones any
more; then they go in small batches, each a transaction. A process that dies in between leaves
nothing that the next one does not delete. What is open, or reaches into the time that is kept,
stays, and so does what is known of coverage.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Delete, Subquery, and_, delete, select, tuple_

from monitor.history.window import DAY, floor, reaching_back
from monitor.store import progress
from monitor.store.coverage import stretches
from monitor.store.progress import Progress
from monitor.store.schema import hostnode_intervals, hostnodes, offer_intervals, offers

LONGEST_OUTAGE = DAY
"""What was not polled counts for no more than this where an age is counted back."""


def kept_since(connection: Connection, marketplace: str, keep: timedelta) -> datetime:
    """Return from when on a marketplace's intervals are to be kept.

    It is so long before the last good poll, and an outage counts for a day at most: neither a
    clock that is ahead nor a marketplace that does not answer makes history old.
    """
    return reaching_back(stretches(connection, marketplace), keep, outage=LONGEST_OUTAGE)


def expire(connection: Connection, marketplace: str, *, before: datetime) -> Progress | None:
    """Note that a marketplace's intervals from before an instant are not kept any more.

    It is a whole day's beginning, until which all roll-ups are made.

    Returns:
        What `drop` is to be called with, `None` if there is nothing to delete.
    """
    found = progress.find(connection, marketplace)
    if found is None:
        return None
    until = floor(min(before, found.reliable_until), DAY)
    if found.raw_since is not None:
        if found.reliable_until < found.raw_since:
            return None
        until = max(until, found.raw_since)
    if found.deleted_until == until or not progress.advance(connection, found, raw_since=until):
        return None
    return replace(found, raw_since=until)


def drop(connection: Connection, expired: Progress, *, limit: int) -> int:
    """Delete up to `limit` intervals of offers, and as many of hostnodes.

    Returns:
        How many were deleted; if none, all are, and that is noted.
    """
    until, whose = expired.raw_since, hostnodes.c.marketplace_id == expired.marketplace_id
    if until is None:
        return 0
    ours = select(hostnodes.c.id).where(whose)
    sold = select(offers.c.id).join(hostnodes, hostnodes.c.id == offers.c.hostnode_id).where(whose)
    dropped = sum(
        connection.execute(_old(column, keys.subquery(), until, limit)).rowcount
        for column, keys in (
            (offer_intervals.c.offer_id, sold),
            (hostnode_intervals.c.hostnode_id, ours),
        )
    )
    if not dropped:
        progress.advance(connection, expired, deleted_until=until)
    return dropped


def _old(column: Column[Any], of: Subquery, until: datetime, limit: int) -> Delete:
    """Return the deletion of some intervals that ended before an instant.

    They are looked for from what they are of, by the primary key: of newer ones none is read.
    """
    intervals = column.table.c
    found = (
        select(column, intervals.valid_from)
        .select_from(of)
        .join(column.table, and_(column == of.c.id, intervals.valid_from < until))
        .where(intervals.valid_to < until)
        .limit(limit)
    )
    return delete(column.table).where(tuple_(column, intervals.valid_from).in_(found))
