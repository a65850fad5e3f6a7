"""What parts of the past come to together."""

from datetime import UTC, datetime

from monitor.history.pieces import Offered
from monitor.history.sketch import EXACT_VALUES
from monitor.history.summary import combined, summed_up
from monitor.history.window import HOUR, Window, steps
from monitor.market.money import NanoDollars

SINCE = datetime(2026, 3, 16, tzinfo=UTC)


def test_hours_from_intervals_come_to_what_their_whole_time_does_however_many_prices() -> None:
    hours = 3 * EXACT_VALUES
    window = Window(SINCE, SINCE + hours * HOUR)
    offered = [
        Offered(since, until, 1, NanoDollars(2_000_000_000 + index * 7_919 % 101 * 1_000_000))
        for index, (since, until) in enumerate(steps(window, HOUR))
    ]
    (whole,) = summed_up([window], [window], offered)
    parts = summed_up(list(steps(window, HOUR)), [window], offered)
    assert whole.best is not None
    assert whole.best.is_exact
    assert combined(window, parts) == whole
