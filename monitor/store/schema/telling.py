"""What was told about alerts, what is not to be told, and which days have had their digest."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Table, Text

from monitor.store.schema.base import metadata
from monitor.store.types import BIG_KEY, UtcDateTime

alert_groups = Table(
    "alert_groups",
    metadata,
    Column("key", Text, primary_key=True),
    Column("marketplace", Text, nullable=False),
    Column("wait_until", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("withheld", Text),
    Column("told_at", UtcDateTime),
    Column("news_at", UtcDateTime),
    Column("repeats", Integer, nullable=False),
    Column("told", Text, nullable=False),
    Column("held", Text, nullable=False),
    Column("escalate_at", UtcDateTime),
    Column("escalated", Text, nullable=False),
    # groups to look at though no poll came, asked for every second
    Index(None, "due_at"),
)

silences = Table(
    "silences",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("matchers", Text, nullable=False),
    # those that have not ended, asked for by each cycle; pruning of old ones
    Index(None, "ends_at"),
    sqlite_autoincrement=True,  # an id that a person noted down never names another silence
)

digests = Table(
    "digests",
    metadata,
    Column("day", Date, primary_key=True),
    Column("told_at", UtcDateTime, nullable=False),
    # the last poll and transition it tells of, by their ids
    Column("last_poll", BigInteger),
    Column("last_transition", BigInteger),
)
