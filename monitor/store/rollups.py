"""Roll-ups: what each GPU model's hours and days came to, made from the intervals and kept.

They are made a day at a time, each in one short transaction that also says how far they are: a
crash loses and doubles nothing. Reading and adding up is done before it, so that no poll waits; if
an import wrote into the past meanwhile, or another process was faster, nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, select

from monitor.history.pieces import Offered
from monitor.history.selection import Model, Selection
from monitor.history.sketch import Sketch
from monitor.history.summary import Prices, Source, Summary, summed_up
from monitor.history.window import DAY, HOUR, Window, floor, steps
from monitor.market.money import NanoDollars
from monitor.store import progress
from monitor.store.offered import covered, offered
from monitor.store.progress import Progress
from monitor.store.schema import (
    coverage,
    daily_rollups,
    gpus,
    hourly_rollups,
    marketplaces,
)

TABLES: Mapping[Source, tuple[Table, timedelta]] = {
    Source.HOURLY: (hourly_rollups, HOUR),
    Source.DAILY: (daily_rollups, DAY),
}
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


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


Made = Mapping[Source, list[dict[str, Any]]]


def begin(connection: Connection) -> list[str]:
    """Return the names of all marketplaces, each of which has its row of progress now."""
    known = connection.execute(select(marketplaces.c.id, marketplaces.c.name)).all()
    for key, _ in known:
        progress.begin(connection, key)
    return [name for _, name in known]


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
    """Return the rows of a batch; nothing is written."""
    day = batch.day
    window = day or batch.hours
    known = covered(connection, batch.marketplace, window, deleted_too=True)
    sold = offered(connection, Selection(marketplace=batch.marketplace), window, deleted_too=True)
    keys = {name: key for key, name in connection.execute(select(gpus.c.id, gpus.c.name))}
    made: dict[Source, list[dict[str, Any]]] = {Source.HOURLY: [], Source.DAILY: []}
    for model, by_hostnode in sold.items():
        each = list(chain.from_iterable(by_hostnode.values()))
        whose = {"marketplace_id": batch.progress.marketplace_id, "gpu_id": keys[model.gpu]}
        hours = list(steps(batch.hours, HOUR))
        made[Source.HOURLY] += _rows(whose, hours, known, each)
        made[Source.DAILY] += _rows(whose, [day] if day else [], known, each)
    return made


def write(connection: Connection, batch: Batch, made: Made) -> bool:
    """Write the rows of a batch; say whether they still were what is due."""
    until = batch.hours.until
    before = batch.progress
    rolled = before.rolled_until if batch.stale is not None else until
    if not progress.advance(connection, before, rolled_until=rolled):
        return False
    if batch.stale is not None:
        progress.freshen(connection, batch.stale, dict(before.stale)[batch.stale], until)
    for source, window in ((Source.HOURLY, batch.hours), (Source.DAILY, batch.day)):
        if window is not None:
            _replace(connection, TABLES[source][0], before, window, made[source])
    return True


def read(
    connection: Connection, source: Source, models: Sequence[Model], window: Window
) -> dict[Model, dict[datetime, Summary]]:
    """Return the roll-ups that begin in a window, by model and beginning."""
    table, length = TABLES[source]
    found: dict[Model, dict[datetime, Summary]] = {model: {} for model in models}
    rows = connection.execute(
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
    for row in rows:
        model = Model(row.marketplace, row.gpu)
        if model in found:
            found[model][row.at] = _summary(row, source, length)
    return found


def _in_a_day(window: Window) -> Window:
    return Window(window.since, min(floor(window.since, DAY) + DAY, window.until))


def _recorded_hours(connection: Connection, marketplace_id: int) -> datetime:
    """Return until when the marketplace's hours are over, and will not change by polls."""
    until = connection.scalar(
        select(func.max(coverage.c.valid_to)).where(coverage.c.marketplace_id == marketplace_id)
    )
    return floor(until, HOUR)


