"""How buying stands in numbers: the same that the policy decides by."""

from datetime import timedelta

import pytest

from monitor.grab.book import Switch
from monitor.grab.figures import ALL_RULES, Figures, Hindrance, Period, figures
from monitor.grab.grab import GrabStatus, Mode
from monitor.grab.limits import over_money
from monitor.grab.standing import Standing
from monitor.grab.wish import Buying, Limits
from monitor.market.money import NanoDollars, nano
from monitor.rules.alert import RuleName
from tests.unit.grab.books import MemoryBooks
from tests.unit.grab.buying import DAY, HOUR, NOON, PLENTY, RULE, a_buying, a_grab, a_wish

OTHER = RuleName("any-4090")


def shown(books: MemoryBooks, buying: Buying | None = None, *, stopped: bool = False) -> Figures:
    """Return the figures at noon."""
    wanted = buying or a_buying()
    with books.reading() as book:
        return figures(Standing.read(book, wanted, NOON), wanted, stopped=stopped)


def limit(found: Figures, name: str, rule: RuleName = ALL_RULES) -> tuple[float, float]:
    """Return what is used of a limit, and the limit."""
    (figure,) = [each for each in found.limits if (each.rule, each.limit) == (rule, name)]
    return figure.used, figure.at_most


def test_what_counts_against_limits_is_committed_at_the_dearer_of_quote_and_bill() -> None:
    books = MemoryBooks()
    a_grab(books, GrabStatus.PLANNED, quoted=nano(1))
    a_grab(books, GrabStatus.UNKNOWN, quoted=nano(2), rule=OTHER)
    a_grab(books, GrabStatus.RUNNING, quoted=nano(2), billed=nano(2.5))
    a_grab(books, GrabStatus.DELETED, quoted=nano(100))
    found = shown(books)
    assert found.per_hour == nano(5.5)
    assert found.grabs == {
        (RULE, GrabStatus.PLANNED): 1,
        (OTHER, GrabStatus.UNKNOWN): 1,
        (RULE, GrabStatus.RUNNING): 1,
    }


def test_what_should_be_gone_is_overdue() -> None:
    books = MemoryBooks()
    a_grab(books, GrabStatus.DELETING)
    a_grab(books, GrabStatus.RUNNING, created_at=NOON - HOUR, time_to_live=HOUR)
    a_grab(books, stop_when_spent=nano(2), spent=nano(2), rule=OTHER)
    a_grab(books, GrabStatus.RUNNING, created_at=NOON - HOUR, time_to_live=2 * HOUR)
    a_grab(books, stop_when_spent=nano(2), spent=NanoDollars(nano(2) - 1))
    assert shown(books).overdue == {RULE: 2, OTHER: 1}


def test_spending_is_that_of_this_day_and_this_month() -> None:
    books = MemoryBooks()
    with books.book() as book:
        for days, dollars in ((0, 1), (1, 2), (NOON.day, 4)):
            book.charge(RULE, (NOON - days * DAY).date(), nano(dollars))
        book.charge(OTHER, NOON.date(), nano(8))
    assert shown(books).spent == {
        (RULE, Period.DAY): nano(1),
        (RULE, Period.MONTH): nano(3),
        (OTHER, Period.DAY): nano(8),
        (OTHER, Period.MONTH): nano(8),
    }


def test_each_limit_that_is_set_is_told_with_what_counts_against_it() -> None:
    books = MemoryBooks()
    own = Limits(max_instances=1, max_spend_per_day=nano(30))
    buying = a_buying(a_wish(limits=own), a_wish(OTHER))
    a_grab(books, quoted=nano(2), time_to_live=3 * HOUR)
    a_grab(books, GrabStatus.FAILED, rule=OTHER)
    with books.book() as book:
        book.charge(OTHER, NOON.date(), nano(1))
    found = shown(books, buying)
    assert limit(found, "max_instances") == (1, 10)
    assert limit(found, "max_total_per_hour") == (2, 1000)
    assert limit(found, "max_spend_per_day") == (7, 10_000)
    assert limit(found, "max_spend_per_month") == (7, 100_000)
    assert limit(found, "max_creates_per_hour") == (2, 100)
    assert limit(found, "max_instances", RULE) == (1, 1)
    assert limit(found, "max_spend_per_day", RULE) == (6, 30)
    assert len(found.limits) == 7


@pytest.mark.parametrize("left", [1, 2])
def test_a_limit_is_used_up_when_nothing_more_is_bought(left: int) -> None:
    """What is left by the figure is what the policy still allows, to the nano-dollar."""
    books = MemoryBooks()
    a_grab(books, quoted=nano(2), time_to_live=3 * HOUR)
    buying = a_buying(limits=Limits(max_spend_per_day=nano(6 + left)))
    used, at_most = limit(shown(books, buying), "max_spend_per_day")
    assert (used, at_most) == (6, 6 + left)
    with books.reading() as book:
        standing = Standing.read(book, buying, NOON)
    wish = a_wish(time_to_live=timedelta(hours=1))
    assert over_money(wish, buying, standing, nano(left)) is None
    assert over_money(wish, buying, standing, NanoDollars(nano(left) + 1)) is not None


def test_what_keeps_anything_from_being_bought_is_told() -> None:
    books = MemoryBooks()
    assert shown(books).hindrances == frozenset()
    with books.book() as book:
        book.set_switch(Switch(paused=True))
    dry = a_buying(mode=Mode.DRY_RUN)
    assert shown(books, dry, stopped=True).hindrances == set(Hindrance)
    assert PLENTY.missing == ()


def test_of_a_day_what_tomorrow_could_cost_is_told_if_that_is_more() -> None:
    """For a purchase that tomorrow has no room for is refused."""
    books = MemoryBooks()
    a_grab(books, quoted=nano(2), time_to_live=None)
    buying = a_buying(limits=Limits(max_spend_per_day=nano(60)))
    assert limit(shown(books, buying), "max_spend_per_day") == (48, 60)
