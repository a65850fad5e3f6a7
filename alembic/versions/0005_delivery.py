"""Failed attempts of each notification, and sends that a rate limit counts.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op

from monitor.store.types import BIG_KEY, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new tables; what failed before is known by its last error only."""
    op.create_table(
        "notification_failures",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("notification_id", BIG_KEY, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name="fk_notification_failures_notification_id_notifications",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notification_failures"),
    )
    op.create_index(
        "ix_notification_failures_notification_id", "notification_failures", ["notification_id"]
    )
    op.create_table(
        "paced_sends",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_paced_sends"),
    )
    op.create_index("ix_paced_sends_destination_at", "paced_sends", ["destination", "at"])
