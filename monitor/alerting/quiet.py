"""Quiet hours: the part of the day in which nothing is told, on the clock of a place.

Instants are compared, not readings of the clock: where the clock goes back over the end, quiet
hours end at the second time it shows it, and a reading that a clock set forward never shows is
the instant at which it would have been shown (PEP 495).
"""

from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from monitor.market.value import value
from monitor.rules.alert import Severity

EVERY_DAY = tuple(range(7))
_DAY = timedelta(days=1)


class QuietThen(StrEnum):
    """What becomes of what would have been told."""

    HOLD = "hold"
    """It is told, summed up, when quiet hours end."""
    DROP = "drop"
    """It is not told; what still fires when quiet hours end is."""


@value
class QuietHours:
    """From `begin` to `end` (or `end` of the next day) on the clocks of `zone`.

    `days` are those on which quiet hours begin, Monday is 0. Alerts of `urgent` severities are
    told all the same.
    """

    begin: time
    end: time
    zone: tzinfo
    days: tuple[int, ...] = EVERY_DAY
    then: QuietThen = QuietThen.HOLD
    urgent: tuple[Severity, ...] = (Severity.CRITICAL,)

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours end that `now` lies in, in UTC, or `None`."""
        today = now.astimezone(self.zone).date()
        for day in (today - _DAY, today):
            ends_on = day if self.begin < self.end else day + _DAY
            begins = datetime.combine(day, self.begin, self.zone).astimezone(UTC)
            end = datetime.combine(ends_on, self.end, self.zone)
            ends = max(end.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
            if day.weekday() in self.days and begins <= now < ends:
                return ends
        return None
