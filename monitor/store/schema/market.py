"""The market as it was polled: names, intervals, coverage, polls."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from monitor.store.schema.base import metadata
from monitor.store.types import BIG_KEY, NANO_DOLLARS, UtcDateTime

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
