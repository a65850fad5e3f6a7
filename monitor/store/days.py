"""Days as they are stored: a row for each model, of plain columns for people with SQL."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert

from monitor.history.sketch import Sketch
from monitor.history.summary import Prices, Source, Summary
from monitor.history.varints import packed, unpacked
from monitor.history.window import DAY, Window
from monitor.market.money import NanoDollars
from monitor.store.rolled import begun_in, from_seconds, held, in_seconds, sketch_of
from monitor.store.schema import daily_rollups


def replace(
    connection: Connection,
    marketplace_id: int,
    window: Window,
    told: Mapping[int, Iterable[Summary]],
) -> None:
    """Put days, by their model's key, in the place of all those that begin in a window."""
    connection.execute(delete(daily_rollups).where(begun_in(daily_rollups, marketplace_id, window)))
    rows = [
        {"marketplace_id": marketplace_id, "gpu_id": gpu, **_values(each)}
        for gpu, days in told.items()
        for each in days
    ]
    if rows:
        connection.execute(insert(daily_rollups), rows)


def summary_of(row: Row[Any]) -> Summary:
    """Return what a day came to."""
    return Summary(
        window=Window(row.at, row.at + DAY),
        covered=from_seconds(row.covered_seconds),
        best=_prices(row, row.best_high, row.best_mean, row.available_seconds, row.best_sketch),
        offers=_prices(row, row.offers_high, row.offers_mean, row.offer_seconds, row.offers_sketch),
        gpu_time=from_seconds(row.gpu_seconds),
        hostnode_time=from_seconds(row.hostnode_seconds),
        sources=frozenset({Source.DAILY}),
    )


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
        "covered_seconds": in_seconds(summary.covered),
        "available_seconds": in_seconds(summary.available),
        "offer_seconds": in_seconds(sold.time) if sold else 0.0,
        "gpu_seconds": in_seconds(summary.gpu_time),
        "hostnode_seconds": in_seconds(summary.hostnode_time),
        "best_sketch": _sketch(best),
        "offers_sketch": _sketch(sold),
    }


def _sketch(prices: Prices | None) -> bytes | None:
    """Return the sketch's bytes; without them there was one price all the time."""
    if prices is None or prices.low == prices.high:
        return None
    return packed(sketch_of(prices).numbers())


def _prices(
    row: Row[Any],
    high: NanoDollars | None,
    mean: NanoDollars | None,
    seconds: float,
    sketch: bytes | None,
) -> Prices | None:
    if high is None:
        return None
    return Prices.rolled(
        held(row.best_low, seconds) if sketch is None else Sketch.read(unpacked(sketch)),
        low=row.best_low,
        low_at=row.low_at,
        high=high,
        mean=mean,
    )
