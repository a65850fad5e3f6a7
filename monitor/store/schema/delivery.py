"""What is kept of deliveries: failed attempts, and sends that a rate limit counts."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from monitor.store.schema.base import metadata
from monitor.store.types import BIG_KEY, UtcDateTime

notification_failures = Table(
    "notification_failures",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("notification_id", ForeignKey("notifications.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error", Text, nullable=False),
    # the failures of one notification
    Index(None, "notification_id"),
)

# A few rows for each destination with a rate limit; those that no longer count are deleted.
paced_sends = Table(
    "paced_sends",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("destination", Text, nullable=False),
    Column("sends", Integer, nullable=False),
    # the sends to one destination that count
    Index(None, "destination", "at"),
)
