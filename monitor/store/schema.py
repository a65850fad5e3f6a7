"""The tables, as `docs/store.md` explains them. Each change here needs a migration.

Tables clustered by their key (`sqlite_with_rowid=False`) save SQLite a second copy of it. Wide
columns stand first, so that PostgreSQL needs no padding. Each index names its query.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from monitor.store.types import BIG_KEY, NANO_DOLLARS, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Partial indexes serve only queries with the very same condition, written out, not as parameters.
ACTIVE_ALERT = text("state IN ('pending', 'firing')")
UNENDED_NOTIFICATION = text("status IN ('queued', 'sending', 'unknown')")
ENDED_NOTIFICATION = text("status IN ('sent', 'dead')")

# One row per marketplace. Its update is the first statement of a cycle, which makes two processes
# on one PostgreSQL take turns. `history_token` changes with each recording.
marketplaces = Table(
    "marketplaces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("version", BigInteger, nullable=False),
    Column("history_token", Text),
    Column("last_poll_at", UtcDateTime),
    Column("last_outcome", Text),
    Column("last_good_at", UtcDateTime),
    Column("recorded_until", UtcDateTime),
)

gpus = Table(
    "gpus",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

# Never changed: a location that reports something new about itself is a new row, so that history
# reads as it was polled.
locations = Table(
    "locations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("marketplace_id", ForeignKey("marketplaces.id"), nullable=False),
    Column("location", Text),
    Column("city", Text),
    Column("state", Text),
    Column("country", Text),
    Column("organization_id", Text),
    Column("organization", Text),
    Column("tier", Integer),
    Column("network_gbps", Float),
    Column("network_upload_gbps", Float),
    Column("network_storage", Boolean),
)

hostnodes = Table(
    "hostnodes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("marketplace_id", ForeignKey("marketplaces.id"), nullable=False),
    Column("hostnode", Text, nullable=False),
    UniqueConstraint("marketplace_id", "hostnode"),
)

offers = Table(
    "offers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hostnode_id", ForeignKey("hostnodes.id"), nullable=False),
    Column("gpu_id", ForeignKey("gpus.id"), nullable=False),
    UniqueConstraint("hostnode_id", "gpu_id"),
)

hostnode_intervals = Table(
    "hostnode_intervals",
    metadata,
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime),
    Column("per_vcpu", NANO_DOLLARS),
    Column("per_gb_ram", NANO_DOLLARS),
    Column("per_gb_storage", NANO_DOLLARS),
    Column("uptime", Float),
    Column("hostnode_id", ForeignKey("hostnodes.id"), nullable=False),
    Column("location_id", ForeignKey("locations.id"), nullable=False),
    Column("vcpu_count", Integer),
    Column("ram_gb", Integer),
    Column("storage_gb", Integer),
    Column("gap", Boolean, nullable=False),
    Column("engine", Text),
    # "the interval of this hostnode at an instant": the last one that began until then
    PrimaryKeyConstraint("hostnode_id", "valid_from"),
    sqlite_with_rowid=False,
)

offer_intervals = Table(
    "offer_intervals",
    metadata,
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime),
    Column("price", NANO_DOLLARS),
    Column("offer_id", ForeignKey("offers.id"), nullable=False),
    Column("available", Integer, nullable=False),
    Column("gap", Boolean, nullable=False),
    # "the interval of this offer at an instant": the last one that began until then
    PrimaryKeyConstraint("offer_id", "valid_from"),
    sqlite_with_rowid=False,
)

coverage = Table(
    "coverage",
    metadata,
    Column("marketplace_id", ForeignKey("marketplaces.id"), nullable=False),
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("marketplace_id", "valid_from"),
    sqlite_with_rowid=False,
)

polls = Table(
    "polls",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("marketplace_id", ForeignKey("marketplaces.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("duration", Float, nullable=False),
    Column("hostnodes", Integer, nullable=False),
    Column("offers", Integer, nullable=False),
    Column("issues", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    # polls since an instant; pruning of old ones
    Index(None, "at"),
)

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

alert_groups = Table(
    "alert_groups",
    metadata,
    Column("rule", Text, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("wait_until", UtcDateTime, nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("told_at", UtcDateTime),
    Column("told", Text, nullable=False),
    PrimaryKeyConstraint("rule", "marketplace"),
)

# Few rows, one for each URL ever told: from here a claim finds the head of each queue.
destinations = Table(
    "destinations",
    metadata,
    Column("destination", Text, primary_key=True),
    sqlite_with_rowid=False,
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

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
