"""Hours as they are stored: those of a day in which the same held are one row, a stretch.

From hour to hour the best price hardly moves, while some count of free GPUs nearly always does. So
a stretch says once what held in each of its hours, and for each of them the GPUs' time; what only
the program reads stands behind it in few bytes. Its rows are for `monitor.store.rollups`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert

from monitor.history.sketch import Sketch
from monitor.history.summary import Prices, Source, Summary
from monitor.history.varints import packed, unpacked
from monitor.history.window import DAY, HOUR, Window, floor
from monitor.market.money import NanoDollars
from monitor.store import rolled
from monitor.store.rolled import MICROSECOND, begun_in, from_seconds, in_seconds, sketch_of
from monitor.store.schema import hourly_stretches

_BYTES = 700
"""Bytes of a stretch's `rest`, beyond which another begins: a page of SQLite holds several rows."""


class Held(NamedTuple):
    """What is the same in each hour of a stretch; prices are in nano-dollars.

    `low_after` is how long after the hour's beginning the lowest price was first seen.
    """

    low_after: timedelta | None
    best_low: NanoDollars | None
    best_high: NanoDollars | None
    best_mean: NanoDollars | None
    best_median: NanoDollars | None
    covered_seconds: float
    available_seconds: float


class Hour(NamedTuple):
    """What a model's hour came to, as it is stored.

    `rest` is, in microseconds, the hostnodes' time without a price; then the sketch of the best
    price if it moved; then that of all offers, and their highest and mean price if it is rounded.
    """

    at: datetime
    held: Held
    gpu_seconds: float
    rest: tuple[int, ...]


def replace(
    connection: Connection,
    marketplace_id: int,
    window: Window,
    told: Mapping[int, Iterable[Summary]],
    *,
    keep: bool,
) -> None:
    """Put hours, by their model's key, in the place of all those of a window within one day.

    With `keep` those hours stay as they are of which anything is told already.
    """
    day = floor(window.since, DAY)
    of_day = begun_in(hourly_stretches, marketplace_id, Window(day, day + DAY))
    every = hourly_stretches.c
    before: defaultdict[int, list[Hour]] = defaultdict(list)
    for row in connection.execute(delete(hourly_stretches).where(of_day).returning(*every)):
        before[row.gpu_id] += read(row)
    known = {hour.at for each in before.values() for hour in each}
    renewed = {at for at in known if window.since <= at < window.until}
    left = known if keep else known - renewed
    rows = [
        {"marketplace_id": marketplace_id, "gpu_id": gpu, **values}
        for gpu in sorted(before.keys() | told.keys())
        for values in stretches(
            sorted(
                [
                    *(hour for hour in before[gpu] if hour.at in left),
                    *(hour_of(each) for each in told.get(gpu, ()) if each.window.since not in left),
                ]
            )
        )
    ]
    if rows:
        connection.execute(insert(hourly_stretches), rows)


def hour_of(summary: Summary) -> Hour:
    """Return what is stored of an hour."""
    return Hour(
        at=summary.window.since,
        held=_held(summary),
        gpu_seconds=in_seconds(summary.gpu_time),
        rest=tuple(_rest(summary)),
    )


def summary_of(hour: Hour) -> Summary:
    """Return what an hour came to, from what is stored of it."""
    held, numbers = hour.held, iter(hour.rest)
    unpriced = next(numbers) * MICROSECOND
    best, offers = _prices(hour, numbers)
    return Summary(
        window=Window(hour.at, hour.at + HOUR),
        covered=from_seconds(held.covered_seconds),
        best=best,
        offers=offers,
        gpu_time=from_seconds(hour.gpu_seconds),
        hostnode_time=unpriced if offers is None else unpriced + offers.time,
        sources=frozenset({Source.HOURLY}),
    )


def stretches(hours: Iterable[Hour]) -> Iterator[dict[str, Any]]:
    """Yield the rows for hours of one model and day, which come in the order of time."""
    run: list[Hour] = []
    size = 0
    for hour in hours:
        own = len(packed(hour.rest))
        more = 0 if run and hour.rest == run[-1].rest else own
        if run and not (_goes_on(run[-1], hour) and size + more <= _BYTES):
            yield _row(run)
            run, size, more = [], 0, own
        run.append(hour)
        size += more
    if run:
        yield _row(run)


def read(row: Row[Any]) -> Iterator[Hour]:
    """Yield the hours of a stretch."""
    held = Held(
        row.low_at and row.low_at - row.at, *(getattr(row, name) for name in Held._fields[1:])
    )
    numbers = unpacked(row.rest)
    rest: tuple[int, ...] = ()
    for index, gpu_seconds in enumerate(json.loads(row.gpu_seconds)):
        rest = tuple(islice(numbers, next(numbers))) or rest
        yield Hour(row.at + index * HOUR, held, gpu_seconds, rest)


def _held(summary: Summary) -> Held:
    best = summary.best
    times = in_seconds(summary.covered), in_seconds(summary.available)
    if best is None:
        return Held(None, None, None, None, None, *times)
    low_after = best.low_at - summary.window.since
    return Held(low_after, best.low, best.high, best.mean, best.median, *times)


def _goes_on(last: Hour, hour: Hour) -> bool:
    return hour.at == last.at + HOUR and hour.held == last.held


def _row(run: Sequence[Hour]) -> dict[str, Any]:
    first = run[0]
    low_after, *_ = first.held
    return {
        **first.held._asdict(),
        "at": first.at,
        "low_at": None if low_after is None else first.at + low_after,
        "gpu_seconds": json.dumps(
            [_short(each.gpu_seconds) for each in run], separators=(",", ":")
        ),
        "rest": packed(_one_after_the_other(run)),
    }


def _one_after_the_other(run: Iterable[Hour]) -> Iterator[int]:
    """Yield the numbers of each hour, how many come first; none are those of the hour before."""
    last: tuple[int, ...] = ()
    for hour in run:
        if hour.rest == last:
            yield 0
        else:
            yield len(hour.rest)
            yield from hour.rest
        last = hour.rest


def _rest(summary: Summary) -> Iterator[int]:
    best, offers = summary.best, summary.offers
    unpriced = summary.hostnode_time - (offers.time if offers else timedelta(0))
    yield unpriced // MICROSECOND
    if best is None or offers is None:
        return
    if best.low != best.high:
        yield from sketch_of(best).numbers()
    sketch = sketch_of(offers)
    yield from sketch.numbers()
    if sketch.rounded:
        yield from (offers.high, offers.mean)


def _prices(hour: Hour, numbers: Iterator[int]) -> tuple[Prices, Prices] | tuple[None, None]:
    held = hour.held
    low, high, mean = held.best_low, held.best_high, held.best_mean
    if low is None or high is None or held.low_after is None:
        return None, None
    low_at = hour.at + held.low_after
    sketch = rolled.held(low, held.available_seconds) if low == high else Sketch.read(numbers)
    best = Prices.rolled(sketch, low=low, low_at=low_at, high=high, mean=mean)
    sketch = Sketch.read(numbers)
    high, mean = map(NanoDollars, islice(numbers, 2)) if sketch.rounded else (None, None)
    return best, Prices.rolled(sketch, low=low, low_at=low_at, high=high, mean=mean)


def _short(seconds: float) -> float:
    return round(seconds) if seconds % 1 == 0 else seconds
