"""What is spent and could still be spent, so that no day and no month exceeds its limit.

The rule: a purchase is allowed if, for today and for tomorrow (UTC), what was spent, and what all
that counts could still spend in that day if nothing ended early, and what the new one could, stays
within the limit; likewise for this month and the next. What has no end could go on for the whole
of tomorrow and of the next month, so an instance without `time_to_live` or `stop_when_spent` must
fit into them. Days after tomorrow need no look: nothing that ends later begins later.

Each instance is reckoned with one more hour at least, for a deletion can take its time: that is
what a day may be exceeded by, should the marketplace not delete when asked.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from monitor.grab.grab import Grab, GrabStatus
from monitor.market.money import NanoDollars

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONTH = timedelta(days=31)
"""The longest there is: what fits into it fits into any."""

_FOR_EVER = timedelta(days=100)
_TICK = timedelta.resolution
_TICKS_PER_HOUR = HOUR // _TICK  # a rate times a duration is more than a timedelta can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Money that could be spent: up to `rate` nano-dollars per hour in `[start, end)`.

    `most` is all that could be spent, whenever: what is billed at less than `rate` lasts longer.
    """

    rate: NanoDollars
    start: datetime
    end: datetime
    most: int | None = None

    def within(self, start: datetime, end: datetime) -> int:
        """Return the nano-dollars of it in a window, rounded up."""
        overlap = (min(self.end, end) - max(self.start, start)) // _TICK
        whole = -(-self.rate * max(overlap, 0) // _TICKS_PER_HOUR)
        return whole if self.most is None else min(whole, self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A day or a month: `[start, end)`, and the days of it on which money was spent already."""

    name: str
    start: datetime
    end: datetime

    def spent(self, days: Mapping[date, int]) -> int:
        """Return what was spent in it, of what was spent on `days`."""
        return sum(amount for day, amount in days.items() if self.start <= midnight(day) < self.end)


def midnight(day: date) -> datetime:
    """Return when a day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


def days(now: datetime) -> tuple[Window, Window]:
    """Return today and tomorrow."""
    start = midnight(now.date())
    return (
        Window(name="today", start=start, end=start + DAY),
        Window(name="tomorrow", start=start + DAY, end=start + 2 * DAY),
    )


def months(now: datetime) -> tuple[Window, Window]:
    """Return this month and the next one, as if it were the longest."""
    start = midnight(now.date().replace(day=1))
    turn = midnight((start + MONTH).date().replace(day=1))
    return (
        Window(name="this month", start=start, end=turn),
        Window(name="next month", start=turn, end=turn + MONTH),
    )


def stretch(grab: Grab, now: datetime) -> Stretch:
    """Return what a grab that counts could spend from what is counted already on."""
    start = grab.spent_until or grab.submitted_at or now
    return ahead(
        rate=grab.rate,
        start=start,
        time_left=None if grab.time_to_live is None else _ends(grab, now) - start,
        money_left=None if grab.stop_when_spent is None else grab.stop_when_spent - grab.spent,
        deleting=grab.status is GrabStatus.DELETING,
        now=now,
    )


def ahead(
    *,
    rate: NanoDollars,
    start: datetime,
    time_left: timedelta | None,
    money_left: int | None,
    now: datetime,
    deleting: bool = False,
) -> Stretch:
    """Return what could be spent from `start` on, until time or money is used up."""
    soon = now + HOUR
    if deleting:
        return Stretch(rate=rate, start=start, end=soon)
    end = max(start + (_FOR_EVER if time_left is None else time_left), soon)
    if money_left is None:
        return Stretch(rate=rate, start=start, end=end)
    least = Stretch(rate=rate, start=start, end=soon).within(start, soon)
    return Stretch(rate=rate, start=start, end=end, most=max(money_left, least))


def by_day(rate: NanoDollars, start: datetime, end: datetime) -> Iterator[tuple[date, NanoDollars]]:
    """Yield what `[start, end)` costs on each of its days, rounded up to whole nano-dollars."""
    whole = Stretch(rate=rate, start=start, end=end)
    day = start.date()
    while midnight(day) < end:
        amount = whole.within(midnight(day), midnight(day) + DAY)
        if amount:
            yield day, NanoDollars(amount)
        day += DAY


def could(stretches: Iterable[Stretch], window: Window) -> int:
    """Return the nano-dollars that all of them could spend in a window."""
    return sum(each.within(window.start, window.end) for each in stretches)


def _ends(grab: Grab, now: datetime) -> datetime:
    return grab.ends_at or now + (grab.time_to_live or timedelta(0))
