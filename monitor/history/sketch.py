"""A mergeable summary of values and the time each was held, for quantiles.

What is stored is exact for up to `EXACT_VALUES` different values. With more, values are rounded to
buckets whose bounds grow by a constant factor (the idea of DDSketch, Masson et al., VLDB 2019), so
that each is off by at most `RELATIVE_ERROR`, however often sketches are merged. Merging is
associative and commutative: a sketch is rounded if one of its parts is.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Self

RELATIVE_ERROR = 0.01
EXACT_VALUES = 32

_ALPHA = 0.0099  # the rest of the error is for rounding to whole nano-dollars
_GAMMA = (1 + _ALPHA) / (1 - _ALPHA)
_LOG_GAMMA = math.log(_GAMMA)
_SMALL = 10_000
"""Below a hundred-thousandth of a dollar whole nano-dollars are too coarse, and nothing is sold."""
_HOUR = 3_600_000_000
_DOLLAR_ZEROS = 9


@dataclass(frozen=True, slots=True)
class Sketch:
    """For how many microseconds each value (nano-dollars) was held; `rounded` if to buckets."""

    weights: Mapping[int, int]
    rounded: bool = False

    @classmethod
    def of(cls, weights: Mapping[int, int], *, rounded: bool = False) -> Self:
        """Return the sketch that is stored of weights, rounded if there are too many."""
        if not rounded and len(weights) <= EXACT_VALUES:
            return cls(dict(weights))
        buckets: Counter[int] = Counter()
        for value, weight in weights.items():
            buckets[_bucket(value)] += weight
        return cls(dict(buckets), rounded=True)

    @classmethod
    def merged(cls, sketches: Iterable["Sketch"]) -> Self:
        """Return the sketch of all that `sketches` have seen."""
        weights: Counter[int] = Counter()
        rounded = False
        for sketch in sketches:
            weights.update(sketch.weights)
            rounded |= sketch.rounded
        return cls.of(weights, rounded=True) if rounded else cls(dict(weights))

    def quantile(self, share: float) -> int:
        """Return the lowest value that was held, or undercut, for `share` of the time.

        It is one of the values, or off by at most `RELATIVE_ERROR` if `rounded`.
        """
        values = sorted(self.weights)
        until = list(accumulate(self.weights[value] for value in values))
        return values[min(bisect_left(until, share * until[-1]), len(values) - 1)]

    def share_above(self, value: int) -> float:
        """Return the share of the time in which a higher value was held.

        If `rounded`, what lies in the bucket of `value` counts as the same, here and below.
        """
        value = _bucket(value) if self.rounded else value
        return self._share(weight for each, weight in self.weights.items() if each > value)

    def share_below(self, value: int) -> float:
        """Return the share of the time in which a lower value was held."""
        value = _bucket(value) if self.rounded else value
        return self._share(weight for each, weight in self.weights.items() if each < value)

    def _share(self, weights: Iterable[int]) -> float:
        return sum(weights) / sum(self.weights.values())

    def numbers(self) -> Iterator[int]:
        """Yield whole numbers, small ones for round prices and whole hours, that say it all.

        First how many there are of `value, hours, microseconds`; then what they are of: 2 for each
        decimal zero that all values end in, 1 if `rounded`. Each value is given by its difference
        to the one before, without those zeros.
        """
        zeros = _common_zeros(self.weights)
        yield len(self.weights)
        yield 2 * zeros + self.rounded
        before = 0
        for value, weight in sorted(self.weights.items()):
            yield (value - before) // 10**zeros
            yield from divmod(weight, _HOUR)
            before = value

    @classmethod
    def read(cls, numbers: Iterator[int]) -> Self:
        """Take the numbers of one sketch from `numbers`, and return it."""
        count, flags = islice(numbers, 2)
        zeros, rounded = divmod(flags, 2)
        weights = {}
        value = 0
        for _ in range(count):
            more, hours, rest = islice(numbers, 3)
            value += more * 10**zeros
            weights[value] = hours * _HOUR + rest
        return cls(weights, rounded=bool(rounded))


def _bucket(value: int) -> int:
    """Return the middle of the bucket of `value`, which is its own bucket's middle too."""
    if value < _SMALL:
        return value
    bound = math.ceil(math.log(value) / _LOG_GAMMA)
    return round(2 * _GAMMA**bound / (_GAMMA + 1))


def _common_zeros(values: Iterable[int]) -> int:
    """Return how many decimal zeros all values end in; nine make a dollar."""
    common = math.gcd(*values)
    return next(zeros for zeros in range(_DOLLAR_ZEROS, -1, -1) if common % 10**zeros == 0)
