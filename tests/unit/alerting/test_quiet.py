"""Quiet hours, on days of 23, 24 and 25 hours."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.quiet import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")


def quiet(begin: str = "22:00", end: str = "07:00", **changes: Any) -> QuietHours:
    return QuietHours(
        begin=time.fromisoformat(begin), end=time.fromisoformat(end), zone=BERLIN, **changes
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (quiet(), "2026-01-10 20:59", None),
        (quiet(), "2026-01-10 21:00", "2026-01-11 06:00"),
        (quiet(), "2026-01-11 05:59", "2026-01-11 06:00"),
        (quiet(), "2026-01-11 06:00", None),
        (quiet(), "2026-07-10 20:30", "2026-07-11 05:00"),
        (quiet("12:00", "14:00"), "2026-01-10 12:30", "2026-01-10 13:00"),
        (quiet("12:00", "14:00"), "2026-01-10 10:30", None),
        # The night of 28 March 2026 is an hour short, that of 24 October an hour long.
        (quiet(), "2026-03-28 21:00", "2026-03-29 05:00"),
        (quiet(), "2026-10-24 20:00", "2026-10-25 06:00"),
        # 02:30 is not shown on 29 March: it would have been at 01:30 UTC.
        (quiet("22:00", "02:30"), "2026-03-29 01:29", "2026-03-29 01:30"),
        (quiet("02:30", "07:00"), "2026-03-29 01:31", "2026-03-29 05:00"),
        (quiet("02:30", "07:00"), "2026-03-29 01:29", None),
        # On 25 October 02:30 is shown twice: quiet from the first until the second time.
        (quiet("22:00", "02:30"), "2026-10-25 01:29", "2026-10-25 01:30"),
        (quiet("02:30", "07:00"), "2026-10-25 00:30", "2026-10-25 06:00"),
        (quiet("02:30", "07:00"), "2026-10-25 00:29", None),
    ],
)
def test_until_when_it_is_quiet(hours: QuietHours, now: str, until: str | None) -> None:
    assert hours.until(utc(now)) == (until and utc(until))


def test_a_day_counts_if_quiet_hours_begin_on_it() -> None:
    friday = quiet(days=(4,))
    assert friday.until(utc("2026-01-09 21:30")) == utc("2026-01-10 06:00")
    assert friday.until(utc("2026-01-10 05:30")) == utc("2026-01-10 06:00")
    assert friday.until(utc("2026-01-10 21:30")) is None


TIMES = st.times().map(lambda each: each.replace(second=0, microsecond=0, tzinfo=None))


@given(
    TIMES,
    TIMES,
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
)
def test_it_is_quiet_until_the_very_instant_that_is_told_and_no_longer(
    begin: time, end: time, now: datetime
) -> None:
    """Whatever the hours and the clock do, quiet hours end once, within a day and an hour."""
    if begin == end:
        return
    hours = QuietHours(begin=begin, end=end, zone=BERLIN)
    until = hours.until(now)
    if until is not None:
        assert now < until <= now + timedelta(hours=25)
        assert hours.until(until - timedelta(microseconds=1)) == until
