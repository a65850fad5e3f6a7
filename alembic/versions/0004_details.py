"""Alerts about the program itself say what was seen.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("alerts", sa.Column("detail", sa.Text(), server_default="", nullable=False))
