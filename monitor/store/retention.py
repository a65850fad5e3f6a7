"""Deleting what is older than the retention: polls, alerts, silences, notifications, grabs.

Intervals are the history, and are summed up before they go: see `expiry`. Grabs that cost
money are the accounts, and few: they stay.
"""

from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, select

from monitor.market.snapshot import Outcome
from monitor.store.schema import (
    ENDED_NOTIFICATION,
    UNBOUGHT_GRAB,
    alerts,
    grabs,
    notifications,
    polls,
    silences,
    transitions,
)

GOOD_POLLS_FOR = timedelta(days=7)
"""What a good poll saw is in the intervals, and that it was made in coverage: its row goes soon."""

_Expired = tuple[Table, Column[datetime], ColumnElement[bool]]


def prune(connection: Connection, *, now: datetime, keep: timedelta, limit: int) -> int:
    """Delete up to `limit` rows of each kind that ended more than `keep` ago.

    Notifications that are neither sent nor given up stay, and so do alerts that are not
    resolved, silences that go on, and grabs that bought something or may yet. The history of a
    grab goes with it.

    Returns:
        The number of rows deleted; while it is not 0 there may be more. Between two batches
        others can write.
    """
    return sum(_prune(connection, *expired, limit) for expired in _expired(now, keep))


def _expired(now: datetime, keep: timedelta) -> list[_Expired]:
    before = now - keep
    ended = notifications.c.created_at
    return [
        (polls, polls.c.at, polls.c.at < before),
        (polls, polls.c.at, and_(polls.c.outcome == Outcome.OK, polls.c.at < now - GOOD_POLLS_FOR)),
        (transitions, transitions.c.at, transitions.c.at < before),
        (alerts, alerts.c.resolved_at, alerts.c.resolved_at < before),
        (notifications, ended, and_(ENDED_NOTIFICATION, ended < before)),
        (silences, silences.c.ends_at, silences.c.ends_at < before),
        (grabs, grabs.c.created_at, and_(UNBOUGHT_GRAB, grabs.c.created_at < before)),
    ]


def _prune(
    connection: Connection,
    table: Table,
    at: Column[datetime],
    condition: ColumnElement[bool],
    limit: int,
) -> int:
    oldest = select(table.c.id).where(condition).order_by(at).limit(limit)
    return connection.execute(delete(table).where(table.c.id.in_(oldest))).rowcount
