"""Claiming notifications, writing how attempts ended, giving back what was not sent.

Each destination is told in the order of queueing: a claim takes the oldest unended notification of
a destination and those right behind it, or none of that destination. So one that waits for its
retry holds up only those behind it, and a long queue does not cost a transaction for each.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from monitor.alerting.formats import Format
from monitor.alerting.outbox import (
    Claimed,
    DestinationKey,
    NotificationId,
    NotificationStatus,
    RateLimit,
    Settlement,
)
from monitor.store import pacing
from monitor.store.schema import (
    UNENDED_NOTIFICATION,
    destinations,
    notification_failures,
    notifications,
)

LONGEST_WAIT = timedelta(minutes=20)
"""No retry and no lease is further away, as long as nobody turns the clock."""

_C = notifications.c
_SENDING = _C.status == NotificationStatus.SENDING.value
_WAITING = _C.status.in_([NotificationStatus.QUEUED.value, NotificationStatus.UNKNOWN.value])

Ended = tuple[Claimed, Settlement]
"""An attempt, and how it ended."""


def claim(
    connection: Connection,
    now: datetime,
    *,
    token: str,
    lease_for: timedelta,
    limit: int,
    run: int = 1,
    rates: Mapping[DestinationKey, RateLimit] | None = None,
    only: Collection[NotificationId] | None = None,
) -> list[Claimed]:
    """Claim notifications that are due (of `only`), of up to `limit` destinations.

    Of each destination these are the oldest and up to `run` in all that are queued right behind
    it, no more than its rate allows; they are to be sent one after the other. A claim whose lease
    ran out is claimed again, alone: its process died, and nobody knows whether it had sent
    (`unknown_attempts`). No notification is ever claimed by two tokens at a time.
    """
    ids: list[int] = []
    limited = rates or {}
    spent = [
        each for each, rate in limited.items() if not pacing.allowed(connection, each, rate, now, 1)
    ]
    for head in connection.execute(_due(now, limit, only, spent)).all():
        rate = limited.get(head.destination)
        most = run if rate is None else pacing.allowed(connection, head.destination, rate, now, run)
        found = _run(connection, head, now, most, only)
        if rate is not None and found:
            pacing.note(connection, head.destination, rate, now, len(found))
        ids += found
    if not ids:
        return []
    claimed = connection.execute(
        update(notifications)
        .where(_C.id.in_(ids))
        .values(
            status=NotificationStatus.SENDING.value,
            attempts=_C.attempts + 1,
            unknown_attempts=_C.unknown_attempts + case((_SENDING, 1), else_=0),
            lease_token=token,
            lease_until=now + lease_for,
        )
        .returning(notifications)
    )
    return sorted(map(_claimed, claimed), key=lambda each: each.id)


def settle(connection: Connection, ended: Iterable[Ended]) -> int:
    """Write how attempts ended; of one whose claim no longer holds nothing is changed.

    Returns:
        How many claims still held.
    """
    sent = [each for each in ended if each[1].status is NotificationStatus.SENT]
    others = [each for each in ended if each[1].status is not NotificationStatus.SENT]
    held = sum(_settle(connection, *each) for each in others)
    if sent:
        rows = [
            {"of": claimed.id, "token": claimed.token, "at": settlement.at}
            for claimed, settlement in sent
        ]
        held += connection.execute(_SETTLE_SENT, rows).rowcount
    return held


def release(connection: Connection, unsent: Iterable[Claimed]) -> int:
    """Give back what was claimed and not begun to be sent, as if it had not been claimed.

    Returns:
        How many were given back.
    """
    rows = [{"of": each.id, "token": each.token} for each in unsent]
    return connection.execute(_RELEASE, rows).rowcount if rows else 0


_HELD = and_(_C.id == bindparam("of"), _C.lease_token == bindparam("token"), _SENDING)
_SETTLE_SENT = (
    update(notifications)
    .where(_HELD)
    .values(
        status=NotificationStatus.SENT.value,
        next_attempt_at=None,
        sent_at=bindparam("at"),
        lease_token=None,
        lease_until=None,
        error="",
    )
)
_RELEASE = (
    update(notifications)
    .where(_HELD)
    .values(
        status=case(
            (_C.unknown_attempts > 0, NotificationStatus.UNKNOWN.value),
            else_=NotificationStatus.QUEUED.value,
        ),
        attempts=_C.attempts - 1,
        lease_token=None,
        lease_until=None,
    )
)


def _settle(connection: Connection, claimed: Claimed, settlement: Settlement) -> int:
    """Write an attempt that failed, and keep why for those who ask."""
    unknown = settlement.status is NotificationStatus.UNKNOWN
    settled = connection.execute(
        update(notifications)
        .where(_C.id == claimed.id, _C.lease_token == claimed.token, _SENDING)
        .values(
            status=settlement.status.value,
            unknown_attempts=_C.unknown_attempts + int(unknown),
            next_attempt_at=settlement.retry_at,
            sent_at=None,
            lease_token=None,
            lease_until=None,
            error=settlement.error,
        )
    )
    if settled.rowcount:
        failure = {
            "notification_id": claimed.id,
            "attempt": claimed.attempts,
            "at": settlement.at,
            "status": settlement.status.value,
            "error": settlement.error,
        }
        connection.execute(insert(notification_failures).values(failure))
    return settled.rowcount


def _due(
    now: datetime,
    limit: int,
    only: Collection[NotificationId] | None,
    spent: Collection[DestinationKey],
) -> Select[Any]:
    """Select the heads of the destinations' queues that can be claimed now, but of the `spent`.

    Those would take the places of others that have something to send.
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
    return (
        select(_C.id, _C.destination, _C.status)
        .select_from(destinations)
        .join(notifications, _C.id == head)
        .where(
            or_(
                and_(_WAITING, _is_due(now)),
                and_(_SENDING, _is_over(_C.lease_until, now)),
            ),
            true() if only is None else _C.id.in_(only),
            destinations.c.destination.not_in(spent),
        )
        .order_by(_C.id)
        .limit(limit)
        .with_for_update(of=notifications, skip_locked=True)
    )


def _run(
    connection: Connection,
    head: Row[Any],
    now: datetime,
    most: int,
    only: Collection[NotificationId] | None,
) -> Sequence[int]:
    """Return the ids of `head` and of those queued right behind it, `most` in all.

    Whoever has locked the head of a destination is alone with all that is queued behind it.
    """
    if most <= 1 or head.status != NotificationStatus.QUEUED.value:
        return [head.id][:most]
    behind = (
        select(_C.id, and_(_C.status == NotificationStatus.QUEUED.value, _is_due(now)).label("due"))
        .where(UNENDED_NOTIFICATION, _C.destination == head.destination, _C.id >= head.id)
        .order_by(_C.id)
        .limit(most)
    )
    ids = []
    for row in connection.execute(behind):
        if not row.due or (only is not None and row.id not in only):
            break
        ids.append(row.id)
    return ids


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(_C.next_attempt_at.is_(None), _is_over(_C.next_attempt_at, now))


def _is_over(until: Column[datetime], now: datetime) -> ColumnElement[bool]:
    """Return whether a wait has ended; one longer than any is a clock that was set back."""
    return or_(until <= now, until > now + LONGEST_WAIT)


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
        unknown_attempts=row.unknown_attempts,
    )
