"""Roll-ups of the history by hour and by day, and how far they are made.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

from monitor.store.types import BIG_KEY, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; the daemon fills them from the intervals that are there."""
    _make_rollups("hourly_rollups")
    _make_rollups("daily_rollups")
    _make_progress()


def _make_rollups(name: str) -> None:
    prices = ("best_low", "best_high", "best_mean", "best_median")
    prices += ("offers_high", "offers_mean", "offers_median")
    seconds = ("covered", "available", "offer", "gpu", "hostnode")
    op.create_table(
        name,
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("low_at", UtcDateTime()),
        *(sa.Column(each, sa.BigInteger()) for each in prices),
        *(sa.Column(f"{each}_seconds", sa.Float(), nullable=False) for each in seconds),
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.Column("gpu_id", sa.Integer(), nullable=False),
        sa.Column("best_sketch", sa.LargeBinary()),
        sa.Column("offers_sketch", sa.LargeBinary()),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name=f"fk_{name}_marketplace_id"
        ),
        sa.ForeignKeyConstraint(["gpu_id"], ["gpus.id"], name=f"fk_{name}_gpu_id"),
        sa.PrimaryKeyConstraint("marketplace_id", "gpu_id", "at", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def _make_progress() -> None:
    op.create_table(
        "rollup_progress",
        sa.Column("rolled_until", UtcDateTime(), nullable=False),
        sa.Column("raw_since", UtcDateTime()),
        sa.Column("deleted_until", UtcDateTime()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name="fk_rollup_progress_marketplace_id"
        ),
        sa.PrimaryKeyConstraint("marketplace_id", name="pk_rollup_progress"),
    )
    op.create_table(
        "stale_rollups",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_to", UtcDateTime(), nullable=False),
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name="fk_stale_rollups_marketplace_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_stale_rollups"),
    )
    op.create_index(
        "ix_stale_rollups_marketplace_id_valid_from",
        "stale_rollups",
        ["marketplace_id", "valid_from"],
    )
