"""Roll-ups: what each GPU model's hours and days came to, made from the intervals and kept.

They are made a day at a time, each in one short transaction that also says how far they are: a
crash loses and doubles nothing. Reading and adding up is done before it, so that no poll waits; if
an import wrote into the past meanwhile, or another process was faster, nothing is written.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from monitor.history.pieces import Offered
from monitor.history.selection import Model, Selection
from monitor.history.summary import Source, Summary, combined, covered_time, summed_up
from monitor.history.window import DAY, HOUR, Window, floor, steps
from monitor.store import days, hours, progress
from monitor.store.offered import covered, offered
from monitor.store.progress import Progress
from monitor.store.schema import (
    coverage,
    daily_rollups,
    gpus,
    hourly_stretches,
    marketplaces,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hours of one day whose roll-ups are due; `stale` is the key of those made before."""

    marketplace: str
    progress: Progress
    hours: Window
    stale: int | None = None

    @property
    def day(self) -> Window | None:
        """The day of these hours, if it is over."""
        since = floor(self.hours.since, DAY)
        over = since + DAY <= max(self.hours.until, self.progress.rolled_until)
        return Window(since, since + DAY) if over else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the hours of a batch, and its day if that is over, came to, by the key of each model."""

    hours: Mapping[int, list[Summary]]
    days: Mapping[int, list[Summary]]


def begin(connection: Connection) -> list[str]:
    """Return the names of all marketplaces, each of which has its row of progress now."""
    known = list(connection.scalars(select(marketplaces.c.name).order_by(marketplaces.c.id)))
    for name in known:
        progress.begin(connection, name)
    return known


def due(connection: Connection, marketplace: str) -> Batch | None:
    """Return what is to be made next of a marketplace's past, `None` if all is made."""
    found = progress.find(connection, marketplace)
    if found is None:
        return None
    if found.stale:
        key, window = found.stale[0]
        return Batch(marketplace=marketplace, progress=found, hours=_in_a_day(window), stale=key)
    until = _recorded_hours(connection, found.marketplace_id)
    since = _next_known(connection, found)
    if since is None or since >= until:
        return None
    return Batch(marketplace=marketplace, progress=found, hours=_in_a_day(Window(since, until)))


def make(connection: Connection, batch: Batch) -> Made:
    """Return what a batch comes to; nothing is written."""
    day = batch.day
    window = day or batch.hours
    known = covered(connection, batch.marketplace, window, deleted_too=True)
    sold = offered(connection, Selection(marketplace=batch.marketplace), window, deleted_too=True)
    keys = {name: key for key, name in connection.execute(select(gpus.c.id, gpus.c.name))}
    each = {
        keys[model.gpu]: list(chain.from_iterable(by_hostnode.values()))
        for model, by_hostnode in sold.items()
    }
    whole = [] if day is None else [day]
    every = list(steps(batch.hours, HOUR))
    return Made(
        hours={key: _listed(every, known, offers) for key, offers in each.items()},
        days={key: _listed(whole, known, offers) for key, offers in each.items()},
    )


def write(connection: Connection, batch: Batch, made: Made) -> bool:
    """Write the rows of a batch; say whether they still were what is due."""
    until = batch.hours.until
    before = batch.progress
    rolled = before.rolled_until if batch.stale is not None else until
    if not progress.advance(connection, before, rolled_until=rolled):
        return False
    if batch.stale is not None:
        progress.freshen(connection, batch.stale, dict(before.stale)[batch.stale], until)
    whose = before.marketplace_id
    keep = before.raw_since is not None and batch.hours.since < before.raw_since
    hours.replace(connection, whose, batch.hours, made.hours, keep=keep)
    if batch.day is not None:
        told = _by_hours(connection, batch.marketplace, batch.day) if keep else made.days
        days.replace(connection, whose, batch.day, told)
    return True


