"""From the intervals of single offers to the best price of each model over time."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple

from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.rules.past import Stretch, Track, micros
from monitor.rules.weights import Microseconds


class Sold(NamedTuple):
    """One offer with a GPU free at one price from `start` to `end`, `None` where it still is.

    With `gap` it was seen at `end` for the last time, and nothing is known of afterwards; without,
    it was seen at `end` to be over.
    """

    gpu: GpuModel
    start: datetime
    end: datetime | None
    gap: bool
    price: NanoDollars


_OVER, _BEGINS, _BREAKS_OFF = range(3)
"""What happens at one instant, in the order in which it counts."""


def tracks(sold: Iterable[Sold], *, until: datetime) -> dict[GpuModel, Track]:
    """Return the best price of each model over time, up to the last good poll at `until`."""
    events: dict[GpuModel, list[tuple[Microseconds, int, NanoDollars]]] = {}
    for each in sold:
        found = events.setdefault(each.gpu, [])
        found.append((micros(each.start), _BEGINS, each.price))
        if each.end is not None:
            found.append((micros(each.end), _BREAKS_OFF if each.gap else _OVER, each.price))
    return {gpu: _track(sorted(found), micros(until)) for gpu, found in events.items()}


def _track(events: list[tuple[Microseconds, int, NanoDollars]], until: Microseconds) -> Track:
    stretches: list[Stretch] = []
    best: NanoDollars | None = None
    for at, price, breaks_off in _best(events):
        if breaks_off:
            # Everything ends here; only what ends last leaves nothing to be had.
            if price is None and best is not None:
                stretches[-1].end, best = at, None
            continue
        if price == best:
            continue
        if best is not None:
            stretches[-1].end = at
        if price is not None:
            stretches.append(Stretch(at, at, price))
        best = price
    if best is not None:
        stretches[-1].end = until
    return Track(stretches=stretches, open=best is not None)


def _best(
    events: list[tuple[Microseconds, int, NanoDollars]],
) -> Iterator[tuple[Microseconds, NanoDollars | None, bool]]:
    """Yield the best price after all that happens alike at one instant, and whether it breaks off.

    What is over and what begins at an instant was seen by one look, and counts at once.
    """
    heap: list[NanoDollars] = []
    over: dict[NanoDollars, int] = {}
    for place, (at, kind, price) in enumerate(events):
        if kind == _BEGINS:
            heappush(heap, price)
        else:
            over[price] = over.get(price, 0) + 1
        following = events[place + 1] if place + 1 < len(events) else None
        breaks_off = kind == _BREAKS_OFF
        if following and following[0] == at and (following[1] == _BREAKS_OFF) == breaks_off:
            continue
        while heap and over.get(heap[0], 0):
            over[heappop(heap)] -= 1
        yield at, heap[0] if heap else None, breaks_off
