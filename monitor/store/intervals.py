"""A table of intervals [valid_from, valid_to): which rows a look at the market ends and begins.

Hostnodes and offers are recorded alike, so that this is written once.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic

from sqlalchemy import Column, Connection, bindparam, insert, update

from monitor.errors import StoreError
from monitor.market.diff import Changes, Facts, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Generic[Key, Facts]):
    """The open intervals of a table: the facts of each key, and its row as (id, valid_from)."""

    facts: Mapping[Key, Facts] = field(default_factory=dict)
    rows: Mapping[Key, tuple[int, datetime]] = field(default_factory=dict)


def carry(
    connection: Connection,
    column: Column[Any],
    before: Open[Key, Facts],
    found: Changes[Key, Facts],
    at: datetime,
    *,
    ids: Mapping[Key, int],
    values: Callable[[Facts], dict[str, Any]],
) -> Open[Key, Facts]:
    """Write the changes to `before` that were found at the instant `at`; return what is open then.

    `column` names the table and what its intervals are of; `ids` are those of the keys that begin,
    `values` returns the columns of facts.
    """
    end(connection, column, [before.rows[key] for key in (*found.changed, *found.ended)], at)
    beginning = {**found.changed, **found.begun}
    known = {**ids, **{key: before.rows[key][0] for key in found.changed}}
    if beginning:
        connection.execute(
            insert(column.table),
            [
                {column.name: known[key], "valid_from": at, "gap": False, **values(facts)}
                for key, facts in beginning.items()
            ],
        )
    rows = {**before.rows, **{key: (known[key], at) for key in beginning}}
    for key in found.ended:
        del rows[key]
    return Open(facts=found.applied(before.facts), rows=rows)


def end(
    connection: Connection,
    column: Column[Any],
    rows: Collection[tuple[int, datetime]],
    at: datetime,
    *,
    gap: bool = False,
) -> None:
    """End open intervals, given as (id, valid_from), at the instant `at`.

    Raises:
        StoreError: one of them is not open any more.
    """
    if not rows:
        return
    table = column.table
    statement = (
        update(table)
        .where(
            column == bindparam("of"),
            table.c.valid_from == bindparam("began"),
            table.c.valid_to.is_(None),
        )
        .values(valid_to=at, gap=gap)
    )
    ended = connection.execute(statement, [{"of": of, "began": began} for of, began in rows])
    if ended.rowcount != len(rows):
        raise StoreError(
            f"{len(rows) - ended.rowcount} intervals in {table.name} were ended by somebody else: "
            "start again, and let nobody write to the history by hand"
        )
