"""Destinations that take no messages: their queue stands still, or the last one was given up."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from monitor.alerting.outbox import NotificationStatus
from monitor.rules.system import Trouble
from monitor.store.schema import (
    ENDED_NOTIFICATION,
    UNENDED_NOTIFICATION,
    notifications,
)

TRIES = 3
"""After so many attempts at the head of its queue a destination is in trouble, not only slow."""
FORGOTTEN_AFTER = timedelta(days=1)
"""What was given up longer ago says nothing of today."""


def troubles(connection: Connection, now: datetime) -> list[Trouble]:
    """Return the destinations that take no messages, with the last error of each."""
    head = func.min(notifications.c.id).label("head")
    heads = (
        select(notifications.c.destination, head)
        .where(UNENDED_NOTIFICATION)
        .group_by(notifications.c.destination)
        .subquery()
    )
    lasts = (
        select(notifications.c.destination, func.max(notifications.c.id).label("last"))
        .where(ENDED_NOTIFICATION, notifications.c.created_at >= now - FORGOTTEN_AFTER)
        .group_by(notifications.c.destination)
        .subquery()
    )
    told = (notifications.c.receiver, notifications.c.destination, notifications.c.error)
    waiting = (
        select(*told)
        .join(heads, heads.c.head == notifications.c.id)
        .where(notifications.c.attempts >= TRIES)
    )
    dead = (
        select(*told)
        .join(lasts, lasts.c.last == notifications.c.id)
        .where(notifications.c.status == NotificationStatus.DEAD.value)
    )
    found = {
        row.destination: Trouble(
            receiver=row.receiver, destination=row.destination, error=row.error
        )
        for statement in (dead, waiting)
        for row in connection.execute(statement)
    }
    return list(found.values())
