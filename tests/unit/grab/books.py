"""Grabs kept in memory, for tests of those who decide, send and follow.

A block that raises changes nothing, as a transaction would not; the lock is what makes a book
alone with all buying.
"""

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import date, datetime

from monitor.grab.book import Book, Switch
from monitor.grab.grab import (
    BILLED,
    Grab,
    GrabEvent,
    GrabId,
    GrabStatus,
    NewGrab,
    unwritten,
)
from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName

INSTALLATION = "a1b2c3"


class MemoryBook(Book):
    """Everything in dictionaries; `steps` is the history of all grabs."""

    def __init__(self) -> None:
        self.grabs: dict[GrabId, Grab] = {}
        self.steps: list[GrabEvent] = []
        self.charged: dict[tuple[RuleName, date], NanoDollars] = {}
        self.paused = Switch()
        self.written = 0

    def snapshot(self) -> "MemoryBook":
        """Return a copy that later writes do not change."""
        twin = copy(self)
        twin.grabs, twin.steps = dict(self.grabs), list(self.steps)
        twin.charged = dict(self.charged)
        return twin

    def version(self) -> int:
        return self.written

    def installation(self) -> str:
        return INSTALLATION

    def switch(self) -> Switch:
        return self.paused

    def set_switch(self, switch: Switch) -> None:
        self.paused = switch

    def find(self, grab_id: GrabId) -> Grab | None:
        return self.grabs.get(grab_id)

    def with_status(self, statuses: Collection[GrabStatus]) -> tuple[Grab, ...]:
        return tuple(grab for grab in self.grabs.values() if grab.status in statuses)

    def since(self, at: datetime) -> tuple[Grab, ...]:
        return tuple(
            grab
            for grab in self.grabs.values()
            if grab.created_at >= at
            or (grab.is_to_end and grab.ended_at is not None and grab.ended_at >= at)
        )

    def last_refusals(self) -> Mapping[RuleName, Grab]:
        newest = {grab.rule: grab for grab in self.grabs.values()}
        return {rule: g for rule, g in newest.items() if g.status is GrabStatus.REFUSED}

    def bought_by(self, rule: RuleName) -> int:
        bought = BILLED | {GrabStatus.DELETED}
        return sum(grab.rule == rule and grab.status in bought for grab in self.grabs.values())

    def named(self, names: Collection[str]) -> Mapping[str, Grab]:
        return {g.instance_name: g for g in self.grabs.values() if g.instance_name in names}

    def add(self, new: NewGrab) -> Grab:
        grab = self._insert(unwritten(new))
        self._step(grab.id, None, new, new.created_at)
        return grab

    def add_as(self, new: NewGrab, after: Grab, now: datetime) -> Grab:
        grab = self._insert(after)
        self._step(grab.id, None, new, new.created_at)
        self._step(grab.id, new.status, after, now)
        return grab

    def _insert(self, grab: Grab) -> Grab:
        known = {each.instance_name for each in self.grabs.values()}
        assert not grab.instance_name or grab.instance_name not in known
        added = replace(grab, id=GrabId(len(self.grabs) + 1), version=1)
        self.grabs[added.id] = added
        return added

    def change(self, before: Grab, after: Grab, reason: str, now: datetime) -> Grab | None:
        written = self._write(before, replace(after, reason=reason))
        if written is not None:
            self._step(written.id, before.status, written, now)
        return written

    def touch(self, before: Grab, after: Grab) -> Grab | None:
        assert after.status is before.status
        assert after.reason == before.reason
        return self._write(before, after)

    def _write(self, before: Grab, after: Grab) -> Grab | None:
        if self.grabs[before.id].version != before.version:
            return None
        self.grabs[before.id] = replace(after, version=before.version + 1)
        return self.grabs[before.id]

    def charge(self, rule: RuleName, day: date, amount: NanoDollars) -> None:
        self.charged[rule, day] = NanoDollars(self.charged.get((rule, day), 0) + amount)

    def spent(self, since: date) -> Mapping[tuple[RuleName, date], NanoDollars]:
        return {key: amount for key, amount in self.charged.items() if key[1] >= since}

    def history(self, grab_id: GrabId) -> tuple[GrabEvent, ...]:
        return tuple(step for step in self.steps if step.grab == grab_id)

    def _step(self, grab: GrabId, before: GrabStatus | None, after: NewGrab, now: datetime) -> None:
        event = GrabEvent(grab=grab, at=now, before=before, after=after.status, reason=after.reason)
        self.steps.append(event)


class MemoryBooks:
    """One `MemoryBook` behind a lock; `kept` is what a restart would find."""

    def __init__(self) -> None:
        self.kept = MemoryBook()
        self._lock = threading.RLock()

    @contextmanager
    def book(self, *, durable: bool = True) -> Iterator[Book]:
        """Open a transaction; an error undoes it."""
        del durable
        with self._lock:
            before = self.kept.snapshot()
            try:
                yield self.kept
            except BaseException:
                self.kept = before
                raise
            self.kept.written += 1

    @contextmanager
    def reading(self) -> Iterator[Book]:
        """Open a book to read."""
        with self._lock:
            yield self.kept.snapshot()

    def all(self) -> list[Grab]:
        """Return all grabs, oldest first."""
        return list(self.kept.grabs.values())
