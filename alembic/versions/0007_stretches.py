"""Hours of roll-ups in which the same held become one row; sketches become shorter.

`hourly_rollups` becomes the view of what is in `hourly_stretches`, with a row for each hour.

Revision: 0007
After: 0006
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

from monitor.store.earlier import shortened, stretches_of
from monitor.store.types import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_AT_A_TIME = 2000
"""Rows that are read and written together."""

_VIEWS = {
    "sqlite": """
        CREATE VIEW hourly_rollups AS
        SELECT at + hour.key * 3600000000 AS at, low_at + hour.key * 3600000000 AS low_at,
               best_low, best_high, best_mean, best_median, covered_seconds, available_seconds,
               CAST(hour.value AS REAL) AS gpu_seconds, marketplace_id, gpu_id
        FROM hourly_stretches, json_each(hourly_stretches.gpu_seconds) AS hour
    """,
    "postgresql": """
        CREATE VIEW hourly_rollups AS
        SELECT at + (hour.number - 1) * interval '1 hour' AS at,
               low_at + (hour.number - 1) * interval '1 hour' AS low_at,
               best_low, best_high, best_mean, best_median, covered_seconds, available_seconds,
               CAST(hour.value AS double precision) AS gpu_seconds, marketplace_id, gpu_id
        FROM hourly_stretches,
             json_array_elements_text(CAST(hourly_stretches.gpu_seconds AS json))
             WITH ORDINALITY AS hour(value, number)
    """,
}


def upgrade() -> None:
    """Move all hours, shorten the sketches of days, and put the view in the old table's place."""
    connection = op.get_bind()
    stretches_ = _make_stretches()
    hours, days = (_old(f"{each}_rollups") for each in ("hourly", "daily"))
    for rows in _in_batches(connection, hours):
        connection.execute(sa.insert(stretches_), list(stretches_of(rows)))
    for rows in _in_batches(connection, days):
        _shorten(connection, days, rows)
    op.drop_table("hourly_rollups")
    op.execute(_VIEWS[connection.dialect.name])


def _make_stretches() -> sa.Table:
    prices = ("best_low", "best_high", "best_mean", "best_median")
    name = "hourly_stretches"
    return op.create_table(
        name,
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("low_at", UtcDateTime()),
        *(sa.Column(each, sa.BigInteger()) for each in prices),
        sa.Column("covered_seconds", sa.Float(), nullable=False),
        sa.Column("available_seconds", sa.Float(), nullable=False),
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.Column("gpu_id", sa.Integer(), nullable=False),
        sa.Column("gpu_seconds", sa.Text(), nullable=False),
        sa.Column("rest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name=f"fk_{name}_marketplace_id"
        ),
        sa.ForeignKeyConstraint(["gpu_id"], ["gpus.id"], name=f"fk_{name}_gpu_id"),
        sa.PrimaryKeyConstraint("marketplace_id", "gpu_id", "at", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def _old(name: str) -> sa.TableClause:
    prices = ("best_low", "best_high", "best_mean", "best_median", "offers_high", "offers_mean")
    seconds = ("covered", "available", "offer", "gpu", "hostnode")
    return sa.table(
        name,
        sa.column("marketplace_id", sa.Integer()),
        sa.column("gpu_id", sa.Integer()),
        sa.column("at", UtcDateTime()),
        sa.column("low_at", UtcDateTime()),
        *(sa.column(each, sa.BigInteger()) for each in prices),
        *(sa.column(f"{each}_seconds", sa.Float()) for each in seconds),
        sa.column("best_sketch", sa.LargeBinary()),
        sa.column("offers_sketch", sa.LargeBinary()),
    )


def _in_batches(
    connection: sa.Connection, table: sa.TableClause
) -> Iterator[Sequence[sa.RowMapping]]:
    """Yield all rows by their key, some at a time."""
    key = (table.c.marketplace_id, table.c.gpu_id, table.c.at)
    some = sa.select(table).order_by(*key).limit(_AT_A_TIME)
    rows = connection.execute(some).mappings().all()
    while rows:
        yield rows
        last = (sa.literal(rows[-1][column.name], column.type) for column in key)
        rows = connection.execute(some.where(sa.tuple_(*key) > sa.tuple_(*last))).mappings().all()


def _shorten(
    connection: sa.Connection, days: sa.TableClause, rows: Sequence[sa.RowMapping]
) -> None:
    for row in rows:
        sketches = {
            name: shortened(row[name])
            for name in ("best_sketch", "offers_sketch")
            if row[name] is not None
        }
        if sketches:
            this = [days.c[key] == row[key] for key in ("marketplace_id", "gpu_id", "at")]
            connection.execute(sa.update(days).where(*this).values(**sketches))
