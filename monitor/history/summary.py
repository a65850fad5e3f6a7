"""What a stretch of the past comes to, weighted by time, with how much of it is known.

Summaries of stretches that do not overlap are added to that of both: minimum, maximum, coverage,
availability and counts stay exact, means to a nano-dollar, and quantiles as `Sketch` says.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from monitor.history.pieces import Offered, Piece, Value, lowest, on_sale, time_of
from monitor.history.sketch import Sketch
from monitor.history.window import Window
from monitor.market.money import NanoDollars

_MICROSECOND = timedelta(microseconds=1)


class Source(StrEnum):
    """What an answer was made from."""

    RAW = "raw"
    HOURLY = "hourly"
    DAILY = "daily"


class Low(NamedTuple):
    """The lowest price there was, and when it was first seen."""

    low: NanoDollars
    low_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices and for how long each was held, in nano-dollars per hour.

    `low_at` is when the lowest was first seen, in a roll-up the beginning of its hour or day.
    `total` is the sum of price times microseconds.
    """

    low: NanoDollars
    low_at: datetime
    high: NanoDollars
    total: int
    sketch: Sketch

    @classmethod
    def of(cls, pieces: Sequence[Piece[NanoDollars]]) -> "Prices | None":
        """Return the prices of pieces, which may overlap; `None` if there are none."""
        if not pieces:
            return None
        weights: Counter[int] = Counter()
        for since, until, value in pieces:
            weights[value] += (until - since) // _MICROSECOND
        low, low_at = min((piece.value, piece.since) for piece in pieces)
        return cls(
            low=low,
            low_at=low_at,
            high=NanoDollars(max(weights)),
            total=sum(value * weight for value, weight in weights.items()),
            sketch=Sketch(dict(weights)),
        )

    @classmethod
    def rolled(
        cls,
        sketch: Sketch,
        *,
        low: NanoDollars,
        low_at: datetime,
        high: NanoDollars | None,
        mean: NanoDollars | None,
    ) -> "Prices":
        """Return prices from what a roll-up tells; a rounded sketch needs `high` and `mean`."""
        if high is None or mean is None or not sketch.rounded:
            high = NanoDollars(max(sketch.weights))
            total = sum(value * weight for value, weight in sketch.weights.items())
        else:
            total = mean * sum(sketch.weights.values())
        return cls(low=low, low_at=low_at, high=high, total=total, sketch=sketch)

    @property
    def lowest(self) -> Low:
        """The lowest of them, and when it was."""
        return Low(self.low, self.low_at)

    @property
    def time(self) -> timedelta:
        """For how long there was a price."""
        return sum(self.sketch.weights.values()) * _MICROSECOND

    @property
    def mean(self) -> NanoDollars:
        """The mean over that time."""
        return NanoDollars(round(self.total / (self.time // _MICROSECOND)))

    @property
    def median(self) -> NanoDollars:
        """The price that was held or undercut for half of the time."""
        return self.quantile(0.5)

    @property
    def is_exact(self) -> bool:
        """Whether quantiles are exact; if not they are off by up to `RELATIVE_ERROR`."""
        return not self.sketch.rounded

    def quantile(self, share: float) -> NanoDollars:
        """Return the price that was held or undercut for `share` of the time."""
        return NanoDollars(min(max(self.sketch.quantile(share), self.low), self.high))

    def share_above(self, price: NanoDollars) -> float:
        """Return the share of the time in which the price was higher than `price`."""
        return self.sketch.share_above(price)

    def share_below(self, price: NanoDollars) -> float:
        """Return the share of the time in which the price was lower than `price`."""
        return self.sketch.share_below(price)

    @classmethod
    def merged(cls, parts: Sequence["Prices"]) -> "Prices | None":
        """Return the prices of all parts together; `None` if there are none."""
        if not parts:
            return None
        low, low_at = min((each.low, each.low_at) for each in parts)
        return cls(
            low=low,
            low_at=low_at,
            high=max(each.high for each in parts),
            total=sum(each.total for each in parts),
            sketch=Sketch.merged(each.sketch for each in parts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is known of a part of the market in a window.

    `covered` is the time of continuous polling in it; nothing is known of the rest. `best` is the
    best price, whose `time` is the time in which there was one: at least one GPU free on a priced
    offer. `offers` are the prices of all offers, each for as long as it could be had. `gpu_time`
    and `hostnode_time` sum up the time of each free GPU and of each hostnode with one.
    """

    window: Window
    covered: timedelta = timedelta(0)
    best: Prices | None = None
    offers: Prices | None = None
    gpu_time: timedelta = timedelta(0)
    hostnode_time: timedelta = timedelta(0)
    sources: frozenset[Source] = field(default_factory=frozenset)

    @property
    def available(self) -> timedelta:
        """The time in which it could be had."""
        return timedelta(0) if self.best is None else self.best.time

    @property
    def coverage(self) -> float:
        """The share of the window that was polled, 0 to 1."""
        return self.covered / self.window.length if self.window.length else 0.0

    @property
    def availability(self) -> float | None:
        """The share of the polled time in which it could be had; `None` if nothing was polled."""
        return self._mean(self.available)

    @property
    def gpus_free(self) -> float | None:
        """The mean number of free GPUs in the polled time."""
        return self._mean(self.gpu_time)

    @property
    def hostnodes_offering(self) -> float | None:
        """The mean number of hostnodes with a free GPU in the polled time."""
        return self._mean(self.hostnode_time)

    def _mean(self, time: timedelta) -> float | None:
        return time / self.covered if self.covered else None


def combined(window: Window, parts: Iterable[Summary]) -> Summary:
    """Return the summary of a window from those of parts of it that do not overlap."""
    each = list(parts)
    if len(each) == 1 and each[0].window == window:
        return each[0]
    return Summary(
        window=window,
        covered=sum((part.covered for part in each), timedelta(0)),
        best=Prices.merged([part.best for part in each if part.best is not None]),
        offers=Prices.merged([part.offers for part in each if part.offers is not None]),
        gpu_time=sum((part.gpu_time for part in each), timedelta(0)),
        hostnode_time=sum((part.hostnode_time for part in each), timedelta(0)),
        sources=frozenset().union(*(part.sources for part in each)),
    )


def covered_time(windows: Sequence[Window], covered: Sequence[Window]) -> list[timedelta]:
    """Return how much of each of `windows` (in order, not overlapping) lies in `covered`."""
    stretches = (Piece(since, until, None) for since, until in covered)
    return [time_of(pieces) for pieces in _cut(windows, stretches)]


def summed_up(
    windows: Sequence[Window], covered: Sequence[Window], offered: Sequence[Offered]
) -> list[Summary]:
    """Return the summary of each of `windows` (in order, not overlapping) from raw history.

    `covered` are the stretches of continuous polling; `offered` is what each of the offers was
    (of as many as there are, in any order), within them.
    """
    cover = covered_time(windows, covered)
    sold = list(on_sale(offered))
    best = _cut(windows, lowest(sold))
    prices = _cut(windows, sold)
    free = _cut(windows, [Piece(o.since, o.until, o.available) for o in offered if o.available])
    return [
        Summary(
            window=window,
            covered=cover[index],
            best=Prices.of(best[index]),
            offers=Prices.of(prices[index]),
            gpu_time=sum(((p.until - p.since) * p.value for p in free[index]), timedelta(0)),
            hostnode_time=time_of(free[index]),
            sources=frozenset({Source.RAW}) if cover[index] else frozenset(),
        )
        for index, window in enumerate(windows)
    ]


def _cut(windows: Sequence[Window], pieces: Iterable[Piece[Value]]) -> Sequence[list[Piece[Value]]]:
    """Return the parts of pieces that lie in each window."""
    found: list[list[Piece[Value]]] = [[] for _ in windows]
    ends = [window.until for window in windows]
    for piece in pieces:
        since, until, value = piece
        for index in range(bisect_right(ends, since), len(windows)):
            window = windows[index]
            if window.since >= until:
                break
            if window.since <= since and until <= window.until:
                found[index].append(piece)
                continue
            start, end = max(since, window.since), min(until, window.until)
            if start < end:
                found[index].append(Piece(start, end, value))
    return found
