"""Insertions for which a purchase waits: put together once, and on SQLite given to the driver.

SQLAlchemy needs 0.1 to 0.4 ms for each, the driver half to three quarters of that: when something
is bought, none of SQLAlchemy's code is in the processor's caches any more.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.expression import Insert

_SQLITE = sqlite.dialect()

Values = Mapping[str, Any]


class Prepared:
    """The insertion that `on` returns for a kind of database, of rows that have all `columns`."""

    def __init__(
        self, on: Callable[[str], Insert | ReturningInsert[Any]], columns: Iterable[str]
    ) -> None:
        self._on = on
        statement = on("sqlite")
        compiled = statement.compile(dialect=_SQLITE, column_keys=list(columns))
        self._sql = str(compiled)
        self._written = [
            (name, compiled.params[name], compiled.binds[name].type.bind_processor(_SQLITE))
            for name in compiled.positiontup or ()
        ]
        self._read = [
            column.type.result_processor(_SQLITE, None) for column in statement.exported_columns
        ]

    def one(self, connection: Connection, values: Values) -> tuple[Any, ...]:
        """Insert a row; return what the statement returns of it."""
        if connection.dialect.name != "sqlite":
            return tuple(connection.execute(self._on(connection.dialect.name), values).one())
        (row,) = _driver(connection).execute(self._sql, self._values(values)).fetchall()
        return tuple(
            found if read is None else read(found)
            for found, read in zip(row, self._read, strict=True)
        )

    def many(self, connection: Connection, rows: Iterable[Values]) -> None:
        """Insert rows."""
        if connection.dialect.name == "sqlite":
            _driver(connection).executemany(self._sql, map(self._values, rows))
        else:
            connection.execute(self._on(connection.dialect.name), list(rows))

    def _values(self, values: Values) -> list[Any]:
        found = ((written, values.get(name, own)) for name, own, written in self._written)
        return [value if written is None else written(value) for written, value in found]


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
