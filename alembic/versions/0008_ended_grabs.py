"""An index of the grabs that a person ended: their rules rest for a while.

Revision: 0008
After: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_A_PERSON_ENDED = sa.text("time_to_live = 0")


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "ix_grabs_ended_by_a_person",
        "grabs",
        ["ended_at"],
        sqlite_where=_A_PERSON_ENDED,
        postgresql_where=_A_PERSON_ENDED,
    )
