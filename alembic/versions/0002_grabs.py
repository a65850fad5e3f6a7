"""Buying: grabs, their history, what they cost, and the switch.

Revision: 0002
After: 0001
"""

import sqlalchemy as sa
from alembic import op

from monitor.store.types import BIG_KEY, Span, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UNENDED = sa.text(
    "status IN ('awaiting_approval', 'planned', 'submitted', 'unknown', 'created', 'running',"
    " 'deleting')"
)
_UNBOUGHT = sa.text("status IN ('dry_run', 'refused', 'failed', 'expired')")
_NAMED = sa.text("instance_name <> ''")


def upgrade() -> None:
    """Make the tables of buying."""
    op.create_table(
        "buying",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("installation", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("pause_reason", sa.Text(), nullable=False),
        sa.Column("paused_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_buying"),
    )
    op.create_table(
        "grabbing_rules",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name="pk_grabbing_rules"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "grab_spending",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "rule", name="pk_grab_spending"),
        sqlite_with_rowid=False,
    )
    _make_grabs()
    _make_events()


def _make_grabs() -> None:
    op.create_table(
        "grabs",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("valid_until", UtcDateTime()),
        sa.Column("submitted_at", UtcDateTime()),
        sa.Column("running_at", UtcDateTime()),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("spent_until", UtcDateTime()),
        sa.Column("check_at", UtcDateTime()),
        sa.Column("time_to_live", Span()),
        sa.Column("quoted", sa.BigInteger()),
        sa.Column("cap", sa.BigInteger()),
        sa.Column("billed", sa.BigInteger()),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("stop_when_spent", sa.BigInteger()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("preset", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("instance_name", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.Text()),
        sa.Column("hostnode", sa.Text()),
        sa.Column("gpu", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("forwards", sa.Text(), nullable=False),
        sa.Column("rest", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rule"], ["grabbing_rules.rule"], name="fk_grabs_rule"),
        sa.PrimaryKeyConstraint("id", name="pk_grabs"),
        sqlite_autoincrement=True,
    )
    for name, columns, where, unique in (
        ("uq_grabs_instance_name", ["instance_name"], _NAMED, True),
        ("ix_grabs_unended", ["id"], _UNENDED, False),
        ("ix_grabs_unbought", ["created_at"], _UNBOUGHT, False),
        ("ix_grabs_rule_id", ["rule", "id"], None, False),
        ("ix_grabs_created_at", ["created_at"], None, False),
    ):
        op.create_index(
            name, "grabs", columns, unique=unique, sqlite_where=where, postgresql_where=where
        )


def _make_events() -> None:
    op.create_table(
        "grab_events",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("grab_id", BIG_KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["grab_id"], ["grabs.id"], name="fk_grab_events_grab_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_grab_events"),
    )
    op.create_index("ix_grab_events_grab_id", "grab_events", ["grab_id"])
