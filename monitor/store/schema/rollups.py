"""What the past of each GPU model came to, by hour and by day, and how far that is made.

Plain columns, for people and dashboards with SQL alone: prices are nano-dollars per GPU and hour
(divide by 1e9), times are seconds. A row says what was polled in its hour or day; where nothing
was, or the model was not listed, there is none.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from monitor.store.schema.base import metadata
from monitor.store.types import BIG_KEY, NANO_DOLLARS, UtcDateTime


def _rollups(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("at", UtcDateTime, nullable=False),
        Column("low_at", UtcDateTime),
        # the best price: the lowest among priced offers with a free GPU, at each instant
        Column("best_low", NANO_DOLLARS),
        Column("best_high", NANO_DOLLARS),
        Column("best_mean", NANO_DOLLARS),
        Column("best_median", NANO_DOLLARS),
        Column("covered_seconds", Float, nullable=False),
        Column("available_seconds", Float, nullable=False),
        Column("marketplace_id", ForeignKey("marketplaces.id"), nullable=False),
        Column("gpu_id", ForeignKey("gpus.id"), nullable=False),
        *columns,
        # a model's past between two instants
        PrimaryKeyConstraint("marketplace_id", "gpu_id", "at"),
        sqlite_with_rowid=False,
    )


# A stretch of hours of one day (UTC) in each of which the best price, how long it could be had and
# how much was polled were the same, and the lowest first seen as long after the hour's beginning;
# the first hour begins at `at`. The view `hourly_rollups` has a row for each.
hourly_stretches = _rollups(
    "hourly_stretches",
    # a JSON array: free GPUs times seconds, of each hour
    Column("gpu_seconds", Text, nullable=False),
    # what only the program reads: hostnodes' time, sketches (`monitor/store/hours.py`)
    Column("rest", LargeBinary, nullable=False),
)

daily_rollups = _rollups(
    "daily_rollups",
    # the prices of all priced offers with a free GPU, each for as long as it could be had
    Column("offers_high", NANO_DOLLARS),
    Column("offers_mean", NANO_DOLLARS),
    Column("offers_median", NANO_DOLLARS),
    Column("offer_seconds", Float, nullable=False),
    Column("gpu_seconds", Float, nullable=False),
    Column("hostnode_seconds", Float, nullable=False),
    Column("best_sketch", LargeBinary),
    Column("offers_sketch", LargeBinary),
)

# One row per marketplace: until when roll-ups are made, from when on raw intervals are kept whole,
# and until when older ones are deleted for good. `version` changes with each import into the past.
rollup_progress = Table(
    "rollup_progress",
    metadata,
    Column("rolled_until", UtcDateTime, nullable=False),
    Column("raw_since", UtcDateTime),
    Column("deleted_until", UtcDateTime),
    Column("version", BigInteger, nullable=False),
    Column("marketplace_id", ForeignKey("marketplaces.id"), nullable=False),
    PrimaryKeyConstraint("marketplace_id"),
)

# Whole hours whose roll-ups must be made anew, because an import wrote into them.
stale_rollups = Table(
    "stale_rollups",
    metadata,
    Column("id", BIG_KEY, primary_key=True),
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime, nullable=False),
    Column("marketplace_id", ForeignKey("marketplaces.id"), nullable=False),
    # the first one of a marketplace
    Index(None, "marketplace_id", "valid_from"),
)
