"""Writing what recorded looks came to into a table of intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic

from sqlalchemy import Column, Connection, Delete, Update, bindparam, delete, insert, update

from monitor.errors import StoreError
from monitor.history.splice import Strand
from monitor.market.diff import Facts, Key
from monitor.store.intervals import Open

_Rows = list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class Woven(Generic[Key, Facts]):
    """A strand, and which of its spans are rows already.

    `column` names the table and what its intervals are of, `ids` are the keys of what is open.
    What began until `written_until` has a row; it ends there with a gap, or is open if `is_tail`.
    """

    column: Column[Any]
    strand: Strand[Key, Facts] = field(default_factory=Strand)
    ids: dict[Key, int] = field(default_factory=dict)
    written_until: datetime | None = None
    is_tail: bool = False

    @classmethod
    def onto(
        cls, column: Column[Any], found: Open[Key, Facts], until: datetime, *, is_tail: bool
    ) -> "Woven[Key, Facts]":
        """Begin with the intervals that hold at `until`, the end of a stretch."""
        since = {key: began for key, (_, began) in found.rows.items()}
        return cls(
            column=column,
            strand=Strand(facts=dict(found.facts), since=since),
            ids={key: of for key, (of, _) in found.rows.items()},
            written_until=until,
            is_tail=is_tail,
        )

    def rows(self) -> list[tuple[int, datetime]]:
        """Return what is open as rows: (id, valid_from)."""
        return [(self.ids[key], since) for key, since in self.strand.since.items()]

    def unnamed(self) -> list[Key]:
        """Return the keys that have spans and no id yet."""
        spans = (*(span.key for span in self.strand.over), *self.strand.facts)
        return [key for key in dict.fromkeys(spans) if key not in self.ids]

    def write(
        self,
        connection: Connection,
        values: Callable[[Facts], dict[str, Any]],
        until: datetime,
        *,
        is_tail: bool,
        after: Open[Key, Facts] | None = None,
    ) -> None:
        """Write all spans. What is open ends at `until` with a gap, or stays open if `is_tail`.

        If there are intervals `after` it that begin at `until`, there is no gap: what goes on in
        them unchanged becomes one with them.

        Raises:
            StoreError: a row that was there has been changed by somebody else.
        """
        rows = _Writes(new=[], ended=[], removed=[], moved=[])
        for span in self.strand.taken():
            self._end(rows, span.key, span.since, span.until, values(span.facts))
        for key, facts in self.strand.facts.items():
            since = self.strand.since[key]
            if after is not None and after.facts.get(key) == facts:
                self._join(rows, key, since)
            elif not is_tail:
                self._end(rows, key, since, until, values(facts), gap=after is None)
            elif not self._is_written(since):
                self._end(rows, key, since, None, values(facts))
        self._execute(connection, rows, until)
        self.ids = {key: self.ids[key] for key in self.strand.facts}
        self.written_until, self.is_tail = until, is_tail

    def _is_written(self, since: datetime) -> bool:
        return self.written_until is not None and since <= self.written_until

    def _end(
        self,
        rows: "_Writes",
        key: Key,
        since: datetime,
        until: datetime | None,
        values: dict[str, Any],
        *,
        gap: bool = False,
    ) -> None:
        of = self.ids[key]
        if self._is_written(since):
            rows.ended.append({"of": of, "began": since, "until": until, "by_gap": gap})
        else:
            span = {self.column.name: of, "valid_from": since, "valid_to": until, "gap": gap}
            rows.new.append({**span, **values})

    def _join(self, rows: "_Writes", key: Key, since: datetime) -> None:
        of = self.ids[key]
        if self._is_written(since):
            rows.removed.append({"of": of, "began": since})
        rows.moved.append({"of": of, "since": since})

    def _execute(self, connection: Connection, rows: "_Writes", until: datetime) -> None:
        column, table = self.column, self.column.table
        row = (column == bindparam("of"), table.c.valid_from == bindparam("began"))
        end = table.c.valid_to
        was = end.is_(None) if self.is_tail else end == self.written_until
        ending = update(table).where(*row, was)
        ending = ending.values(valid_to=bindparam("until"), gap=bindparam("by_gap"))
        moving = update(table).where(column == bindparam("of"), table.c.valid_from == until)
        _change(connection, ending, rows.ended)
        _change(connection, delete(table).where(*row, was), rows.removed)
        _change(connection, moving.values(valid_from=bindparam("since")), rows.moved)
        if rows.new:
            connection.execute(insert(table), rows.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writes:
    new: _Rows
    ended: _Rows
    removed: _Rows
    moved: _Rows


def _change(connection: Connection, statement: Update | Delete, rows: Sequence[Any]) -> None:
    if rows and connection.execute(statement, list(rows)).rowcount != len(rows):
        raise StoreError(
            "the history was changed by somebody else: run the import again, it goes on where "
            "it was, and let nobody write to the history by hand"
        )
