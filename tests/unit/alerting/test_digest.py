"""The digest: once a day at a time of a clock, and what it says."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.alerting.digest import Digest, DigestTimes, render_digest, since
from monitor.market.money import nano

NOW = datetime(2026, 3, 21, 7, tzinfo=UTC)
EIGHT = DigestTimes(at=time(8), zone=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-03-21 06:59", None),
        ("2026-03-21 07:00", date(2026, 3, 21)),
        ("2026-03-21 12:59", date(2026, 3, 21)),
        ("2026-03-21 13:00", None),
        ("2026-03-29 06:00", date(2026, 3, 29)),  # summer time has begun
        ("2026-10-25 06:59", None),  # and ended
        ("2026-10-25 07:00", date(2026, 10, 25)),
    ],
)
def test_a_digest_is_due_for_some_hours_from_its_time_on(now: str, day: date | None) -> None:
    assert EIGHT.day_due(datetime.fromisoformat(now).replace(tzinfo=UTC)) == day


def test_a_digest_late_at_night_is_of_the_day_before() -> None:
    late = DigestTimes(at=time(23, 30), zone=UTC)
    assert late.day_due(datetime(2026, 3, 22, 2, tzinfo=UTC)) == date(2026, 3, 21)


def test_a_time_that_the_clock_shows_twice_or_never_is_due_on_that_day() -> None:
    half_past_two = DigestTimes(at=time(2, 30), zone=ZoneInfo("Europe/Berlin"))
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        noon = datetime.combine(day, time(0), UTC)
        found = [half_past_two.day_due(noon + timedelta(minutes=5 * n)) for n in range(80)]
        assert day in found


def test_a_digest_tells_from_the_last_one_on_a_day_at_first_and_a_week_at_most() -> None:
    assert since(None, NOW) == NOW - timedelta(days=1)
    assert since(NOW - timedelta(days=3), NOW) == NOW - timedelta(days=3)
    assert since(NOW - timedelta(days=30), NOW) == NOW - timedelta(days=7)


TROUBLE = """\
Trouble
tensordock: 12 polls unreachable
chat: 2 messages given up
mail: 1 message waiting"""
PRICES = """\
Best prices now
l4-pcie-24gb from 0.40 $/h per GPU
h100-sxm5-80gb from 2.10 $/h per GPU"""


def test_a_digest_says_what_happened() -> None:
    message = render_digest(
        Digest(
            since=NOW - timedelta(days=1),
            now=NOW,
            fired={"cheap": 3, "<b>any": 1},
            ended={"cheap": 2},
            firing={"cheap": 1},
            prices={"h100-sxm5-80gb": nano(2.1), "l4-pcie-24gb": nano(0.4)},
            bought=("cheap: train-box-1 at 2.10 $/h",),
            failed_polls={("tensordock", "unreachable"): 12},
            dead={"chat": 2},
            waiting={"mail": 1},
        )
    )
    assert message.title == "digest: 4 alerts fired, 1 alert firing now"
    assert message.body.split("\n\n") == [
        "Since 2026-03-20 07:00 UTC:",
        "Began to fire\ncheap: 3 alerts\nb any: 1 alert",
        "Ended\ncheap: 2 alerts",
        "Fires now\ncheap: 1 alert",
        "Bought\ncheap: train-box-1 at 2.10 $/h",
        TROUBLE,
        PRICES,
    ]
    assert {message.body.split("\n")[number] for number in message.strong} == {
        *("Began to fire", "Ended", "Fires now", "Bought", "Trouble", "Best prices now"),
    }


def test_a_day_of_which_there_are_only_prices_is_empty() -> None:
    quiet = Digest(since=NOW, now=NOW, prices={"l4": nano(1)})
    assert quiet.is_empty
    assert "Nothing happened." in render_digest(quiet).body
    assert not Digest(since=NOW, now=NOW, dead={"chat": 1}).is_empty
