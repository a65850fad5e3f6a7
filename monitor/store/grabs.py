"""The book of grabs: each is a transaction alone with all buying, on either database.

Its first statement updates the one row of `buying`: another book, in whatever process, waits there
until this one has ended, and then reads what it wrote. So two cannot both take the last free slot
of a limit.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable, select, update

from monitor.grab.book import Switch
from monitor.grab.grab import (
    COUNTING,
    Grab,
    GrabEvent,
    GrabId,
    GrabStatus,
    NewGrab,
    unwritten,
)
from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName
from monitor.store import grab_statements as statements
from monitor.store.engine import Database
from monitor.store.grab_rows import columns, read_event, read_grab
from monitor.store.schema import buying, grabs

_ROW = 1
"""The key of the one row of `buying`."""


class Books:
    """Opens books on a database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_named = False
        self._rules: frozenset[str] = frozenset()  # those known to be in the database

    @contextmanager
    def book(self, *, durable: bool = True) -> Iterator["Book"]:
        """Open a transaction alone with all buying; it commits at the end of the block.

        `durable` is as for `Database.transaction`.

        Raises:
            StoreBusyError, StoreError: as for `Database.transaction`; nothing was written.
        """
        with self._database.transaction(durable=durable) as connection:
            state = _lock(connection)
            book = Book(connection, state, version=state.version - 1, rules=self._rules)
            yield book
            book.write_steps()
        self._rules |= book.rules

    @contextmanager
    def reading(self) -> Iterator["Book"]:
        """Open a book that sees one instant, waits for nobody, and refuses to be written.

        Raises:
            StoreBusyError, StoreError: as for `Database.read`.
        """
        if not self._is_named:
            if not self._exists():
                with self.book():  # the first of all: it gives the installation its name
                    pass
            self._is_named = True
        with self._database.read() as connection:
            state = State(*connection.execute(select(buying)).one())
            yield Book(connection, state, version=state.version, rules=self._rules)

    def _exists(self) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(buying)).one_or_none() is not None


class State(NamedTuple):
    """The row of `buying`, its columns in their order."""

    id: int
    version: int
    installation: str
    paused: bool
    paused_by: str
    pause_reason: str
    paused_at: datetime | None


def _lock(connection: Connection) -> State:
    """Return the row of `buying`, which no other process can have until the transaction ends."""
    new = {
        "id": _ROW,
        "version": 1,
        "installation": secrets.token_hex(3),
        "paused": False,
        "paused_by": "",
        "pause_reason": "",
    }
    return State(*statements.opening().one(connection, new))


