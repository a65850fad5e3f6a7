"""What hours and days have in common as they are stored: lengths of time, and sketches."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Table, and_, select

from monitor.history.sketch import Sketch
from monitor.history.summary import Prices
from monitor.history.window import Window
from monitor.store.schema import gpus

MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


def begun_in(table: Table, marketplace_id: int, window: Window) -> ColumnElement[bool]:
    """Return the condition for a marketplace's rows that begin in a window.

    They are looked for model by model, by the primary key: of other times none is read.
    """
    columns = table.c
    return and_(
        columns.marketplace_id == marketplace_id,
        columns.gpu_id.in_(select(gpus.c.id)),
        columns.at >= window.since,
        columns.at < window.until,
    )


def in_seconds(time: timedelta) -> float:
    """Return a length of time for people with SQL."""
    return time / _SECOND


def from_seconds(seconds: float) -> timedelta:
    """Return the length of time, exact to the microsecond."""
    return round(seconds * 1_000_000) * MICROSECOND


def sketch_of(prices: Prices) -> Sketch:
    """Return the sketch that is kept of prices: rounded if they are too many."""
    return Sketch.of(prices.sketch.weights, rounded=prices.sketch.rounded)


def held(low: int, seconds: float) -> Sketch:
    """Return the sketch of one price, held for so long."""
    return Sketch({low: from_seconds(seconds) // MICROSECOND})
