"""Notifications as values: what the cycle queues, what delivery claims, and how it ends."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from monitor.alerting.formats import Format
from monitor.alerting.notice import NotifyReason
from monitor.market.value import value
from monitor.rules.alert import RuleName

NotificationId = NewType("NotificationId", int)
DestinationKey = NewType("DestinationKey", str)
"""Names one URL of one receiver without showing it: the scheme and a digest, `discord#3f2a91ab`."""

ALERTMANAGER = "alertmanager"
"""The scheme of the keys of destinations that are told the state of alerts, not messages."""


def is_told_states(destination: DestinationKey) -> bool:
    """Return whether a destination is an Alertmanager, which groups and repeats by itself."""
    return destination.startswith(f"{ALERTMANAGER}#")


class NotificationStatus(StrEnum):
    """Where a notification stands.

    `UNKNOWN` is after a time-out: it may have arrived, and is sent again, for alerts are told at
    least once. `DEAD` is given up after the last attempt, and stays to be seen and sent again.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    DEAD = "dead"


@value
class RateLimit:
    """At most `count` attempts in any stretch of time as long as `per`."""

    count: int
    per: timedelta


@value
class Draft:
    """A rendered notification to one destination, to be queued in the transaction that decides.

    `title` and `body` are sent as they are; the body is in `format`. `rule` is the one that it is
    about, `rules` are all where it is about alerts.
    """

    receiver: str
    destination: DestinationKey
    reason: NotifyReason
    rule: RuleName | None
    title: str
    body: str
    format: Format = Format.TEXT
    rules: tuple[RuleName, ...] = ()


@value
class Claimed:
    """A notification that this dispatcher alone may send until its lease runs out.

    `attempts` counts this one too, `unknown_attempts` those before it of which nobody knows how
    they ended. `token` is the lease's: settling with another changes nothing.
    """

    id: NotificationId
    token: str
    receiver: str
    destination: DestinationKey
    title: str
    body: str
    attempts: int
    created_at: datetime
    format: Format = Format.TEXT
    unknown_attempts: int = 0


@value
class Settlement:
    """How one attempt ended; `retry_at` is the next attempt's earliest instant, where one follows.

    `error` says why in a sentence without a secret.
    """

    status: NotificationStatus
    at: datetime
    retry_at: datetime | None = None
    error: str = ""
