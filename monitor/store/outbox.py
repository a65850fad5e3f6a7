"""The queue of notifications: queued by the cycle, listed and sent again by people.

How the dispatcher claims and settles them is in `claims.py`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import (
    DestinationKey,
    Draft,
    NotificationId,
    NotificationStatus,
)
from monitor.rules.alert import RuleName
from monitor.store.keys import insertion
from monitor.store.schema import (
    UNENDED_NOTIFICATION,
    destinations,
    notification_failures,
    notifications,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification as people see it.

    `unknown_attempts` counts the attempts of which nobody knows how they ended: a time-out, or a
    process that died between sending and settling.
    """

    id: NotificationId
    receiver: str
    destination: DestinationKey
    status: NotificationStatus
    attempts: int
    unknown_attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    reason: NotifyReason
    rule: RuleName | None
    title: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt that failed: which one, when, what that made of the notification, and why."""

    attempt: int
    at: datetime
    status: NotificationStatus
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One notification with all that is known of it."""

    notification: Notification
    body: str
    failures: tuple[Failure, ...]


def enqueue(connection: Connection, drafts: Iterable[Draft], now: datetime) -> list[NotificationId]:
    """Queue notifications to be sent at once; return their ids in the same order."""
    rows = [_values(draft, now) for draft in drafts]
    if not rows:
        return []
    names = sorted({row["destination"] for row in rows})
    connection.execute(
        insertion(connection, destinations).on_conflict_do_nothing(),
        [{"destination": name} for name in names],
    )
    statement = insert(notifications).returning(notifications.c.id, sort_by_parameter_order=True)
    return [NotificationId(key) for key in connection.scalars(statement, rows)]


def resend(connection: Connection, notification: NotificationId) -> bool:
    """Queue a notification again that was sent, given up, or of unknown end.

    Returns:
        Whether there is one with that id that is not queued or being sent anyway.
    """
    again = {NotificationStatus.DEAD, NotificationStatus.SENT, NotificationStatus.UNKNOWN}
    queued = connection.execute(
        update(notifications)
        .where(notifications.c.id == notification, _has(again))
        .values(
            status=NotificationStatus.QUEUED.value, attempts=0, next_attempt_at=None, sent_at=None
        )
    )
    return queued.rowcount == 1


def listed(
    connection: Connection,
    *,
    limit: int,
    status: NotificationStatus | None = None,
    receiver: str | None = None,
) -> list[Notification]:
    """Return the newest notifications, newest first, of one status or receiver if asked for."""
    statement = select(notifications).order_by(notifications.c.id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(notifications.c.status == status.value)
    if receiver is not None:
        statement = statement.where(notifications.c.receiver == receiver)
    return [_notification(row) for row in connection.execute(statement)]


def find(connection: Connection, key: NotificationId) -> Found | None:
    """Return one notification, its body, and why attempts failed, the earliest first."""
    row = connection.execute(select(notifications).where(notifications.c.id == key)).one_or_none()
    if row is None:
        return None
    failed = notification_failures.c
    failures = connection.execute(
        select(notification_failures).where(failed.notification_id == key).order_by(failed.id)
    )
    return Found(
        notification=_notification(row), body=row.body, failures=tuple(map(_failure, failures))
    )


def lengths(connection: Connection) -> dict[str, int]:
    """Return for each receiver how many notifications are neither sent nor given up."""
    rows = connection.execute(
        select(notifications.c.receiver, func.count().label("length"))
        .where(UNENDED_NOTIFICATION)
        .group_by(notifications.c.receiver)
    )
    return {row.receiver: row.length for row in rows}


def _has(statuses: Collection[NotificationStatus]) -> ColumnElement[bool]:
    return notifications.c.status.in_(sorted(status.value for status in statuses))


def _values(draft: Draft, now: datetime) -> dict[str, Any]:
    return {
        "receiver": draft.receiver,
        "destination": draft.destination,
        "reason": draft.reason.value,
        "rule": draft.rule,
        "title": draft.title,
        "body": draft.body,
        "format": draft.format.value,
        "status": NotificationStatus.QUEUED.value,
        "attempts": 0,
        "unknown_attempts": 0,
        "created_at": now,
        "error": "",
    }


def _notification(row: Row[Any]) -> Notification:
    return Notification(
        id=row.id,
        receiver=row.receiver,
        destination=row.destination,
        status=NotificationStatus(row.status),
        attempts=row.attempts,
        unknown_attempts=row.unknown_attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        sent_at=row.sent_at,
        reason=NotifyReason(row.reason),
        rule=row.rule,
        title=row.title,
        error=row.error,
    )


def _failure(row: Row[Any]) -> Failure:
    return Failure(
        attempt=row.attempt,
        at=row.at,
        status=NotificationStatus(row.status),
        error=row.error,
    )
