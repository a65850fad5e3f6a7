"""How far a marketplace's history is rolled up, and from when on its intervals are kept whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from monitor.errors import StoreError
from monitor.history.window import HOUR, Window, ceiling, floor
from monitor.store.keys import insertion
from monitor.store.marketplaces import lock
from monitor.store.schema import coverage, marketplaces, rollup_progress, stale_rollups


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is made of one marketplace's history.

    Roll-ups are made until `rolled_until`, a whole hour. Intervals are kept whole from `raw_since`
    on, `None` being their beginning; older ones are deleted until `deleted_until`. `stale` are the
    keys and hours of roll-ups to be made anew, in order. `version` changes with each import.
    """

    marketplace_id: int
    rolled_until: datetime
    raw_since: datetime | None
    deleted_until: datetime | None
    version: int
    stale: tuple[tuple[int, Window], ...]

    @property
    def reliable_until(self) -> datetime:
        """Until when no roll-up is missing or stale."""
        return min([self.rolled_until, *(window.since for _, window in self.stale)])


def find(connection: Connection, marketplace: str) -> Progress | None:
    """Return a marketplace's progress, `None` while nothing is rolled up."""
    row = connection.execute(
        select(rollup_progress).join(marketplaces).where(marketplaces.c.name == marketplace)
    ).one_or_none()
    return None if row is None else _progress(connection, row)


def begin(connection: Connection, marketplace: str) -> None:
    """Make the row of a marketplace that was polled, at the beginning of its history.

    It takes turns with imports: without the row they do not tell what they write into the past.
    """
    if find(connection, marketplace) is not None:
        return
    key = lock(connection, marketplace).id
    first = connection.scalar(
        select(func.min(coverage.c.valid_from)).where(coverage.c.marketplace_id == key)
    )
    if first is not None:
        connection.execute(
            insertion(connection, rollup_progress)
            .values(marketplace_id=key, rolled_until=floor(first, HOUR), version=0)
            .on_conflict_do_nothing()
        )


def raw_since(connection: Connection) -> Mapping[str, datetime]:
    """Return from when on intervals are kept whole, of the marketplaces that lost some."""
    rows = connection.execute(
        select(marketplaces.c.name, rollup_progress.c.raw_since)
        .join(rollup_progress)
        .where(rollup_progress.c.raw_since.is_not(None))
    )
    return {row.name: row.raw_since for row in rows}


def kept(connection: Connection, marketplace: str, window: Window) -> Window:
    """Return the part of a window whose intervals are kept."""
    since = raw_since(connection).get(marketplace, window.since)
    return window._replace(since=max(window.since, since))


def deleted(connection: Connection, marketplace: str, window: Window) -> Window | None:
    """Return the part of a window that was polled and of which intervals are deleted, if any."""
    lost = window._replace(until=min(kept(connection, marketplace, window).since, window.until))
    if not lost.length:
        return None
    first = connection.scalar(
        select(func.min(coverage.c.valid_from))
        .join(marketplaces)
        .where(
            marketplaces.c.name == marketplace,
            coverage.c.valid_from < lost.until,
            coverage.c.valid_to > lost.since,
        )
    )
    return None if first is None else lost._replace(since=max(first, lost.since))


def invalidate(
    connection: Connection, marketplace_id: int, since: datetime, until: datetime
) -> None:
    """Have roll-ups made anew for the hours whose past is another now, from `since` to `until`.

    Called in the transaction that writes into the past. Of time whose intervals are deleted, only
    hours of which nothing was known are made.
    """
    row = connection.execute(
        update(rollup_progress)
        .where(rollup_progress.c.marketplace_id == marketplace_id)
        .values(version=rollup_progress.c.version + 1, deleted_until=None)
        .returning(rollup_progress.c.rolled_until)
    ).one_or_none()
    if row is None or since >= row.rolled_until:
        return
    hours = Window(floor(since, HOUR), min(ceiling(until, HOUR), row.rolled_until))
    connection.execute(
        insert(stale_rollups).values(
            marketplace_id=marketplace_id, valid_from=hours.since, valid_to=hours.until
        )
    )


def advance(connection: Connection, before: Progress, **values: datetime | None) -> bool:
    """Change a marketplace's row; say whether nobody else has changed it since it was read."""
    changed = connection.execute(
        update(rollup_progress)
        .where(
            rollup_progress.c.marketplace_id == before.marketplace_id,
            rollup_progress.c.version == before.version,
            rollup_progress.c.rolled_until == before.rolled_until,
            rollup_progress.c.raw_since.is_not_distinct_from(before.raw_since),
        )
        .values(version=before.version, **values)
    )
    return changed.rowcount == 1


def freshen(connection: Connection, key: int, stale: Window, until: datetime) -> None:
    """Take the hours until `until` off stale ones, whose roll-ups were made in this transaction.

    Raises:
        StoreError: somebody else did.
    """
    row = (stale_rollups.c.id == key, stale_rollups.c.valid_from == stale.since)
    if until < stale.until:
        done = connection.execute(update(stale_rollups).where(*row).values(valid_from=until))
    else:
        done = connection.execute(delete(stale_rollups).where(*row))
    if done.rowcount != 1:
        raise StoreError("roll-ups were made by somebody else meanwhile: they are tried again")


def _progress(connection: Connection, row: Row[Any]) -> Progress:
    stale = connection.execute(
        select(stale_rollups)
        .where(stale_rollups.c.marketplace_id == row.marketplace_id)
        .order_by(stale_rollups.c.valid_from, stale_rollups.c.id)
    )
    return Progress(
        marketplace_id=row.marketplace_id,
        rolled_until=row.rolled_until,
        raw_since=row.raw_since,
        deleted_until=row.deleted_until,
        version=row.version,
        stale=tuple((each.id, Window(each.valid_from, each.valid_to)) for each in stale),
    )
