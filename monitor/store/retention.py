"""Deleting what is older than the retention: polls, alerts, silences, notifications, grabs.

Intervals are not deleted here: they are the history, and are summed up before they go. Nor are
grabs that cost money: they are the accounts, and few.
"""

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, select

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

_Expired = tuple[Table, Column[datetime], ColumnElement[bool]]


def prune(connection: Connection, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` rows of each kind that ended before an instant.

    Notifications that are neither sent nor given up stay, and so do alerts that are not
    resolved, silences that go on, and grabs that bought something or may yet. The history of a
    grab goes with it.

    Returns:
        The number of rows deleted; while it is not 0 there may be more. Between two batches
        others can write.
    """
    return sum(_prune(connection, *expired, limit) for expired in _expired(before))


def _expired(before: datetime) -> list[_Expired]:
    ended = notifications.c.created_at
    return [
        (polls, polls.c.at, polls.c.at < before),
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
