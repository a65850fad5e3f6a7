"""Insertions that put up with what is there already, and the short keys that stand for names."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insertion(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT into `table` that knows this database's `ON CONFLICT`."""
    return insertion_on(connection.dialect.name, table)


def insertion_on(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return such an INSERT for a kind of database, by SQLAlchemy's name for it."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def keys(
    connection: Connection, columns: Sequence[Column[Any]], names: Iterable[tuple[Any, ...]]
) -> dict[tuple[Any, ...], int]:
    """Return the key (`id`) of each of `names`, the values of the unique `columns`.

    Names that are not there yet are inserted.
    """
    rows = [
        {column.name: part for column, part in zip(columns, name, strict=True)} for name in names
    ]
    if not rows:
        return {}
    table, last = columns[0].table, columns[-1]
    insert = insertion(connection, table)
    # An update that changes nothing, because only updated and inserted rows are returned.
    statement = insert.on_conflict_do_update(
        index_elements=columns, set_={last.name: insert.excluded[last.name]}
    ).returning(*columns, table.c.id)
    return {tuple(row[:-1]): row[-1] for row in connection.execute(statement, rows)}
