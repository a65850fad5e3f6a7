"""Hours are read back from the stretches they are stored in, which are few where little changed."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from monitor.history.pieces import Offered
from monitor.history.sketch import EXACT_VALUES, Sketch
from monitor.history.summary import Summary, summed_up
from monitor.history.window import DAY, HOUR, Window, steps
from monitor.market.money import NanoDollars
from monitor.store.hours import hour_of, read, stretches, summary_of

MIDNIGHT = datetime(2026, 3, 21, tzinfo=UTC)
DAY_LONG = Window(MIDNIGHT, MIDNIGHT + DAY)
MINUTE = timedelta(minutes=1)
_instants = st.integers(0, 24 * 3600 * 10**6).map(lambda n: MIDNIGHT + timedelta(microseconds=n))
_prices = st.none() | st.integers(1, 3).map(lambda n: NanoDollars(n * 396_667_000))


@st.composite
def _offered(draw: st.DrawFn) -> list[Offered]:
    found = []
    for price, available in draw(st.lists(st.tuples(_prices, st.integers(0, 9)), max_size=4)):
        since, until = sorted(draw(st.tuples(_instants, _instants)))
        if since < until:
            found.append(Offered(since, until, available, price))
    return found


def hours(offered: list[Offered]) -> list[Summary]:
    return summed_up(list(steps(DAY_LONG, HOUR)), [DAY_LONG], offered)


def stored(told: list[Summary]) -> list[dict[str, Any]]:
    return list(stretches(map(hour_of, told)))


def read_back(rows: list[dict[str, Any]]) -> list[Summary]:
    return [summary_of(hour) for row in rows for hour in read(cast("Any", SimpleNamespace(**row)))]


@given(_offered())
def test_hours_are_read_back_as_they_were(offered: list[Offered]) -> None:
    told = hours(offered)
    for found, each in zip(read_back(stored(told)), told, strict=True):
        assert found.window == each.window
        assert (found.best and found.best.sketch) == (each.best and each.best.sketch)
        assert (found.covered, found.gpu_time) == (each.covered, each.gpu_time)
        assert (found.hostnode_time, found.offers) == (each.hostnode_time, each.offers)


def test_hours_in_which_only_counts_change_are_one_row() -> None:
    offered = [
        Offered(MIDNIGHT + n * HOUR, MIDNIGHT + (n + 1) * HOUR, n + 1, NanoDollars(2_400_000_000))
        for n in range(24)
    ]
    (row,) = stored(hours(offered))
    assert row["gpu_seconds"].startswith("[3600,7200,")
    assert len(row["rest"]) < 40


def test_another_price_begins_another_row_and_hours_stay_apart() -> None:
    dear, cheap = NanoDollars(2_400_000_000), NanoDollars(2_390_000_000)
    told = hours(
        [
            Offered(MIDNIGHT, MIDNIGHT + 5 * HOUR, 1, dear),
            Offered(MIDNIGHT + 2 * HOUR, MIDNIGHT + 4 * HOUR, 1, cheap),
        ]
    )
    del told[1]
    assert [row["at"] for row in stored(told)] == [MIDNIGHT + n * HOUR for n in (0, 2, 4, 5)]


def test_a_row_of_many_changes_stays_small() -> None:
    """Of a hundred offers one is gone each minute: each hour has many prices of its own."""
    cheap = Offered(*DAY_LONG, 1, NanoDollars(1))
    offered = [
        Offered(MIDNIGHT, MIDNIGHT + n * 14 * MINUTE, 1, NanoDollars(10**9 + n * 10**7))
        for n in range(1, 100)
    ]
    rows = stored(hours([cheap, *offered]))
    assert 1 < len(rows) < 24
    assert max(len(row["rest"]) for row in rows) < 1000


def test_highest_and_mean_stay_exact_where_quantiles_are_rounded() -> None:
    offered = [
        Offered(*DAY_LONG, 1, NanoDollars(10**9 + n * 10**7)) for n in range(2 * EXACT_VALUES)
    ]
    told = hours(offered)[0]
    found = read_back(stored([told]))[0]
    assert found.offers is not None
    assert told.offers is not None
    assert (found.offers.high, found.offers.mean) == (told.offers.high, told.offers.mean)
    assert found.offers.sketch == Sketch.of(told.offers.sketch.weights)
    assert found.offers.sketch.rounded
