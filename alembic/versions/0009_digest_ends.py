"""Digests note where their reading ended.

Revision: 0009
After: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns; of digests that were told before, the end is not known."""
    for name in ("last_poll", "last_transition"):
        op.add_column("digests", sa.Column(name, sa.BigInteger(), nullable=True))
