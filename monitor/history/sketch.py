"""A mergeable summary of values and the time each was held, for quantiles.

It is exact for up to `EXACT_VALUES` different values. With more, values are rounded to buckets
whose bounds grow by a constant factor (the idea of DDSketch, Masson et al., VLDB 2019), so that
each is off by at most `RELATIVE_ERROR`, however often sketches are merged. Merging is associative
and commutative: a sketch is rounded if one of its parts is, or if their values together are too
many, and both can only come about, never go.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

RELATIVE_ERROR = 0.01
EXACT_VALUES = 32

_ALPHA = 0.0099  # the rest of the error is for rounding to whole nano-dollars
_GAMMA = (1 + _ALPHA) / (1 - _ALPHA)
_LOG_GAMMA = math.log(_GAMMA)
_SMALL = 10_000
"""Below a hundred-thousandth of a dollar whole nano-dollars are too coarse, and nothing is sold."""
_ROUNDED = 1


@dataclass(frozen=True, slots=True)
class Sketch:
    """For how many microseconds each value (nano-dollars) was held; `rounded` if to buckets."""

    weights: Mapping[int, int]
    rounded: bool = False

    @classmethod
    def of(cls, weights: Mapping[int, int], *, rounded: bool = False) -> Self:
        """Return the sketch of exact weights, rounded if there are too many."""
        if not rounded and len(weights) <= EXACT_VALUES:
            return cls(dict(weights))
        buckets: Counter[int] = Counter()
        for value, weight in weights.items():
            buckets[_bucket(value)] += weight
        return cls(dict(buckets), rounded=True)

    def __add__(self, other: "Sketch") -> "Sketch":
        return Sketch.merged((self, other))

    @classmethod
    def merged(cls, sketches: Iterable["Sketch"]) -> Self:
        """Return the sketch of all that `sketches` have seen."""
        weights: Counter[int] = Counter()
        rounded = False
        for sketch in sketches:
            weights.update(sketch.weights)
            rounded |= sketch.rounded
        return cls.of(weights, rounded=rounded)

    def quantile(self, share: float) -> int:
        """Return the lowest value that was held, or undercut, for `share` of the time.

        It is one of the values, or off by at most `RELATIVE_ERROR` if `rounded`.
        """
        values = sorted(self.weights)
        until = list(accumulate(self.weights[value] for value in values))
        return values[min(bisect_left(until, share * until[-1]), len(values) - 1)]

    def share_above(self, value: int) -> float:
        """Return the share of the time in which a higher value was held."""
        held = sum(self.weights.values())
        return sum(weight for each, weight in self.weights.items() if each > value) / held

    def packed(self) -> bytes:
        """Return the sketch in few bytes."""
        numbers = [_ROUNDED if self.rounded else 0]
        before = 0
        for value, weight in sorted(self.weights.items()):
            numbers += [value - before, weight]
            before = value
        return b"".join(map(_varint, numbers))

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """Return what `packed` made bytes of."""
        flags, *numbers = _varints(packed)
        values = accumulate(numbers[::2])
        return cls(dict(zip(values, numbers[1::2], strict=True)), rounded=flags == _ROUNDED)


def _bucket(value: int) -> int:
    """Return the middle of the bucket of `value`, which is its own bucket's middle too."""
    if value < _SMALL:
        return value
    bound = math.ceil(math.log(value) / _LOG_GAMMA)
    return round(2 * _GAMMA**bound / (_GAMMA + 1))


def _varint(number: int) -> bytes:
    """Return seven bits to a byte, the lowest first; the eighth says that more follow."""
    found = bytearray()
    while number > 0x7F:  # noqa: PLR2004  seven bits
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _varints(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield number
            number = shift = 0
