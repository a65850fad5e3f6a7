"""What buying asks of the store, in one transaction that is alone with all buying."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from monitor.grab.grab import Grab, GrabEvent, GrabId, GrabStatus, NewGrab
from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Whether a person has paused buying (`grabs pause`), who, why and since when."""

    paused: bool = False
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class Book(Protocol):
    """All grabs, in one transaction; any other one that writes grabs waits for its end.

    So limits that were checked in it hold when it commits, whatever other processes do.
    """

    def version(self) -> int:
        """Return how many books were written before this one: it names what this one finds."""

    def installation(self) -> str:
        """Return the six hexadecimal digits that tell this database from others in names."""

    def switch(self) -> Switch:
        """Return whether buying is paused."""

    def set_switch(self, switch: Switch) -> None:
        """Pause or resume buying."""

    def find(self, grab_id: GrabId) -> Grab | None:
        """Return one grab."""

    def with_status(self, statuses: Collection[GrabStatus]) -> tuple[Grab, ...]:
        """Return the grabs in any of `statuses`, oldest first."""

    def since(self, at: datetime) -> tuple[Grab, ...]:
        """Return the grabs decided at `at` or later, oldest first, whatever their status.

        Those too that were older when a person asked for their end, and ended since.
        """

    def last_refusals(self) -> Mapping[RuleName, Grab]:
        """Return for each rule its newest grab, where that one is `refused`."""

    def bought_by(self, rule: RuleName) -> int:
        """Return how many grabs of a rule were ever sent and not definitely refused."""

    def named(self, names: Collection[str]) -> Mapping[str, Grab]:
        """Return the grabs that have these instance names, whatever their status and age."""

    def add(self, new: NewGrab) -> Grab:
        """Write a new grab, and the first step of its history."""

    def add_as(self, new: NewGrab, after: Grab, now: datetime) -> Grab:
        """Write a new grab as what became of it at `now`, in the same book: both steps, one row.

        `after` is `new` changed; it gets its id and version here.
        """

    def change(self, before: Grab, after: Grab, reason: str, now: datetime) -> Grab | None:
        """Write what differs in `after`, and a step of history; `None` if `before` is outdated.

        A compare-and-swap on `before.version`; the grab returned has the next one. `after.reason`
        becomes `reason`.
        """

    def touch(self, before: Grab, after: Grab) -> Grab | None:
        """Like `change`, without a step of history or a new reason: checks, money, telling."""

    def charge(self, rule: RuleName, day: date, amount: NanoDollars) -> None:
        """Add to what a rule has spent on a day (UTC)."""

    def spent(self, since: date) -> Mapping[tuple[RuleName, date], NanoDollars]:
        """Return what each rule has spent on each day from `since` on."""

    def history(self, grab_id: GrabId) -> tuple[GrabEvent, ...]:
        """Return all steps of one grab, oldest first."""


class Books(Protocol):
    """Where grabs are kept."""

    def book(self, *, durable: bool = True) -> AbstractContextManager[Book]:
        """Open a transaction that is alone with all buying; it commits at the block's end.

        One that is not `durable` may be undone by a loss of power, if nothing durable followed it:
        for what is nothing lost, such as an intent that was not sent.
        """

    def reading(self) -> AbstractContextManager[Book]:
        """Open a book that must only be read, and waits for nobody."""