class Book:
    """One open transaction on all grabs; `monitor.grab.book.Book` says what each method does.

    `rules` are in the database already. Steps are written together, at its end.
    """

    def __init__(
        self, connection: Connection, state: State, *, version: int, rules: frozenset[str]
    ) -> None:
        self._connection = connection
        self._state = state
        self._version = version
        self.rules = rules
        self._steps: list[dict[str, Any]] = []

    def version(self) -> int:
        """Return how many books were written before this one: it names what this one finds."""
        return self._version

    def installation(self) -> str:
        """Return the six hexadecimal digits that tell this database from others in names."""
        return self._state.installation

    def switch(self) -> Switch:
        """Return whether buying is paused."""
        state = self._state
        return Switch(
            paused=state.paused,
            by=state.paused_by,
            reason=state.pause_reason,
            at=state.paused_at,
        )

    def set_switch(self, switch: Switch) -> None:
        """Pause or resume buying."""
        changed = update(buying).values(
            paused=switch.paused,
            paused_by=switch.by,
            pause_reason=switch.reason,
            paused_at=switch.at,
        )
        self._state = State(*self._connection.execute(changed.returning(buying)).one())

    def find(self, grab_id: GrabId) -> Grab | None:
        """Return one grab."""
        return next(iter(self._select(statements.BY_ID, id=grab_id)), None)

    def with_status(self, statuses: Collection[GrabStatus]) -> tuple[Grab, ...]:
        """Return the grabs in any of `statuses`, oldest first."""
        unended = COUNTING.issuperset(statuses)
        statement = statements.UNENDED if unended else statements.WITH_STATUS
        return self._select(statement, statuses=[status.value for status in statuses])

    def since(self, at: datetime) -> tuple[Grab, ...]:
        """Return the grabs decided, or ended by a person, at `at` or later, oldest first."""
        return tuple(sorted(self._select(statements.SINCE, at=at), key=attrgetter("id")))

    def last_refusals(self) -> Mapping[RuleName, Grab]:
        """Return for each rule its newest grab, where that one is `refused`."""
        return {grab.rule: grab for grab in self._select(statements.LAST_REFUSALS)}

    def bought_by(self, rule: RuleName) -> int:
        """Return how many grabs of a rule were ever sent and not definitely refused."""
        return self._connection.scalar(statements.BOUGHT_BY, {"rule": rule}) or 0

    def named(self, names: Collection[str]) -> Mapping[str, Grab]:
        """Return the grabs that have these instance names, whatever their status and age."""
        found = self._select(statements.NAMED, names=list(names))
        return {grab.instance_name: grab for grab in found}

    def history(self, grab_id: GrabId) -> tuple[GrabEvent, ...]:
        """Return all steps of one grab, oldest first."""
        self.write_steps()
        rows = self._connection.execute(statements.HISTORY, {"grab_id": grab_id})
        return tuple(map(read_event, rows))

    def spent(self, since: date) -> Mapping[tuple[RuleName, date], NanoDollars]:
        """Return what each rule has spent on each day from `since` on."""
        rows = self._connection.execute(statements.SPENT, {"since": since})
        return {(RuleName(row.rule), row.day): NanoDollars(row.spent) for row in rows}

    def listed(
        self, *, limit: int, status: GrabStatus | None = None, rule: str | None = None
    ) -> tuple[Grab, ...]:
        """Return the newest grabs, newest first, of one status or rule if asked for."""
        statement = select(grabs).order_by(grabs.c.id.desc()).limit(limit)
        if status is not None:
            statement = statement.where(grabs.c.status == status.value)
        if rule is not None:
            statement = statement.where(grabs.c.rule == rule)
        return self._select(statement)

    def reached(self, after: int | None) -> tuple[int, Mapping[tuple[RuleName, GrabStatus], int]]:
        """Return the number of the newest step of all, and what grabs came to after step `after`.

        That is how many of each rule reached each status, by whatever process or command; nothing
        after `None`.
        """
        self.write_steps()
        newest = self._connection.scalar(statements.NEWEST_STEP) or 0
        if after is None:
            return newest, {}
        rows = self._connection.execute(statements.REACHED, {"step": after})
        counts = {(RuleName(row.rule), GrabStatus(row.after)): row.number for row in rows}
        return newest, counts

    def add(self, new: NewGrab) -> Grab:
        """Write a new grab, and the first step of its history.

        Raises:
            StoreError: another grab has its instance name.
        """
        added = self._insert(unwritten(new))
        self._record(added.id, None, new, new.created_at)
        return added

    def add_as(self, new: NewGrab, after: Grab, now: datetime) -> Grab:
        """Write a new grab as what became of it at `now`, in the same book: both steps, one row.

        Raises:
            StoreError: another grab has its instance name.
        """
        added = self._insert(after)
        self._record(added.id, None, new, new.created_at)
        self._record(added.id, new.status, after, now)
        return added

    def change(self, before: Grab, after: Grab, reason: str, now: datetime) -> Grab | None:
        """Write what differs in `after`, and a step of history; `None` if `before` is outdated."""
        changed = self._write(
            before, after if after.reason == reason else replace(after, reason=reason)
        )
        if changed is not None:
            self._record(changed.id, before.status, changed, now)
        return changed

    def touch(self, before: Grab, after: Grab) -> Grab | None:
        """Like `change`, without a step of history or a new reason.

        Raises:
            ValueError: the status differs, which is never without a reason.
        """
        if after.status is not before.status:
            raise ValueError(f"grab {before.id}: {after.status} without a step of history")
        return self._write(before, replace(after, reason=before.reason))

    def charge(self, rule: RuleName, day: date, amount: NanoDollars) -> None:
        """Add to what a rule has spent on a day (UTC)."""
        statement = statements.charging(self._connection.dialect.name)
        self._connection.execute(statement, {"day": day, "rule": rule, "spent": amount})

    def _select(self, statement: Executable, **parameters: Any) -> tuple[Grab, ...]:
        return tuple(map(read_grab, self._connection.execute(statement, parameters)))

    def _insert(self, grab: Grab) -> Grab:
        connection = self._connection
        if grab.rule not in self.rules:
            rule = {"rule": grab.rule}
            connection.execute(statements.knowing_rule(connection.dialect.name), rule)
            self.rules |= {grab.rule}
        (key,) = statements.adding().one(connection, {**columns(grab), "version": 1})
        return replace(grab, id=GrabId(key), version=1)

    def _write(self, before: Grab, after: Grab) -> Grab | None:
        old, new = columns(before), columns(after)
        changes = {name: value for name, value in new.items() if value != old[name]}
        following = replace(after, id=before.id, version=before.version + 1)
        changes["version"] = following.version
        written = self._connection.execute(
            statements.changing(tuple(changes)),
            {**changes, "key": before.id, "known": before.version},
        )
        return following if written.rowcount == 1 else None

    def write_steps(self) -> None:
        """Write the steps that were not written yet."""
        if self._steps:
            statements.adding_steps().many(self._connection, self._steps)
            self._steps = []

    def _record(
        self, grab: GrabId, before: GrabStatus | None, after: NewGrab, at: datetime
    ) -> None:
        step = {
            "grab_id": grab,
            "at": at,
            "before": None if before is None else before.value,
            "after": after.status.value,
            "reason": after.reason,
        }
        self._steps.append(step)
