"""The past by the plainest means, from the good polls themselves: what statistics must agree with.

Time is cut at every poll; each stretch is what the poll at its beginning saw.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from monitor.history.window import Window
from monitor.market.offer import Offer
from monitor.market.snapshot import Snapshot
from tests.contract.samples import MINUTE

Price = Callable[[Offer], int | None]


def per_gpu(offer: Offer) -> int | None:
    return offer.price


@dataclass(slots=True)
class Past:
    """What is known of one GPU model in a window; weights are microseconds."""

    covered: timedelta = timedelta(0)
    best: Counter[int] = field(default_factory=Counter)
    offers: Counter[int] = field(default_factory=Counter)
    gpu_time: timedelta = timedelta(0)
    hostnode_time: timedelta = timedelta(0)


def stretches(
    good: Sequence[Snapshot], window: Window, bridged: timedelta
) -> Iterator[tuple[Window, Snapshot]]:
    """Yield each stretch of a window of which something is known, and what was seen then."""
    for seen, after in pairwise(good):
        if after.at - seen.at <= bridged:
            stretch = Window(seen.at, after.at).clip(window)
            if stretch.length:
                yield stretch, seen


def past(
    good: Sequence[Snapshot],
    window: Window,
    gpu: str,
    *,
    selects: Callable[[Offer], bool] = lambda _: True,
    price: Price = per_gpu,
    bridged: timedelta = 3 * MINUTE,
) -> Past:
    """Return what the polls tell about a GPU model in a window; longer is not `bridged`."""
    found = Past()
    for stretch, seen in stretches(good, window, bridged):
        found.covered += stretch.length
        free = [o for o in seen.offers if o.gpu == gpu and o.available and selects(o)]
        prices = [each for each in map(price, free) if each is not None]
        weight = stretch.length // timedelta(microseconds=1)
        found.offers.update({each: weight * prices.count(each) for each in set(prices)})
        if prices:
            found.best[min(prices)] += weight
        found.gpu_time += sum(o.available for o in free) * stretch.length
        found.hostnode_time += len(free) * stretch.length
    return found


def quantile(weights: Counter[int], share: float) -> int:
    """Return the first value at which `share` of the weight is reached, counting one by one."""
    reached = 0
    for value in sorted(weights):
        reached += weights[value]
        if reached >= share * weights.total():
            return value
    raise AssertionError("no weight")


def mean(weights: Counter[int]) -> float:
    return sum(value * weight for value, weight in weights.items()) / weights.total()
