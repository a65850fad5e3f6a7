"""What rules would have bought, by the policy of grabs."""

from monitor.backtest.buying import Bought, Purchases
from monitor.backtest.run import Backtest
from monitor.grab.reasons import Cause
from monitor.grab.wish import Limits, Wish
from monitor.market.money import dollars
from tests.unit.backtest.test_backtest import CHEAP, MINUTE, a_plan, polls
from tests.unit.grab.buying import a_buying, a_wish
from tests.unit.rules.market_strategies import NOON

ONE = Limits(max_instances=1)


def purchases(wish: Wish, prices: str, *, hold_for: int = 0) -> tuple[Purchases, Backtest]:
    run = Backtest(a_plan(hold_for=hold_for), "m", interval=MINUTE, buying=a_buying(wish))
    run.feed(polls(prices))
    assert run.purchases is not None
    return run.purchases, run


def bought(wish: Wish, prices: str, *, hold_for: int = 0) -> tuple[Bought, ...]:
    found, run = purchases(wish, prices, hold_for=hold_for)
    assert run.course.until is not None
    return found.bought(CHEAP, run.course.until)


def minutes(found: tuple[Bought, ...]) -> list[tuple[int, int]]:
    """Return from when to when each was had, in minutes."""
    return [
        ((each.grab.created_at - NOON) // MINUTE, (each.until - NOON) // MINUTE) for each in found
    ]


def test_a_rule_that_fires_buys_and_keeps_until_the_recording_ends() -> None:
    found = bought(a_wish(CHEAP, time_to_live=None, limits=ONE), "3" + 30 * "2")
    assert minutes(found) == [(1, 30)]
    (one,) = found
    assert one.grab.quoted is not None
    assert abs(dollars(one.cost) - dollars(one.grab.quoted) * 29 / 60) < 1e-6


def test_an_instance_ends_by_its_time_to_live_and_the_rule_buys_again() -> None:
    wish = a_wish(CHEAP, time_to_live=5 * MINUTE, limits=ONE)
    assert minutes(bought(wish, 12 * "2")) == [(0, 5), (5, 10), (10, 11)]


def test_what_only_pends_buys_nothing() -> None:
    assert bought(a_wish(CHEAP), "2.2.2", hold_for=2) == ()


def test_failed_polls_buy_nothing() -> None:
    assert bought(a_wish(CHEAP), "!!!") == ()


def test_a_refusal_that_goes_on_is_one_and_buys_nothing() -> None:
    found, _ = purchases(a_wish(CHEAP, time_to_live=5 * MINUTE, limits=ONE), 6 * "2")
    decided = [((each.created_at - NOON) // MINUTE, Cause.of(each.reason)) for each in found.grabs]
    assert decided == [
        (0, Cause.WOULD_BUY),
        (1, Cause.OVER_INSTANCES),
        (5, Cause.WOULD_BUY),
    ]
    assert minutes(found.bought(CHEAP, NOON + 5 * MINUTE)) == [(0, 5), (5, 5)]
