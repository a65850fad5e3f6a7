"""Prices, each with the time for which it held: sorted, and cheap to change and to ask.

They stand in blocks of a few hundred, each with the sum of its times, so that neither a change nor
a question walks over all of them: a month can hold ten thousand different prices.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate

from monitor.market.money import NanoDollars

Microseconds = int


class Weights:
    """How long each price held, within whatever is counted now; `total` is the sum.

    A price stays, be it with no time, as long as it is counted for something. A block with more
    than `largest` prices is halved.
    """

    def __init__(self, largest: int = 256) -> None:
        self._largest = largest
        self.total: Microseconds = 0
        self._blocks: list[_Block] = []
        self._highest: list[NanoDollars] = []

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __iter__(self) -> Iterator[tuple[NanoDollars, Microseconds]]:
        for block in self._blocks:
            yield from zip(block.prices, block.times, strict=True)

    @property
    def lowest(self) -> NanoDollars:
        """The lowest price; there must be one."""
        return self._blocks[0].prices[0]

    @property
    def highest(self) -> NanoDollars:
        """The highest price; there must be one."""
        return self._highest[-1]

    def add(self, price: NanoDollars, time: Microseconds, count: int) -> None:
        """Let `price` hold for so much more time, and be counted so many times more."""
        if not self._blocks:
            self._blocks.append(_Block())
            self._highest.append(price)
        place = min(bisect_left(self._highest, price), len(self._blocks) - 1)
        block = self._blocks[place]
        block.add(price, time, count)
        self.total += time
        if not block.prices:
            del self._blocks[place], self._highest[place]
            return
        if len(block.prices) > self._largest:
            self._blocks.insert(place + 1, block.halve())
            self._highest.insert(place + 1, self._blocks[place + 1].prices[-1])
        self._highest[place] = block.prices[-1]

    def at(self, time: Microseconds) -> NanoDollars:
        """Return the lowest price at or below which the price was for more than `time`.

        That is the highest one where it was not for so long at any. There must be one.
        """
        for block in self._blocks:
            if block.total > time:
                return block.prices[bisect_right(list(accumulate(block.times)), time)]
            time -= block.total
        return self.highest

    def above(self, price: NanoDollars) -> Microseconds:
        """Return for how long the price was higher than `price`."""
        place = bisect_right(self._highest, price)
        later = sum(block.total for block in self._blocks[place + 1 :])
        return later + (self._blocks[place].above(price) if place < len(self._blocks) else 0)


class _Block:
    """Some neighbouring prices."""

    def __init__(self) -> None:
        self.total: Microseconds = 0
        self.prices: list[NanoDollars] = []
        self.times: list[Microseconds] = []
        self.counts: list[int] = []

    def add(self, price: NanoDollars, time: Microseconds, count: int) -> None:
        place = bisect_left(self.prices, price)
        if place == len(self.prices) or self.prices[place] != price:
            self.prices.insert(place, price)
            self.times.insert(place, 0)
            self.counts.insert(place, 0)
        self.times[place] += time
        self.counts[place] += count
        self.total += time
        if not self.counts[place]:
            del self.prices[place], self.times[place], self.counts[place]

    def halve(self) -> "_Block":
        """Take the upper half out, and return it."""
        half, other = len(self.prices) // 2, _Block()
        other.prices, self.prices = self.prices[half:], self.prices[:half]
        other.times, self.times = self.times[half:], self.times[:half]
        other.counts, self.counts = self.counts[half:], self.counts[:half]
        other.total = sum(other.times)
        self.total -= other.total
        return other

    def above(self, price: NanoDollars) -> Microseconds:
        return sum(self.times[bisect_right(self.prices, price) :])
