"""Whether a rule that fires buys now, and what; or why not."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grab.book import Switch
from monitor.grab.grab import GrabStatus, Mode
from monitor.grab.policy import Choice, decide, is_news, recheck
from monitor.grab.reasons import Cause, Refusal
from monitor.grab.standing import Standing
from monitor.grab.wish import Buying, Limits
from monitor.market.hostnode import HostnodeId
from monitor.market.money import nano
from monitor.market.offer import Offer
from monitor.rules.alert import RuleName
from tests.unit.grab.books import MemoryBooks
from tests.unit.grab.buying import (
    DAY,
    HOUR,
    MARKET,
    MINUTE,
    NOON,
    PLENTY,
    RULE,
    a_buying,
    a_grab,
    a_preset,
    a_wish,
    an_offer,
    names,
)

OTHER = RuleName("other")
THREE = (an_offer("hn-1", 2), an_offer("hn-2", 2.5), an_offer("hn-3", 3))


@pytest.fixture
def books() -> MemoryBooks:
    return MemoryBooks()


def chosen(
    books: MemoryBooks, buying: Buying, offers: Iterable[Offer] = THREE, at: Any = NOON
) -> Choice | Refusal:
    """Decide for the one rule that these tests are about."""
    with books.reading() as book:
        standing = Standing.read(book, buying, at)
    return decide(buying.wishes[RULE], buying, standing, offers, marketplace=MARKET)


def why(books: MemoryBooks, buying: Buying, **changes: Any) -> Cause | None:
    """Return the cause of a refusal, `None` if something is bought."""
    found = chosen(books, buying, **changes)
    return found.cause if isinstance(found, Refusal) else None


def test_the_cheapest_in_total_comes_first_then_the_longest_up_then_the_highest_tier(
    books: MemoryBooks,
) -> None:
    offers = (
        an_offer("dear", 2.1),
        an_offer("low-tier", uptime=99.9, tier=1),
        an_offer("short-up", uptime=98),
        an_offer("untold", uptime=None, tier=None),
        an_offer("best", uptime=99.9, tier=4),
    )
    found = chosen(books, a_buying(), offers)
    assert isinstance(found, Choice)
    assert names(found.best) == ["best", "low-tier", "short-up", "untold", "dear"]


def test_what_is_too_dear_too_small_or_not_priced_is_left_out_and_counted(
    books: MemoryBooks,
) -> None:
    wish = a_wish(max_total_per_hour=nano(2))
    offers = (
        an_offer("hn-1", 2.01),
        an_offer("hn-2", None),
        an_offer("hn-3", available=0),
        an_offer("hn-4", 0),
    )
    found = chosen(books, a_buying(wish), offers)
    assert found == Refusal(
        cause=Cause.NO_CANDIDATE, detail="of the offers: 2 not priced, 1 too dear, 1 too small"
    )


def test_at_most_so_many_hostnodes_are_tried(books: MemoryBooks) -> None:
    found = chosen(books, a_buying(max_attempts=2))
    assert isinstance(found, Choice)
    assert names(found.best) == ["hn-1", "hn-2"]


@pytest.mark.parametrize("status", ["planned", "awaiting_approval", "submitted", "unknown"])
@pytest.mark.parametrize("whose", ["rule", "all"])
def test_what_may_yet_be_bought_counts_against_instances(
    books: MemoryBooks, status: str, whose: str
) -> None:
    a_grab(books, GrabStatus(status), hostnode=HostnodeId("elsewhere"))
    one = Limits(max_instances=1)
    if whose == "rule":
        buying = a_buying(a_wish(limits=one))
    else:
        buying = a_buying(a_wish(mode=Mode.APPROVE), limits=one)
    assert why(books, buying) is Cause.OVER_INSTANCES


def test_another_rule_does_not_count_against_a_rules_own_limit(books: MemoryBooks) -> None:
    a_grab(books, rule=OTHER)
    assert why(books, a_buying(a_wish(limits=Limits(max_instances=1)))) is None


@pytest.mark.parametrize("status", ["deleted", "failed", "expired", "refused", "dry_run"])
def test_what_ended_does_not_count(books: MemoryBooks, status: str) -> None:
    a_grab(books, GrabStatus(status), ended_at=NOON - HOUR)
    assert why(books, a_buying(a_wish(limits=Limits(max_instances=1)))) is None


@pytest.mark.parametrize("limit", PLENTY.__dataclass_fields__)
def test_a_missing_limit_blocks_live_buying_and_only_that(books: MemoryBooks, limit: str) -> None:
    limits = Limits(**{**{n: getattr(PLENTY, n) for n in PLENTY.__dataclass_fields__}, limit: None})
    assert why(books, a_buying(limits=limits)) is Cause.LIMIT_MISSING
    assert why(books, a_buying(a_wish(mode=Mode.DRY_RUN), limits=limits)) is None


def test_dollars_per_hour_count_what_is_billed_if_that_is_dearer(books: MemoryBooks) -> None:
    a_grab(books, quoted=nano(2), billed=nano(4))
    buying = a_buying(a_wish(mode=Mode.APPROVE), limits=Limits(max_total_per_hour=nano(5)))
    assert why(books, buying) is Cause.OVER_TOTAL_PER_HOUR


def test_candidates_beyond_what_is_left_per_hour_are_no_candidates(books: MemoryBooks) -> None:
    a_grab(books, quoted=nano(2))
    buying = a_buying(a_wish(mode=Mode.APPROVE), limits=Limits(max_total_per_hour=nano(4.5)))
    found = chosen(books, buying)
    assert isinstance(found, Choice)
    assert names(found.best) == ["hn-1", "hn-2"]
    assert found.cap == nano(2.5)


def test_what_could_be_spent_today_counts_until_the_end_of_its_time_to_live(
    books: MemoryBooks,
) -> None:
    """At noon, 12 hours are left of the day, and 2 $/h for all of them are 24 $."""
    wish = a_wish(mode=Mode.APPROVE, time_to_live=None)
    day = Limits(max_spend_per_day=nano(48))
    assert why(books, a_buying(wish, limits=day)) is None
    assert (
        why(books, a_buying(a_wish(mode=Mode.APPROVE), limits=Limits(max_spend_per_day=nano(24))))
        is None
    )
    books.kept.charge(OTHER, NOON.date(), nano(0.01))
    found = chosen(
        books, a_buying(a_wish(mode=Mode.APPROVE), limits=Limits(max_spend_per_day=nano(24)))
    )
    assert found == Refusal(
        cause=Cause.OVER_SPEND_PER_DAY, detail="up to 24.01 of 24.00 $ today of all rules"
    )


def test_what_has_no_end_must_fit_into_the_whole_of_tomorrow(books: MemoryBooks) -> None:
    wish = a_wish(mode=Mode.APPROVE, time_to_live=None)
    found = chosen(books, a_buying(wish, limits=Limits(max_spend_per_day=nano(47.99))))
    assert isinstance(found, Refusal)
    assert found.detail == (
        "up to 48.00 of 47.99 $ tomorrow of all rules; give the rule a time_to_live"
    )


def test_stop_when_spent_bounds_what_could_be_spent(books: MemoryBooks) -> None:
    wish = a_wish(mode=Mode.APPROVE, time_to_live=None, stop_when_spent=nano(6))
    assert why(books, a_buying(wish, limits=Limits(max_spend_per_day=nano(6)))) is None
    cause = why(books, a_buying(wish, limits=Limits(max_spend_per_day=nano(5.99))))
    assert cause is Cause.OVER_SPEND_PER_DAY


def test_what_is_billed_below_its_quote_may_spend_its_money_tomorrow_instead(
    books: MemoryBooks,
) -> None:
    """At 20:00 the quote would leave 2 $ for tomorrow; the bill leaves 6, and none might 10."""
    at = NOON + 8 * HOUR
    bill = {"billed": nano(1), "stop_when_spent": nano(10)}
    a_grab(books, GrabStatus.RUNNING, time_to_live=None, created_at=at, **bill)
    wish = a_wish(mode=Mode.APPROVE, time_to_live=12 * HOUR)
    for most, cause in ((25.99, Cause.OVER_SPEND_PER_DAY), (26, None)):
        buying = a_buying(wish, limits=Limits(max_spend_per_day=nano(most)))
        assert why(books, buying, at=at) is cause


def test_the_next_month_counts_as_the_longest(books: MemoryBooks) -> None:
    wish = a_wish(mode=Mode.APPROVE, time_to_live=None)
    assert why(books, a_buying(wish, limits=Limits(max_spend_per_month=nano(1488)))) is None
    cause = why(books, a_buying(wish, limits=Limits(max_spend_per_month=nano(1487))))
    assert cause is Cause.OVER_SPEND_PER_MONTH


def test_what_was_spent_last_month_does_not_count(books: MemoryBooks) -> None:
    books.kept.charge(RULE, (NOON - 21 * DAY).date(), nano(1000))
    limits = Limits(max_spend_per_month=nano(100))
    assert why(books, a_buying(a_wish(mode=Mode.APPROVE), limits=limits)) is None


def test_a_rule_has_limits_of_its_own_on_what_it_spends(books: MemoryBooks) -> None:
    books.kept.charge(RULE, NOON.date(), nano(10))
    wish = a_wish(limits=Limits(max_spend_per_day=nano(30)))
    assert why(books, a_buying(wish)) is Cause.OVER_SPEND_PER_DAY
    books.kept.charged.clear()
    books.kept.charge(OTHER, NOON.date(), nano(10))
    assert why(books, a_buying(wish)) is None


def test_an_instance_that_is_being_deleted_is_reckoned_with_one_more_hour(
    books: MemoryBooks,
) -> None:
    a_grab(books, GrabStatus.DELETING, quoted=nano(10), spent_until=NOON)
    limits = Limits(max_spend_per_day=nano(34))
    assert why(books, a_buying(a_wish(mode=Mode.APPROVE), limits=limits)) is None
    limits = Limits(max_spend_per_day=nano(33.9))
    cause = why(books, a_buying(a_wish(mode=Mode.APPROVE), limits=limits))
    assert cause is Cause.OVER_SPEND_PER_DAY


def test_creates_within_the_hour_count_whatever_came_of_them(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.FAILED, created_at=NOON - 59 * MINUTE)
    a_grab(books, GrabStatus.DELETED, created_at=NOON - 30 * MINUTE)
    a_grab(books, GrabStatus.AWAITING_APPROVAL)
    wish = a_wish(mode=Mode.APPROVE)
    limits = Limits(max_creates_per_hour=3)
    assert why(books, a_buying(wish, limits=limits)) is Cause.OVER_CREATES_PER_HOUR
    assert why(books, a_buying(wish, limits=limits), at=NOON + MINUTE) is None


def test_between_two_purchases_of_a_rule_lies_its_cooldown(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.DELETED)
    a_grab(books, GrabStatus.DELETED, rule=OTHER, created_at=NOON + 5 * MINUTE)
    buying = a_buying(a_wish(cooldown=10 * MINUTE))
    assert why(books, buying, at=NOON + 9 * MINUTE) is Cause.COOLDOWN
    assert why(books, buying, at=NOON + 10 * MINUTE) is None


def test_what_the_marketplace_refused_needs_no_cooldown(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.FAILED, reason="hostnode: No available nodes found")
    found = chosen(books, a_buying(a_wish(cooldown=10 * MINUTE)))
    assert isinstance(found, Choice)
    assert names(found.best) == ["hn-2", "hn-3"]


def test_nobody_is_asked_again_before_the_cooldown_is_over(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.EXPIRED, mode=Mode.APPROVE)
    buying = a_buying(a_wish(mode=Mode.APPROVE, cooldown=HOUR))
    assert why(books, buying, at=NOON + 30 * MINUTE) is Cause.COOLDOWN


def test_after_each_question_that_nobody_answered_the_pause_is_twice_as_long(
    books: MemoryBooks,
) -> None:
    """Four questions in six hours, not fifteen; and a purchase begins anew."""
    buying = a_buying(a_wish(mode=Mode.APPROVE, cooldown=10 * MINUTE))
    at = NOON
    for pause in (10, 20, 40, 80):
        reason = "expired: nobody approved it in time"
        end = at + 15 * MINUTE
        times = {"created_at": at, "ended_at": end}
        a_grab(books, GrabStatus.EXPIRED, mode=Mode.APPROVE, reason=reason, **times)
        at = end + pause * MINUTE
        assert why(books, buying, at=at - MINUTE) is Cause.COOLDOWN
        assert why(books, buying, at=at) is None
    a_grab(books, GrabStatus.DELETED, mode=Mode.APPROVE, created_at=at, ended_at=at + MINUTE)
    at += HOUR
    end = at + 15 * MINUTE
    a_grab(books, GrabStatus.EXPIRED, mode=Mode.APPROVE, created_at=at, ended_at=end)
    assert why(books, buying, at=end + 10 * MINUTE) is None


def test_a_person_who_said_no_is_not_asked_again_for_hours(books: MemoryBooks) -> None:
    reason = "requested: by ada"
    a_grab(books, GrabStatus.EXPIRED, mode=Mode.APPROVE, reason=reason, ended_at=NOON)
    buying = a_buying(a_wish(mode=Mode.APPROVE, cooldown=10 * MINUTE))
    assert why(books, buying, at=NOON + 319 * MINUTE) is Cause.COOLDOWN
    assert why(books, buying, at=NOON + 320 * MINUTE) is None


@pytest.mark.parametrize("status", [GrabStatus.DELETED, GrabStatus.FAILED])
def test_after_an_end_that_a_person_asked_for_lies_the_cooldown_however_old_it_was(
    books: MemoryBooks, status: GrabStatus
) -> None:
    a_grab(books, status, created_at=NOON - 9 * DAY, ended_at=NOON, time_to_live=timedelta(0))
    buying = a_buying(a_wish(cooldown=10 * MINUTE))
    assert why(books, buying, at=NOON + 9 * MINUTE) is Cause.COOLDOWN
    assert why(books, buying, at=NOON + 10 * MINUTE) is None


def test_what_could_not_be_sent_in_time_is_decided_anew_at_once(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.EXPIRED)
    assert why(books, a_buying(a_wish(cooldown=HOUR)), at=NOON + 3 * MINUTE) is None


@pytest.mark.parametrize("status", ["running", "deleted", "unknown"])
def test_a_one_shot_rule_buys_once_ever(books: MemoryBooks, status: str) -> None:
    a_grab(books, GrabStatus(status), created_at=NOON - 300 * DAY)
    assert why(books, a_buying(a_wish(one_shot=True))) is Cause.ONE_SHOT


def test_a_one_shot_rule_tries_again_after_a_refusal(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.FAILED, created_at=NOON - DAY)
    assert why(books, a_buying(a_wish(one_shot=True))) is None


def test_a_hostnode_that_refused_is_left_alone_twice_as_long_each_time(
    books: MemoryBooks,
) -> None:
    buying = a_buying(host_cooldown=10 * MINUTE)
    offers = (an_offer("hn-1"),)
    at = NOON
    for pause in (10, 20, 40, 80):
        a_grab(books, GrabStatus.FAILED, created_at=at, reason="hostnode: no")
        end = at + pause * MINUTE
        assert why(books, buying, offers=offers, at=end - MINUTE) is Cause.NO_CANDIDATE
        assert why(books, buying, offers=offers, at=end) is None
        at = end


def test_a_success_forgets_the_refusals_before_it(books: MemoryBooks) -> None:
    for minutes in (0, 10, 20):
        a_grab(books, GrabStatus.FAILED, created_at=NOON + minutes * MINUTE, reason="gone")
    a_grab(books, GrabStatus.RUNNING, created_at=NOON + 100 * MINUTE)
    a_grab(books, GrabStatus.FAILED, created_at=NOON + 110 * MINUTE, reason="hostnode")
    offers = (an_offer("hn-1"),)
    buying = a_buying(host_cooldown=10 * MINUTE)
    assert why(books, buying, offers=offers, at=NOON + 119 * MINUTE) is Cause.NO_CANDIDATE
    assert why(books, buying, offers=offers, at=NOON + 120 * MINUTE) is None


def test_a_hostnode_with_an_unclear_create_is_left_alone(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.UNKNOWN)
    found = chosen(books, a_buying())
    assert isinstance(found, Choice)
    assert "hn-1" not in names(found.best)


@pytest.mark.parametrize(
    ("reason", "minutes"), [("funds: x", 10), ("access: x", 10), ("request: x", 10)]
)
def test_a_refusal_that_no_other_hostnode_would_change_holds_all_back(
    books: MemoryBooks, reason: str, minutes: int
) -> None:
    a_grab(books, GrabStatus.FAILED, reason=reason)
    end = NOON + minutes * MINUTE
    assert why(books, a_buying(), at=end - timedelta(seconds=1)) is Cause.BACKING_OFF
    assert why(books, a_buying(), at=end) is None


def test_what_passes_by_itself_holds_back_for_a_tenth_of_that(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.FAILED, reason="unreachable: no connection")
    assert why(books, a_buying(), at=NOON + 59 * MINUTE / 60) is Cause.BACKING_OFF
    assert why(books, a_buying(), at=NOON + MINUTE) is None


def test_what_passes_by_itself_holds_back_though_a_longer_pause_was_over_before(
    books: MemoryBooks,
) -> None:
    a_grab(books, GrabStatus.FAILED, reason="funds: x", created_at=NOON - HOUR)
    a_grab(books, GrabStatus.FAILED, reason="throttled: 429")
    assert why(books, a_buying()) is Cause.BACKING_OFF


@pytest.mark.parametrize("cause", ["access", "throttled", "unreachable"])
def test_what_the_second_look_met_holds_back_like_what_a_create_met(
    books: MemoryBooks, cause: str
) -> None:
    a_grab(books, GrabStatus.REFUSED, reason=f"{cause}: x")
    assert why(books, a_buying()) is Cause.BACKING_OFF


def test_another_marketplace_and_another_preset_are_not_held_back(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.FAILED, reason="funds: x", marketplace="other")
    a_grab(books, GrabStatus.FAILED, reason="request: x", preset="other")
    assert why(books, a_buying()) is None


def test_a_person_who_paused_buying_is_named(books: MemoryBooks) -> None:
    books.kept.set_switch(Switch(paused=True, by="ada", reason="holidays"))
    assert chosen(books, a_buying()) == Refusal(cause=Cause.PAUSED, detail="by ada: holidays")


def test_a_dry_run_counts_what_it_would_have_bought_for_its_time_to_live(
    books: MemoryBooks,
) -> None:
    a_grab(books, GrabStatus.DRY_RUN)
    dry = a_wish(mode=Mode.DRY_RUN, limits=Limits(max_instances=1))
    assert why(books, a_buying(dry), at=NOON + 11 * HOUR) is Cause.OVER_INSTANCES
    assert why(books, a_buying(dry), at=NOON + 12 * HOUR) is None
    live = a_wish(limits=Limits(max_instances=1), cooldown=HOUR)
    assert why(books, a_buying(live)) is None


def rechecked(books: MemoryBooks, buying: Buying, quoted: float = 2, **grab: Any) -> Cause | None:
    """Check again a grab that is planned."""
    planned = a_grab(books, GrabStatus.PLANNED, **grab)
    with books.reading() as book:
        standing = Standing.read(book, buying, NOON + MINUTE)
    found = recheck(planned, buying, standing, nano(quoted))
    return None if found is None else found.cause


def test_a_grab_does_not_count_against_itself(books: MemoryBooks) -> None:
    one = Limits(max_instances=1, max_creates_per_hour=1)
    assert rechecked(books, a_buying(a_wish(limits=one, one_shot=True))) is None


@pytest.mark.parametrize(
    ("cause", "buying", "changes"),
    [
        (Cause.DEARER, a_buying(), {"quoted": nano(1.999999999)}),
        (Cause.EXPIRED, a_buying(), {"valid_until": NOON + MINUTE}),
        (Cause.MODE, a_buying(a_wish(mode=Mode.APPROVE)), {}),
        (Cause.MODE, a_buying(a_wish(mode=Mode.DRY_RUN)), {"mode": Mode.APPROVE}),
        (Cause.RULE_REMOVED, a_buying(a_wish(OTHER)), {}),
        (Cause.RULE_REMOVED, a_buying(a_wish(preset=a_preset("new"))), {}),
    ],
)
def test_what_changed_since_the_decision_stops_it(
    books: MemoryBooks, cause: Cause, buying: Buying, changes: dict[str, Any]
) -> None:
    assert rechecked(books, buying, **changes) is cause


def test_a_limit_that_filled_up_since_the_decision_stops_it(books: MemoryBooks) -> None:
    a_grab(books)
    assert (
        rechecked(books, a_buying(a_wish(limits=Limits(max_instances=1)))) is Cause.OVER_INSTANCES
    )


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.LIVE])
def test_what_was_approved_is_bought_when_live_buying_is_allowed_too(
    books: MemoryBooks, mode: Mode
) -> None:
    assert rechecked(books, a_buying(a_wish(mode=mode)), mode=Mode.APPROVE) is None


def news(books: MemoryBooks, cause: Cause, at: Any) -> bool:
    """Tell whether a refusal would be written at `at`, and write it if so."""
    buying = a_buying()
    with books.reading() as book:
        standing = Standing.read(book, buying, at)
        last = book.last_refusals().get(RULE)
    refusal = Refusal(cause=cause, detail="x")
    written = is_news(refusal, buying.wishes[RULE], standing, last)
    if written:
        a_grab(books, GrabStatus.REFUSED, created_at=at, reason=refusal.reason)
    return written


def test_the_same_refusal_is_written_once_however_long_it_lasts(books: MemoryBooks) -> None:
    assert news(books, Cause.COOLDOWN, NOON)
    assert not news(books, Cause.COOLDOWN, NOON + MINUTE)
    assert not news(books, Cause.COOLDOWN, NOON + 5 * DAY)


def test_refusals_that_alternate_are_written_once_an_hour(books: MemoryBooks) -> None:
    written = [
        news(books, cause, NOON + minute * MINUTE)
        for minute in range(120)
        for cause in (Cause.COOLDOWN, Cause.NO_CANDIDATE)
    ]
    assert sum(written) == 4


def test_after_a_purchase_a_refusal_is_news_again(books: MemoryBooks) -> None:
    assert news(books, Cause.OVER_INSTANCES, NOON)
    a_grab(books, created_at=NOON + MINUTE)
    assert news(books, Cause.OVER_INSTANCES, NOON + 2 * MINUTE)


@given(
    prices=st.lists(st.floats(0.1, 4), min_size=1, max_size=12),
    instances=st.integers(1, 4),
    per_hour=st.floats(0.5, 8),
    per_day=st.floats(1, 100),
    lives=st.lists(st.none() | st.integers(1, 40), min_size=1, max_size=3),
)
def test_however_often_it_is_asked_no_limit_is_exceeded(
    prices: list[float],
    instances: int,
    per_hour: float,
    per_day: float,
    lives: list[int | None],
) -> None:
    """Every choice is bought at its quote, and lives as long as it may."""
    books = MemoryBooks()
    limits = Limits(
        max_instances=instances,
        max_total_per_hour=nano(per_hour),
        max_spend_per_day=nano(per_day),
        max_spend_per_month=nano(1000),
        max_creates_per_hour=100,
    )
    for number, price in enumerate(prices):
        life = lives[number % len(lives)]
        wish = a_wish(time_to_live=None if life is None else life * HOUR)
        found = chosen(books, a_buying(wish, limits=limits), [an_offer(dollars=price)])
        if isinstance(found, Choice):
            a_grab(books, quoted=found.best[0].quoted, time_to_live=wish.time_to_live)
    bought = books.all()
    assert len(bought) <= instances
    assert sum(grab.rate for grab in bought) <= nano(per_hour)
    tomorrow = sum(grab.rate * _hours_tomorrow(grab.time_to_live) for grab in bought)
    assert tomorrow <= nano(per_day) + 1


def _hours_tomorrow(life: timedelta | None) -> float:
    """Return how much of tomorrow something bought at noon lives."""
    return 24 if life is None else min(max(life / HOUR - 12, 0), 24)


def test_a_dry_run_counts_as_a_create_for_later_dry_runs_only(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.DRY_RUN, mode=Mode.DRY_RUN, time_to_live=10 * MINUTE)
    limits = Limits(max_creates_per_hour=1)
    dry = a_buying(a_wish(mode=Mode.DRY_RUN, limits=limits))
    assert why(books, dry, at=NOON + 59 * MINUTE) is Cause.OVER_CREATES_PER_HOUR
    assert why(books, dry, at=NOON + HOUR) is None
    assert why(books, a_buying(a_wish(limits=limits)), at=NOON + MINUTE) is None


def test_a_dry_run_is_remembered_for_its_time_to_live(books: MemoryBooks) -> None:
    a_grab(books, GrabStatus.DRY_RUN, mode=Mode.DRY_RUN, time_to_live=3 * DAY)
    wish = a_wish(mode=Mode.DRY_RUN, limits=Limits(max_instances=1), time_to_live=3 * DAY)
    assert why(books, a_buying(wish), at=NOON + 2 * DAY) is Cause.OVER_INSTANCES
    assert why(books, a_buying(wish), at=NOON + 3 * DAY) is None
