"""What was bought, refused or is unclear; what it cost; and whether buying is paused."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from monitor.store.schema.base import metadata
from monitor.store.types import BIG_KEY, NANO_DOLLARS, Span, UtcDateTime

# Partial indexes serve only queries with the very same condition, written out, not as parameters.
UNENDED_GRAB = text(
    "status IN ('awaiting_approval', 'planned', 'submitted', 'unknown', 'created', 'running',"
    " 'deleting')"
)
UNBOUGHT_GRAB = text("status IN ('dry_run', 'refused', 'failed', 'expired')")
GRAB_A_PERSON_ENDED = text("time_to_live = 0")
NAMED_GRAB = text("instance_name <> ''")

# One row. Its update is the first statement of every book, which makes all buying take turns.
buying = Table(
    "buying",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("installation", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("paused_by", Text, nullable=False),
    Column("pause_reason", Text, nullable=False),
    Column("paused_at", UtcDateTime),
)

# Few rows, one for each rule that ever decided on a grab: from here the newest of each is found.
grabbing_rules = Table(
    "grabbing_rules", metadata, Column("rule", Text, primary_key=True), sqlite_with_rowid=False
)

grabs = Table(
    "grabs",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("valid_until", UtcDateTime),
    Column("submitted_at", UtcDateTime),
    Column("running_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("spent_until", UtcDateTime),
    Column("check_at", UtcDateTime),
    Column("time_to_live", Span),
    Column("quoted", NANO_DOLLARS),
    Column("cap", NANO_DOLLARS),
    Column("billed", NANO_DOLLARS),
    Column("spent", NANO_DOLLARS, nullable=False),
    Column("stop_when_spent", NANO_DOLLARS),
    Column("attempt", Integer, nullable=False),
    Column("checks", Integer, nullable=False),
    Column("chain", Text, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("rule", ForeignKey("grabbing_rules.rule"), nullable=False),
    Column("preset", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("instance_name", Text, nullable=False),
    Column("instance_id", Text),
    Column("hostnode", Text),
    Column("gpu", Text),
    Column("address", Text),
    Column("forwards", Text, nullable=False),
    Column("rest", Text, nullable=False),
    Column("told", Text, nullable=False),
    # a name is had once, whatever wrote it; which grabs have the names that a marketplace lists
    Index(
        "uq_grabs_instance_name",
        "instance_name",
        unique=True,
        sqlite_where=NAMED_GRAB,
        postgresql_where=NAMED_GRAB,
    ),
    # what counts against limits, is to be sent, asked for or deleted
    Index(
        "ix_grabs_unended",
        "id",
        sqlite_where=UNENDED_GRAB,
        postgresql_where=UNENDED_GRAB,
    ),
    # pruning of old ones that bought nothing
    Index(
        "ix_grabs_unbought",
        "created_at",
        sqlite_where=UNBOUGHT_GRAB,
        postgresql_where=UNBOUGHT_GRAB,
    ),
    # those that a person ended since an instant
    Index(
        "ix_grabs_ended_by_a_person",
        "ended_at",
        sqlite_where=GRAB_A_PERSON_ENDED,
        postgresql_where=GRAB_A_PERSON_ENDED,
    ),
    # the newest grab of a rule; how many a rule has bought
    Index(None, "rule", "id"),
    # grabs decided since an instant
    Index(None, "created_at"),
    sqlite_autoincrement=True,  # an id that a person noted down never names another grab
)

grab_events = Table(
    "grab_events",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("grab_id", ForeignKey("grabs.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # the history of a grab
    Index(None, "grab_id"),
)

# Sums that outlive the grabs they were counted for.
grab_spending = Table(
    "grab_spending",
    metadata,
    Column("day", Date, nullable=False),
    Column("rule", Text, nullable=False),
    Column("spent", NANO_DOLLARS, nullable=False),
    PrimaryKeyConstraint("day", "rule"),
    sqlite_with_rowid=False,
)
