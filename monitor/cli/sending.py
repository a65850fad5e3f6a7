"""Sending some notifications at once, through the outbox as any other, and waiting for the end."""

import random
from collections.abc import Iterable
from datetime import datetime
from threading import Event
from typing import Any

from monitor.alerting.outbox import Draft, NotificationStatus
from monitor.cli.common import instant
from monitor.clock import monotonic, utc_now
from monitor.delivery.dispatch import Dispatcher
from monitor.delivery.senders import Senders
from monitor.setup import Setup
from monitor.store import outbox
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from monitor.store.outbox import Notification

_PATIENCE = 10.0
_LOOK_AGAIN = 0.2
"""Seconds to wait for a daemon that was quicker, and between two looks."""


def deliver(
    database: Database, setup: Setup, drafts: Iterable[Draft], now: datetime
) -> list[Notification]:
    """Queue `drafts` and send them, and nothing else; a daemon may be quicker, which is as well.

    Returns:
        What became of each, the earliest first.
    """
    with database.transaction() as connection:
        ids = outbox.enqueue(connection, drafts, now)
    dispatcher = Dispatcher(
        outbox=Outbox(database, only=set(ids)),
        sender=Senders(utc_now),
        destinations=setup.destinations,
        now=utc_now,
        jitter=random.random,
        on_outcome=lambda *_: None,
    )
    stop, deadline = Event(), monotonic() + _PATIENCE
    while True:
        dispatcher.drain(stop)
        with database.read() as connection:
            looked_up = [outbox.find(connection, key) for key in ids]
        found = [each.notification for each in looked_up if each is not None]
        if not any(map(_is_under_way, found)) or monotonic() > deadline:
            return found
        stop.wait(_LOOK_AGAIN)


def _is_under_way(each: Notification) -> bool:
    """Return whether a daemon is sending it, or it waits behind an earlier one."""
    waits = each.status is NotificationStatus.QUEUED and not each.attempts
    return waits or each.status is NotificationStatus.SENDING


def notification_json(each: Notification) -> dict[str, Any]:
    """Return a notification with the keys that are promised."""
    return {
        "id": each.id,
        "receiver": each.receiver,
        "destination": each.destination,
        "status": each.status.value,
        "attempts": each.attempts,
        "unknown_attempts": each.unknown_attempts,
        "created_at": instant(each.created_at),
        "next_attempt_at": instant(each.next_attempt_at),
        "sent_at": instant(each.sent_at),
        "reason": each.reason.value,
        "rule": each.rule,
        "title": each.title,
        "error": each.error,
    }
