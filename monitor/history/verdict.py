"""Whether the present best price is good, in one sentence and in the numbers behind it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.history.summary import Low, Summary
from monitor.market.money import NanoDollars, show

_FRESH = timedelta(minutes=15)
_LITTLE_KNOWN = 0.5
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A model's present best price against its past.

    `price` is `None` if it cannot be had; `seen_at` is the last good poll, `None` if there was
    none in the window, which ends at `until`, or none that is kept. `span` says the window, such
    as "30 days". `lowest` is that of all that is known.
    """

    gpu: str
    price: NanoDollars | None
    seen_at: datetime | None
    until: datetime
    span: str
    past: Summary
    lowest: Low | None

    @property
    def lower_than(self) -> float | None:
        """The share of the time in which it could be had and was dearer."""
        best = self.past.best
        return None if best is None or self.price is None else best.share_above(self.price)

    @property
    def higher_than(self) -> float | None:
        """The share of the time in which it could be had and was cheaper."""
        best = self.past.best
        return None if best is None or self.price is None else best.share_below(self.price)

    @property
    def sentence(self) -> str:
        """The verdict for a person."""
        if not self.past.covered and self.seen_at is None:
            return f"nothing is known of {self.gpu} in the last {self.span}"
        parts = [self._present(), self._low()]
        if self.past.coverage < _LITTLE_KNOWN:
            parts.append(f"only {percent(self.past.coverage)} of that time is known")
        return self._as_of() + ", ".join(part for part in parts if part)

    def _present(self) -> str:
        if self.seen_at is None:
            return f"what {self.gpu} cost then is not kept, only what hours and days came to"
        if self.price is None:
            share = self.past.availability or 0
            return (
                f"{self.gpu} cannot be had; in the last {self.span} "
                f"it could be for {percent(share)} of the time"
            )
        return f"cheapest {self.gpu} is {show(self.price)} $/h{self._rank()}"

    def _rank(self) -> str:
        lower, higher = self.lower_than, self.higher_than
        if lower is None or higher is None:
            return f", the first in the last {self.span}"
        same = max(1 - lower - higher, 0)
        if same > max(lower, higher):
            return f", as for {percent(same)} of the last {self.span}"
        if lower >= higher:
            return f", lower than {percent(lower)} of the last {self.span}"
        return f", higher than {percent(higher)} of the last {self.span}"

    def _low(self) -> str:
        if self.lowest is None:
            return ""
        if self.price is not None and self.price <= self.lowest.low:
            return "which is the historical low"
        return f"historical low {show(self.lowest.low)} on {day(self.lowest.low_at, self.until)}"

    def _as_of(self) -> str:
        if self.seen_at is None or self.until - self.seen_at <= _FRESH:
            return ""
        return f"as of {self.seen_at:%H:%M} UTC on {day(self.seen_at, self.until)}: "


def percent(share: float) -> str:
    """Return a share for a person; what is not all or nothing is not shown as such."""
    rounded = round(100 * share)
    if rounded == 100 and share < 1:  # noqa: PLR2004  per cent
        return "over 99 %"
    if rounded == 0 and share > 0:
        return "under 1 %"
    return f"{rounded} %"


def day(at: datetime, now: datetime) -> str:
    """Return a date for a person, with its year if it is another one than now."""
    year = "" if at.year == now.year else f" {at.year}"
    return f"{at.day} {_MONTHS[at.month - 1]}{year}"
