"""How large the database is, table by table, how fast it grows, and what that comes to.

Growth is counted from the rows of the last `LOOK_BACK` of history, at the present bytes per row.
A table whose rows are deleted after a time stops growing when that is reached; the forecast takes
the rest to go on as it does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, func, select, text

from monitor.history.window import DAY, EPOCH, Window
from monitor.store.retention import GOOD_POLLS_FOR
from monitor.store.schema import (
    alerts,
    coverage,
    daily_rollups,
    grab_events,
    hostnode_intervals,
    hourly_stretches,
    metadata,
    notifications,
    offer_intervals,
    polls,
    transitions,
)
from monitor.store.space import shrinks

LOOK_BACK = timedelta(days=7)
_POSTGRESQL = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace)
"""
_SQLITE = """
    SELECT tbl_name, sum(pgsize) FROM sqlite_schema
    JOIN (SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE) USING (name) GROUP BY tbl_name
"""
_LEAST = timedelta(hours=1)
"""History shorter than this says nothing of growth."""

_FOR_EVER = (hourly_stretches.c.at, daily_rollups.c.at, coverage.c.valid_from, grab_events.c.at)
_FOR_THE_RETENTION = (
    *(offer_intervals.c.valid_from, hostnode_intervals.c.valid_from),
    *(transitions.c.at, alerts.c.active_at, notifications.c.created_at),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """A table with its indexes.

    `bytes` is `None` where SQLite was built without `dbstat`. `rows_per_day` is `None` for tables
    that do not grow with time, or while too little is known. `kept_for` is after what time rows
    are deleted, `None` being never.
    """

    name: str
    rows: int
    bytes: int | None
    rows_per_day: float | None = None
    kept_for: timedelta | None = None

    @property
    def bytes_per_day(self) -> float | None:
        """How many bytes a day adds."""
        if self.bytes is None or self.rows_per_day is None:
            return None
        return self.rows_per_day * self.bytes / self.rows if self.rows else 0.0

    def after(self, time: timedelta, age: timedelta) -> float | None:
        """Return the bytes after more `time`, of a history that is `age` old.

        No table is foretold to shrink: an empty one has its pages, and those set free are used
        again.
        """
        if self.bytes is None or self.bytes_per_day is None:
            return self.bytes
        grown = self.bytes + self.bytes_per_day * (time / DAY)
        if self.kept_for is None or age + time <= self.kept_for:
            return grown
        return max(self.bytes, min(grown, self.bytes_per_day * (self.kept_for / DAY)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """All tables, the largest first; the whole database in bytes, and what of it is empty.

    `shrinks` is whether what is deleted is given back, or used again without anybody's help.
    """

    tables: tuple[TableSize, ...]
    bytes: int
    empty: int
    age: timedelta
    shrinks: bool

    @property
    def bytes_per_day(self) -> float | None:
        """How many bytes larger all tables are after a day, `None` where that is not known."""
        if all(table.bytes_per_day is None for table in self.tables):
            return None
        return sum((table.after(DAY, self.age) or 0) - (table.bytes or 0) for table in self.tables)

    def after(self, time: timedelta) -> float | None:
        """Return the bytes of all tables after more `time`, `None` where that is not known."""
        if self.bytes_per_day is None:
            return None
        return sum(table.after(time, self.age) or 0 for table in self.tables)


def size(connection: Connection, *, retention: timedelta) -> Size:
    """Return how large the database is; every table is read through to count its rows."""
    history = _history(connection)
    recent = Window(max(history.since, history.until - LOOK_BACK), history.until)
    kept = _kept(retention)
    found = _bytes(connection)
    tables = [
        TableSize(
            name=table.name,
            rows=connection.scalar(select(func.count()).select_from(table)) or 0,
            bytes=found.get(table.name),
            rows_per_day=_rows_per_day(connection, kept[table.name][0], recent)
            if table.name in kept
            else None,
            kept_for=kept[table.name][1] if table.name in kept else None,
        )
        for table in metadata.sorted_tables
    ]
    whole, empty = _whole(connection)
    tables.sort(key=lambda table: (-(table.bytes or 0), -table.rows, table.name))
    return Size(
        tables=tuple(tables),
        bytes=whole,
        empty=empty,
        age=history.length,
        shrinks=shrinks(connection),
    )


def _history(connection: Connection) -> Window:
    """Return the time from the first to the last good poll."""
    since, until = connection.execute(
        select(func.min(coverage.c.valid_from), func.max(coverage.c.valid_to))
    ).one()
    if since is None:
        since = until = EPOCH
    return Window(since, until)


def _kept(retention: timedelta) -> Mapping[str, tuple[Column[datetime], timedelta | None]]:
    """Return by which instant each growing table is counted, and how long its rows are kept."""
    columns = {
        **dict.fromkeys(_FOR_EVER),
        **dict.fromkeys(_FOR_THE_RETENTION, retention),
        polls.c.at: min(GOOD_POLLS_FOR, retention),
    }
    return {column.table.name: (column, time) for column, time in columns.items()}


def _rows_per_day(connection: Connection, column: Column[datetime], recent: Window) -> float | None:
    if recent.length < _LEAST:
        return None
    begun = connection.scalar(
        select(func.count()).where(column > recent.since, column <= recent.until)
    )
    return (begun or 0) / (recent.length / DAY)


def _bytes(connection: Connection) -> dict[str, int]:
    """Return the bytes of each table with its indexes, as far as the database can tell."""
    if connection.dialect.name != "sqlite":
        statement = _POSTGRESQL
    elif connection.scalar(text("SELECT sqlite_compileoption_used('ENABLE_DBSTAT_VTAB')")):
        statement = _SQLITE
    else:
        return {}
    return {name: int(size) for name, size in connection.execute(text(statement))}


def _whole(connection: Connection) -> tuple[int, int]:
    """Return the bytes of the database, and how many of them are in empty pages."""
    if connection.dialect.name != "sqlite":
        whole = connection.scalar(text("SELECT pg_database_size(current_database())"))
        return int(whole or 0), 0
    pages, empty, page = (
        connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return pages * page, empty * page
