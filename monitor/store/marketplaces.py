"""What is known of each marketplace as a whole; its row lets only one cycle write at a time."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Self

from sqlalchemy import Connection, Row, bindparam, func, select

from monitor.market.snapshot import Outcome
from monitor.store.keys import insertion_on
from monitor.store.schema import marketplaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """A marketplace before the poll at hand.

    `last_good_at` is the instant of the good poll that came last; `recorded_until` is where the
    history ends, which is later if the clock was set back. `history_token` names the state of the
    history, `None` before there is one. `version` counts how often it was locked.
    """

    id: int
    name: str
    version: int
    history_token: str | None
    last_poll_at: datetime | None
    last_outcome: Outcome | None
    last_good_at: datetime | None
    recorded_until: datetime | None

    @classmethod
    def unpolled(cls, name: str) -> Self:
        """Return what stands for a marketplace where there is none, and is not in the database."""
        return cls(
            id=0,
            name=name,
            version=0,
            history_token=None,
            last_poll_at=None,
            last_outcome=None,
            last_good_at=None,
            recorded_until=None,
        )

    @property
    def failed_since(self) -> bool:
        """Whether a poll failed after the last good one."""
        return self.last_outcome not in {None, Outcome.OK}


_BY_NAME = select(marketplaces).where(marketplaces.c.name == bindparam("name"))


def lock(connection: Connection, name: str) -> Marketplace:
    """Return the marketplace, which no other process can change until the transaction ends.

    The first statement of every cycle: whatever the cycle reads after it is up to date.
    """
    statement = _locking(connection.dialect.name)
    return _marketplace(connection.execute(statement, {"name": name, "version": 1}).one())


@cache
def _locking(dialect: str) -> Any:
    return (
        insertion_on(dialect, marketplaces)
        .on_conflict_do_update(
            index_elements=[marketplaces.c.name], set_={"version": marketplaces.c.version + 1}
        )
        .returning(marketplaces)
    )


def find(connection: Connection, name: str) -> Marketplace | None:
    """Return the marketplace, or `None` if it was never polled."""
    row = connection.execute(_BY_NAME, {"name": name}).one_or_none()
    return None if row is None else _marketplace(row)


def last_known(connection: Connection, marketplace: str | None) -> datetime | None:
    """Return where the history of a marketplace or of all ends, `None` if there is none."""
    statement = select(func.max(marketplaces.c.recorded_until))
    if marketplace is not None:
        statement = statement.where(marketplaces.c.name == marketplace)
    until: datetime | None = connection.scalar(statement)
    return until


def _marketplace(row: Row[Any]) -> Marketplace:
    return Marketplace(
        id=row.id,
        name=row.name,
        version=row.version,
        history_token=row.history_token,
        last_poll_at=row.last_poll_at,
        last_outcome=None if row.last_outcome is None else Outcome(row.last_outcome),
        last_good_at=row.last_good_at,
        recorded_until=row.recorded_until,
    )
