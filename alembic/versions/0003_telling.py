"""Groups of several rules, quiet hours, escalation, silences, acknowledgements, digests, formats.

Revision: 0003
After: 0002
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from monitor.store.types import BIG_KEY, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new tables and columns, and carry over what was told."""
    _make_groups(_read_groups())
    _make_silences()
    op.create_table(
        "digests",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_digests"),
    )
    op.add_column("alerts", sa.Column("acknowledged_at", UtcDateTime()))
    op.add_column("alerts", sa.Column("acknowledged_by", sa.Text()))
    op.add_column("alerts", sa.Column("acknowledged_comment", sa.Text()))
    op.add_column(
        "notifications", sa.Column("format", sa.Text(), server_default="text", nullable=False)
    )


def _read_groups() -> list[dict[str, Any]]:
    """Return the groups as they were, one for each rule and marketplace, in their new form."""
    old = sa.table(
        "alert_groups",
        *(sa.column(name, sa.Text()) for name in ("rule", "marketplace", "told")),
        sa.column("wait_until", UtcDateTime()),
        sa.column("waiting", sa.Boolean()),
        sa.column("told_at", UtcDateTime()),
    )
    return [
        {
            "key": _dump({"marketplace": row.marketplace, "rule": row.rule}),
            "marketplace": row.marketplace,
            "wait_until": row.wait_until,
            "due_at": row.wait_until if row.waiting else None,
            "told_at": row.told_at,
            "news_at": row.told_at,
            "repeats": 0,
            "told": _dump([[row.rule, *each] for each in json.loads(row.told)]),
            "held": "[]",
            "escalated": "[]",
        }
        for row in op.get_bind().execute(sa.select(old))
    ]


def _make_groups(rows: list[dict[str, Any]]) -> None:
    op.drop_table("alert_groups")
    made = op.create_table(
        "alert_groups",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("wait_until", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("withheld", sa.Text()),
        sa.Column("told_at", UtcDateTime()),
        sa.Column("news_at", UtcDateTime()),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("escalate_at", UtcDateTime()),
        sa.Column("escalated", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_alert_groups"),
    )
    op.create_index("ix_alert_groups_due_at", "alert_groups", ["due_at"])
    if rows:
        op.bulk_insert(made, rows)


def _make_silences() -> None:
    op.create_table(
        "silences",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("matchers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"])


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
