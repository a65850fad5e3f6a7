"""The queue of notifications: queued by the cycle, claimed and settled by the dispatcher.

Each destination is told in the order of queueing: only the oldest unended notification of a
destination can be claimed, so that one that waits for its retry holds up only those behind it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from monitor.alerting.formats import Format
from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import (
    Claimed,
    DestinationKey,
    Draft,
    NotificationId,
    NotificationStatus,
    Settlement,
)
from monitor.rules.alert import RuleName
from monitor.store.keys import insertion
from monitor.store.schema import UNENDED_NOTIFICATION, destinations, notifications

LONGEST_WAIT = timedelta(minutes=20)
"""No retry and no lease is further away, as long as nobody turns the clock."""

_UNKNOWN = notifications.c.unknown_attempts


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


def claim(
    connection: Connection,
    now: datetime,
    *,
    token: str,
    lease_for: timedelta,
    limit: int,
    only: Collection[NotificationId] | None = None,
) -> list[Claimed]:
    """Claim up to `limit` notifications that are due (of `only`), at most one for each destination.

    A claim whose lease ran out is claimed again: its process died, and nobody knows whether it
    had sent (`unknown_attempts`). No notification is ever claimed by two tokens at a time.
    """
    due = _due(now, limit, only)
    rows = connection.execute(
        update(notifications)
        .where(notifications.c.id.in_(select(due.c.id)))
        .values(
            status=NotificationStatus.SENDING.value,
            attempts=notifications.c.attempts + 1,
            unknown_attempts=_UNKNOWN + case((_is_sending(), 1), else_=0),
            lease_token=token,
            lease_until=now + lease_for,
        )
        .returning(notifications)
    )
    return sorted(map(_claimed, rows), key=lambda claimed: claimed.id)


def settle(connection: Connection, claimed: Claimed, settlement: Settlement) -> bool:
    """Write how an attempt ended; say whether the claim still held, else nothing is changed."""
    unknown = settlement.status is NotificationStatus.UNKNOWN
    sent = settlement.status is NotificationStatus.SENT
    settled = connection.execute(
        update(notifications)
        .where(
            notifications.c.id == claimed.id,
            notifications.c.lease_token == claimed.token,
            _is_sending(),
        )
        .values(
            status=settlement.status.value,
            unknown_attempts=_UNKNOWN + int(unknown),
            next_attempt_at=settlement.retry_at,
            sent_at=settlement.at if sent else None,
            lease_token=None,
            lease_until=None,
            error=settlement.error,
        )
    )
    return settled.rowcount == 1


def release(connection: Connection, token: str) -> int:
    """Give back what `token` claimed and did not begin to send, as if it had not been claimed.

    Returns:
        How many were given back.
    """
    given_back = connection.execute(
        update(notifications)
        .where(UNENDED_NOTIFICATION, _is_sending(), notifications.c.lease_token == token)
        .values(
            status=case(
                (_UNKNOWN > 0, NotificationStatus.UNKNOWN.value),
                else_=NotificationStatus.QUEUED.value,
            ),
            attempts=notifications.c.attempts - 1,
            lease_token=None,
            lease_until=None,
        )
    )
    return given_back.rowcount


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


def lengths(connection: Connection) -> dict[str, int]:
    """Return for each receiver how many notifications are neither sent nor given up."""
    rows = connection.execute(
        select(notifications.c.receiver, func.count().label("length"))
        .where(UNENDED_NOTIFICATION)
        .group_by(notifications.c.receiver)
    )
    return {row.receiver: row.length for row in rows}


def _due(now: datetime, limit: int, only: Collection[NotificationId] | None) -> CTE:
    """Select the heads of the destinations' queues that can be claimed now.

    A few steps for each destination, however long the queues are. On PostgreSQL the rows are
    locked, and those that another claim has locked are left to it; it then finds its conditions
    checked once more against what the other one wrote.
    """
    other = notifications.alias("other")
    head = (
        select(func.min(other.c.id))
        .where(UNENDED_NOTIFICATION, other.c.destination == destinations.c.destination)
        .scalar_subquery()
    )
    wait_is_over = or_(
        notifications.c.next_attempt_at.is_(None), _is_over(notifications.c.next_attempt_at, now)
    )
    waiting = _has({NotificationStatus.QUEUED, NotificationStatus.UNKNOWN})
    return (
        select(notifications.c.id)
        .select_from(destinations)
        .join(notifications, notifications.c.id == head)
        .where(
            or_(
                and_(waiting, wait_is_over),
                and_(_is_sending(), _is_over(notifications.c.lease_until, now)),
            ),
            true() if only is None else notifications.c.id.in_(only),
        )
        .order_by(notifications.c.id)
        .limit(limit)
        .with_for_update(of=notifications, skip_locked=True)
        .cte("due")
    )


def _is_over(until: Column[datetime], now: datetime) -> ColumnElement[bool]:
    """Return whether a wait has ended; one longer than any is a clock that was set back."""
    return or_(until <= now, until > now + LONGEST_WAIT)


def _has(statuses: Collection[NotificationStatus]) -> ColumnElement[bool]:
    return notifications.c.status.in_(sorted(status.value for status in statuses))


def _is_sending() -> ColumnElement[bool]:
    return notifications.c.status == NotificationStatus.SENDING.value


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


def _claimed(row: Row[Any]) -> Claimed:
    return Claimed(
        id=row.id,
        token=row.lease_token,
        receiver=row.receiver,
        destination=row.destination,
        title=row.title,
        body=row.body,
        attempts=row.attempts,
        created_at=row.created_at,
        format=Format(row.format),
    )


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