def _next_known(connection: Connection, found: Progress) -> datetime | None:
    """Return the first hour to be made: time of which nothing is known is passed over."""
    first = connection.scalar(
        select(func.min(coverage.c.valid_from)).where(
            coverage.c.marketplace_id == found.marketplace_id,
            coverage.c.valid_to > found.rolled_until,
        )
    )
    return None if first is None else max(floor(first, HOUR), found.rolled_until)


def _replace(
    connection: Connection,
    table: Table,
    before: Progress,
    window: Window,
    rows: Iterable[dict[str, Any]],
) -> None:
    """Put rows in the place of those of a window; where intervals are deleted, only add to them."""
    there = and_(
        table.c.marketplace_id == before.marketplace_id,
        table.c.at >= window.since,
        table.c.at < window.until,
    )
    if before.raw_since is None or window.since >= before.raw_since:
        connection.execute(delete(table).where(there))
        kept = set()
    else:
        kept = set(connection.scalars(select(table.c.at).where(there).distinct()))
    new = [row for row in rows if row["at"] not in kept]
    if new:
        connection.execute(insert(table), new)


def _rows(
    whose: Mapping[str, int],
    windows: Sequence[Window],
    known: Sequence[Window],
    sold: Sequence[Offered],
) -> Iterator[dict[str, Any]]:
    listed = _listed(windows, sold)
    for summary in summed_up(windows, known, sold):
        if summary.window in listed:
            yield {**whose, **_values(summary)}


def _listed(windows: Iterable[Window], sold: Sequence[Offered]) -> set[Window]:
    """Return the windows in which one of the offers was listed, free or not."""
    return {
        window
        for window in windows
        if any(each.since < window.until and each.until > window.since for each in sold)
    }


def _values(summary: Summary) -> dict[str, Any]:
    best, sold = summary.best, summary.offers
    return {
        "at": summary.window.since,
        "low_at": best and best.low_at,
        "best_low": best and best.low,
        "best_high": best and best.high,
        "best_mean": best and best.mean,
        "best_median": best and best.median,
        "offers_high": sold and sold.high,
        "offers_mean": sold and sold.mean,
        "offers_median": sold and sold.median,
        "covered_seconds": summary.covered / _SECOND,
        "available_seconds": summary.available / _SECOND,
        "offer_seconds": sold.time / _SECOND if sold else 0.0,
        "gpu_seconds": summary.gpu_time / _SECOND,
        "hostnode_seconds": summary.hostnode_time / _SECOND,
        "best_sketch": _packed(best),
        "offers_sketch": _packed(sold),
    }


def _packed(prices: Prices | None) -> bytes | None:
    """Return the sketch's bytes; without them there was one price all the time."""
    if prices is None or prices.low == prices.high:
        return None
    return Sketch.of(prices.sketch.weights, rounded=prices.sketch.rounded).packed()


def _summary(row: Row[Any], source: Source, length: timedelta) -> Summary:
    return Summary(
        window=Window(row.at, row.at + length),
        covered=_time(row.covered_seconds),
        best=_prices(row, row.best_mean, row.best_high, row.available_seconds, row.best_sketch),
        offers=_prices(row, row.offers_mean, row.offers_high, row.offer_seconds, row.offers_sketch),
        gpu_time=_time(row.gpu_seconds),
        hostnode_time=_time(row.hostnode_seconds),
        sources=frozenset({source}),
    )


def _prices(
    row: Row[Any], mean: int | None, high: int | None, seconds: float, packed: bytes | None
) -> Prices | None:
    if mean is None or high is None:
        return None
    time = _time(seconds) // _MICROSECOND
    sketch = Sketch({row.best_low: time}) if packed is None else Sketch.unpacked(packed)
    return Prices(
        low=row.best_low,
        low_at=row.low_at,
        high=NanoDollars(high),
        total=mean * time,
        sketch=sketch,
    )


def _time(seconds: float) -> timedelta:
    return round(seconds * 1_000_000) * _MICROSECOND
