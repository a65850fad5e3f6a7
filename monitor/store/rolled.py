"""What hours and days have in common as they are stored: lengths of time, and sketches."""

from datetime import timedelta

from monitor.history.sketch import Sketch
from monitor.history.summary import Prices

MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


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
