"""Conditions against history: an offer's price beside the best prices of its model before.

Each comes to a limit per GPU model: an offer meets the condition if its price is at or below it.
Where too little of the window is known there is no limit, and no offer meets it.
"""

from datetime import timedelta
from enum import StrEnum
from typing import assert_never

from monitor.history.verdict import percent
from monitor.market.money import NanoDollars
from monitor.market.value import value
from monitor.rules.past import Look

WHOLE = 100_000
"""Thousandths of a percent in the whole."""


class Yardstick(StrEnum):
    """What of the past a price is measured against; `match` names them the same."""

    MEDIAN = "below_median"
    PERCENTILE = "below_percentile"
    LOW = "historical_low"
    HIGH = "drop"


@value
class Against:
    """A price that is low beside the best prices of the model within `window` before the poll.

    `milli` is in thousandths of a percent, so that limits are exact: by how much a price must be
    below the median or the highest one, or the percentile. `min_coverage` is the share of the
    window that must have been polled.
    """

    yardstick: Yardstick
    window: timedelta
    milli: int = 0
    min_coverage: float = 0.5

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        percent, span = f"{self.milli / 1000:g} %", shown_span(self.window)
        match self.yardstick:
            case Yardstick.MEDIAN:
                return (
                    f"{percent} below the median of {span}"
                    if self.milli
                    else (f"below the median of {span}")
                )
            case Yardstick.PERCENTILE:
                return f"cheaper than {100 - self.milli / 1000:g} % of {span}"
            case Yardstick.LOW:
                return f"the lowest of {span}"
            case Yardstick.HIGH:
                return f"{percent} below the highest of {span}"
            case _:
                assert_never(self.yardstick)


@value
class Bound:
    """The limit that a condition sets for one model (nano-dollars), or why there is none.

    `below` is the price that one has to be below, where it is not enough to be as cheap.
    """

    limit: NanoDollars | None
    below: NanoDollars | None = None
    why: str = ""


def bound(condition: Against, look: Look) -> Bound:
    """Return the limit at or below which a price meets `condition`, by what `look` knows.

    - `below_median`: the median less `percent`; strictly below the median if that is 0.
    - `below_percentile`: below the price that was undercut for no more than that share of the
      time, so that one is cheaper than all of the rest of it.
    - `historical_low`: the lowest price, if there was a higher one: a price that never moved is
      no news.
    - `drop`: the highest price less `percent`.
    """
    if look.covered < condition.min_coverage:
        return Bound(
            limit=None,
            why=f"{percent(look.covered)} of {shown_span(condition.window)} is known, "
            f"wanted {percent(condition.min_coverage)}",
        )
    if not look.had:
        why = f"was not to be had within {shown_span(condition.window)}"
        return Bound(limit=None, why=why)
    return _bound(condition, look)


def _bound(condition: Against, look: Look) -> Bound:
    match condition.yardstick:
        case Yardstick.MEDIAN if condition.milli:
            return Bound(limit=_less(look.median, condition.milli))
        case Yardstick.MEDIAN:
            return _below(look.median)
        case Yardstick.PERCENTILE:
            return _below(look.undercut_for(condition.milli))
        case Yardstick.LOW if look.best.lowest == look.best.highest:
            why = f"the best price did not move within {shown_span(condition.window)}"
            return Bound(limit=None, why=why)
        case Yardstick.LOW:
            return Bound(limit=look.best.lowest)
        case Yardstick.HIGH:
            return Bound(limit=_less(look.best.highest, condition.milli))
        case _:
            assert_never(condition.yardstick)


def _below(price: NanoDollars) -> Bound:
    return Bound(limit=NanoDollars(price - 1), below=price)


def _less(price: NanoDollars, milli: int) -> NanoDollars:
    return NanoDollars(price * (WHOLE - milli) // WHOLE)


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def shown_span(span: timedelta) -> str:
    """Return a duration in the largest unit that tells it whole: `30 d`, `90 min`."""
    seconds = int(span.total_seconds())
    size, unit = next((each for each in _UNITS if seconds and not seconds % each[0]), (1, "s"))
    return f"{seconds // size} {unit}"