def read(
    connection: Connection, source: Source, models: Sequence[Model], window: Window
) -> dict[Model, dict[datetime, Summary]]:
    """Return the roll-ups that begin in a window, by model and beginning."""
    found: dict[Model, dict[datetime, Summary]] = {model: {} for model in models}
    told = _hours if source is Source.HOURLY else _days
    for model, summary in told(connection, models, window):
        if model in found:
            found[model][summary.window.since] = summary
    return found


def _hours(
    connection: Connection, models: Sequence[Model], window: Window
) -> Iterator[tuple[Model, Summary]]:
    began = Window(floor(window.since, DAY), window.until)
    for row in connection.execute(_rows(hourly_stretches, models, began)):
        for hour in hours.read(row):
            if window.since <= hour.at < window.until:
                yield Model(row.marketplace, row.gpu), hours.summary_of(hour)


def _days(
    connection: Connection, models: Sequence[Model], window: Window
) -> Iterator[tuple[Model, Summary]]:
    for row in connection.execute(_rows(daily_rollups, models, window)):
        yield Model(row.marketplace, row.gpu), days.summary_of(row)


def _rows(table: Table, models: Sequence[Model], window: Window) -> Select[Any]:
    """Return the query for rows of the models, and perhaps others, that begin in a window."""
    return (
        select(marketplaces.c.name.label("marketplace"), gpus.c.name.label("gpu"), table)
        .select_from(table)
        .join(marketplaces, marketplaces.c.id == table.c.marketplace_id)
        .join(gpus, gpus.c.id == table.c.gpu_id)
        .where(
            marketplaces.c.name.in_({model.marketplace for model in models}),
            gpus.c.name.in_({model.gpu for model in models}),
            table.c.at >= window.since,
            table.c.at < window.until,
        )
    )


def _by_hours(connection: Connection, marketplace: str, day: Window) -> dict[int, list[Summary]]:
    """Return what a day came to by its hours, for not all of its intervals are there any more."""
    (time,) = covered_time([day], covered(connection, marketplace, day, deleted_too=True))
    found: defaultdict[int, list[Summary]] = defaultdict(list)
    for row in connection.execute(
        select(hourly_stretches)
        .join(marketplaces, marketplaces.c.id == hourly_stretches.c.marketplace_id)
        .where(
            marketplaces.c.name == marketplace,
            hourly_stretches.c.at >= day.since,
            hourly_stretches.c.at < day.until,
        )
    ):
        found[row.gpu_id] += map(hours.summary_of, hours.read(row))
    return {gpu: [replace(combined(day, each), covered=time)] for gpu, each in found.items()}


def _in_a_day(window: Window) -> Window:
    return Window(window.since, min(floor(window.since, DAY) + DAY, window.until))


def _recorded_hours(connection: Connection, marketplace_id: int) -> datetime:
    """Return until when the marketplace's hours are over, and will not change by polls."""
    until = connection.scalar(
        select(func.max(coverage.c.valid_to)).where(coverage.c.marketplace_id == marketplace_id)
    )
    return floor(until, HOUR)


def _next_known(connection: Connection, found: Progress) -> datetime | None:
    """Return the first hour to be made: time of which nothing is known is passed over.

    Of a day in which coverage ended with the last hour that is made, the rest is still due.
    """
    first = connection.scalar(
        select(func.min(coverage.c.valid_from)).where(
            coverage.c.marketplace_id == found.marketplace_id,
            coverage.c.valid_to >= found.rolled_until,
        )
    )
    return None if first is None else max(floor(first, HOUR), found.rolled_until)


def _listed(
    windows: Sequence[Window], known: Sequence[Window], sold: Sequence[Offered]
) -> list[Summary]:
    """Return what those of `windows` came to in which one of the offers was listed, free or not."""
    return [
        summary
        for summary in summed_up(windows, known, sold)
        if any(
            each.since < summary.window.until and each.until > summary.window.since for each in sold
        )
    ]
