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
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, select, update

from monitor.grab.book import Switch
from monitor.grab.grab import (
    BILLED,
    COUNTING,
    Grab,
    GrabEvent,
    GrabId,
    GrabStatus,
    NewGrab,
)
from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName
from monitor.store.engine import Database
from monitor.store.grab_rows import columns, read_event, read_grab
from monitor.store.keys import insertion
from monitor.store.schema import (
    NAMED_GRAB,
    UNENDED_GRAB,
    buying,
    grab_events,
    grab_spending,
    grabbing_rules,
    grabs,
)

_ROW = 1
"""The key of the one row of `buying`."""

_BOUGHT = BILLED | {GrabStatus.DELETED}


class Books:
    """Opens books on a database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def book(self) -> Iterator["Book"]:
        """Open a transaction alone with all buying; it commits at the end of the block.

        Raises:
            StoreBusyError, StoreError: as for `Database.transaction`; nothing was written.
        """
        with self._database.transaction() as connection:
            yield Book(connection, _lock(connection))

    @contextmanager
    def reading(self) -> Iterator["Book"]:
        """Open a book that sees one instant, waits for nobody, and refuses to be written.

        Raises:
            StoreBusyError, StoreError: as for `Database.read`.
        """
        if self._state() is None:
            with self.book():  # the first of all: it gives the installation its name
                pass
        with self._database.read() as connection:
            yield Book(connection, connection.execute(select(buying)).one())

    def _state(self) -> Row[Any] | None:
        with self._database.read() as connection:
            return connection.execute(select(buying)).one_or_none()


def _lock(connection: Connection) -> Row[Any]:
    """Return the row of `buying`, which no other process can have until the transaction ends."""
    statement = insertion(connection, buying).values(
        id=_ROW,
        version=1,
        installation=secrets.token_hex(3),
        paused=False,
        paused_by="",
        pause_reason="",
    )
    return connection.execute(
        statement.on_conflict_do_update(
            index_elements=[buying.c.id], set_={"version": buying.c.version + 1}
        ).returning(buying)
    ).one()


class Book:
    """One open transaction on all grabs; `monitor.grab.book.Book` says what each method does."""

    def __init__(self, connection: Connection, state: Row[Any]) -> None:
        self._connection = connection
        self._state = state

    def installation(self) -> str:
        """Return the six hexadecimal digits that tell this database from others in names."""
        return str(self._state.installation)

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
        self._state = self._connection.execute(
            update(buying)
            .values(
                paused=switch.paused,
                paused_by=switch.by,
                pause_reason=switch.reason,
                paused_at=switch.at,
            )
            .returning(buying)
        ).one()

    def find(self, grab_id: GrabId) -> Grab | None:
        """Return one grab."""
        return next(iter(self._select(select(grabs).where(grabs.c.id == grab_id))), None)

    def with_status(self, statuses: Collection[GrabStatus]) -> tuple[Grab, ...]:
        """Return the grabs in any of `statuses`, oldest first."""
        statement = select(grabs).where(_has(statuses)).order_by(grabs.c.id)
        if COUNTING.issuperset(statuses):
            statement = statement.where(UNENDED_GRAB)
        return self._select(statement)

    def since(self, at: datetime) -> tuple[Grab, ...]:
        """Return the grabs decided at `at` or later, oldest first, whatever their status."""
        return self._select(select(grabs).where(grabs.c.created_at >= at).order_by(grabs.c.id))

    def last_refusals(self) -> Mapping[RuleName, Grab]:
        """Return for each rule its newest grab, where that one is `refused`."""
        other = grabs.alias("other")
        newest = select(func.max(other.c.id)).where(other.c.rule == grabbing_rules.c.rule)
        found = self._select(
            select(grabs)
            .select_from(grabbing_rules)
            .join(grabs, grabs.c.id == newest.scalar_subquery())
            .where(_has({GrabStatus.REFUSED}))
        )
        return {grab.rule: grab for grab in found}

    def bought_by(self, rule: RuleName) -> int:
        """Return how many grabs of a rule were ever sent and not definitely refused."""
        bought = select(func.count()).where(grabs.c.rule == rule, _has(_BOUGHT))
        return self._connection.scalar(bought) or 0

    def named(self, names: Collection[str]) -> Mapping[str, Grab]:
        """Return the grabs that have these instance names, whatever their status and age."""
        wanted = grabs.c.instance_name.in_(sorted(names))
        return {
            grab.instance_name: grab
            for grab in self._select(select(grabs).where(wanted, NAMED_GRAB))
        }

    def history(self, grab_id: GrabId) -> tuple[GrabEvent, ...]:
        """Return all steps of one grab, oldest first."""
        rows = self._connection.execute(
            select(grab_events).where(grab_events.c.grab_id == grab_id).order_by(grab_events.c.id)
        )
        return tuple(map(read_event, rows))

    def spent(self, since: date) -> Mapping[tuple[RuleName, date], NanoDollars]:
        """Return what each rule has spent on each day from `since` on."""
        rows = self._connection.execute(
            select(grab_spending)
            .where(grab_spending.c.day >= since)
            .order_by(grab_spending.c.day, grab_spending.c.rule)
        )
        return {(RuleName(row.rule), row.day): NanoDollars(row.spent) for row in rows}

    def listed(
        self, *, limit: int, status: GrabStatus | None = None, rule: str | None = None
    ) -> tuple[Grab, ...]:
        """Return the newest grabs, newest first, of one status or rule if asked for."""
        statement = select(grabs).order_by(grabs.c.id.desc()).limit(limit)
        if status is not None:
            statement = statement.where(_has({status}))
        if rule is not None:
            statement = statement.where(grabs.c.rule == rule)
        return self._select(statement)

    def reached(self, after: int | None) -> tuple[int, Mapping[tuple[RuleName, GrabStatus], int]]:
        """Return the number of the newest step of all, and what grabs came to after step `after`.

        That is how many of each rule reached each status, by whatever process or command; nothing
        after `None`.
        """
        newest = self._connection.scalar(select(func.max(grab_events.c.id))) or 0
        if after is None:
            return newest, {}
        rows = self._connection.execute(
            select(grabs.c.rule, grab_events.c.after, func.count().label("number"))
            .join(grabs)
            .where(
                grab_events.c.id > after,
                grab_events.c.before.is_distinct_from(grab_events.c.after),
            )
            .group_by(grabs.c.rule, grab_events.c.after)
        )
        counts = {(RuleName(row.rule), GrabStatus(row.after)): row.number for row in rows}
        return newest, counts

    def add(self, new: NewGrab) -> Grab:
        """Write a new grab, and the first step of its history.

        Raises:
            StoreError: another grab has its instance name.
        """
        self._connection.execute(
            insertion(self._connection, grabbing_rules)
            .values(rule=new.rule)
            .on_conflict_do_nothing()
        )
        first = {"version": 1, "spent": 0, "checks": 0, "forwards": "[]", "told": "[]"}
        row = self._connection.execute(
            insert(grabs).values(**columns(new), **first).returning(grabs)
        ).one()
        added = read_grab(row)
        self._record(added, None, added.created_at)
        return added

    def change(self, before: Grab, after: Grab, reason: str, now: datetime) -> Grab | None:
        """Write what differs in `after`, and a step of history; `None` if `before` is outdated."""
        changed = self._write(before, replace(after, reason=reason))
        if changed is not None:
            self._record(changed, before.status, now)
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
        statement = insertion(self._connection, grab_spending).values(
            day=day, rule=rule, spent=amount
        )
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[grab_spending.c.day, grab_spending.c.rule],
                set_={"spent": grab_spending.c.spent + statement.excluded.spent},
            )
        )

    def _select(self, statement: Select[Any]) -> tuple[Grab, ...]:
        return tuple(map(read_grab, self._connection.execute(statement)))

    def _write(self, before: Grab, after: Grab) -> Grab | None:
        old, new = columns(before), columns(after)
        changes = {name: value for name, value in new.items() if value != old[name]}
        following = replace(after, id=before.id, version=before.version + 1)
        written = self._connection.execute(
            update(grabs)
            .where(grabs.c.id == before.id, grabs.c.version == before.version)
            .values({**changes, "version": following.version})
        )
        return following if written.rowcount == 1 else None

    def _record(self, grab: Grab, before: GrabStatus | None, at: datetime) -> None:
        self._connection.execute(
            insert(grab_events).values(
                grab_id=grab.id,
                at=at,
                before=None if before is None else before.value,
                after=grab.status.value,
                reason=grab.reason,
            )
        )


def _has(statuses: Collection[GrabStatus]) -> ColumnElement[bool]:
    return grabs.c.status.in_(sorted(status.value for status in statuses))
