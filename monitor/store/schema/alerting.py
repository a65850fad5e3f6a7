"""Alerts, their transitions, and the outbox."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from monitor.store.schema.base import metadata
from monitor.store.types import BIG_KEY, NANO_DOLLARS, UtcDateTime

# Partial indexes serve only queries with the very same condition, written out, not as parameters.
ACTIVE_ALERT = text("state IN ('pending', 'firing')")
UNENDED_NOTIFICATION = text("status IN ('queued', 'sending', 'unknown')")
ENDED_NOTIFICATION = text("status IN ('sent', 'dead')")

alerts = Table(
    "alerts",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("active_at", UtcDateTime, nullable=False),
    Column("pending_since", UtcDateTime, nullable=False),
    Column("firing_at", UtcDateTime),
    Column("keep_firing_since", UtcDateTime),
    Column("resolved_at", UtcDateTime),
    Column("value", NANO_DOLLARS),
    Column("offers", Integer, nullable=False),
    Column("best", Text, nullable=False),
    Column("acknowledged_at", UtcDateTime),
    Column("acknowledged_by", Text),
    Column("acknowledged_comment", Text),
    Column("detail", Text, nullable=False, server_default=""),
    # the one life an alert can have at a time; the pending and firing alerts of each cycle
    Index(
        "uq_alerts_active",
        "rule",
        "labels",
        unique=True,
        sqlite_where=ACTIVE_ALERT,
        postgresql_where=ACTIVE_ALERT,
    ),
    # the last lives of given alerts, to tell their end
    Index(None, "rule", "labels"),
    # alerts resolved since an instant; pruning of old ones
    Index(None, "resolved_at"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("rule", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("value", NANO_DOLLARS),
    # transitions since an instant; pruning of old ones
    Index(None, "at"),
)

# Few rows, one for each URL ever told: from here a claim finds the head of each queue.
destinations = Table(
    "destinations", metadata, Column("destination", Text, primary_key=True), sqlite_with_rowid=False
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("destination", ForeignKey("destinations.destination"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("rule", Text),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("format", Text, nullable=False, server_default="text"),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("unknown_attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("lease_token", Text),
    Column("lease_until", UtcDateTime),
    Column("error", Text, nullable=False),
    # a claim: the oldest unended notification of each destination; the outbox's length
    Index(
        "ix_notifications_unended",
        "destination",
        "id",
        sqlite_where=UNENDED_NOTIFICATION,
        postgresql_where=UNENDED_NOTIFICATION,
    ),
    # pruning of old ones that were sent or given up
    Index(
        "ix_notifications_ended",
        "created_at",
        sqlite_where=ENDED_NOTIFICATION,
        postgresql_where=ENDED_NOTIFICATION,
    ),
    sqlite_autoincrement=True,  # an id that a person noted down never names another notification
)
