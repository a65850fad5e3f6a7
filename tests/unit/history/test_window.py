"""How far back a length of time reaches over what was polled."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.history.window import DAY, EPOCH, Window, reaching_back

MONDAY = datetime(2026, 3, 16, tzinfo=UTC)
STRETCHES = [
    Window(MONDAY + begin * DAY, MONDAY + end * DAY) for begin, end in ((0, 4), (5, 6), (99, 101))
]


@pytest.mark.parametrize(
    ("days", "reached"),
    [
        (1, 100),
        (2, 99),
        (2.5, 98.5),  # within the outage, of which one day counts
        (3, 98),
        (3.5, 5.5),
        (4, 5),
        (5, 4),
        (5.5, 3.5),
        (50, 0),
    ],
)
def test_of_an_outage_no_more_than_is_said_counts(days: float, reached: float) -> None:
    assert reaching_back(STRETCHES, days * DAY, outage=DAY) == MONDAY + reached * DAY


def test_where_nothing_was_polled_it_is_the_beginning_of_time() -> None:
    assert reaching_back([], timedelta(days=1), outage=DAY) == EPOCH
