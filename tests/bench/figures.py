"""Figures of a benchmark: what was measured, against what, and whether that is too much."""

import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

Act = Callable[[], object]

WARM_UP = 1
"""Rounds that are run first and not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table.

    `measured` and `floor` are in `unit`. `at_most` bounds their ratio, or `measured` itself where
    there is no floor; `None` is a figure to look at.
    """

    what: str
    unit: str
    measured: float
    floor: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor was measured."""
        return None if self.floor is None else self.measured / self.floor

    def within(self, slack: float = 1) -> bool:
        """Return whether the figure keeps to `slack` times its bound; without one it does."""
        if self.at_most is None:
            return True
        bounded = self.measured if self.ratio is None else self.ratio
        return bounded <= slack * self.at_most

    def document(self) -> dict[str, Any]:
        """Return the figure for JSON."""
        return {**asdict(self), "ratio": self.ratio, "ok": self.within()}


def medians(rounds: int, *prepares: Callable[[], Act]) -> list[float]:
    """Return the median milliseconds of each contestant, which take turns in every round.

    A contestant is made ready in each round by its `prepare`, which is not timed. What it returns
    is not thrown away before the time is taken.
    """
    taken: list[list[float]] = [[] for _ in prepares]
    for _ in range(WARM_UP + rounds):
        for times, prepare in zip(taken, prepares, strict=True):
            times.append(_milliseconds(prepare()))
    return [median(times[WARM_UP:]) for times in taken]


def _milliseconds(act: Act) -> float:
    gc.collect()
    started = time.perf_counter()
    result = act()
    ended = time.perf_counter()
    del result
    return 1000 * (ended - started)
