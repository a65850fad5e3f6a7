"""Sessions, honest about what was not seen."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.history.sessions import (
    Session,
    Slot,
    Wait,
    absences,
    appearances_by_slot,
    lasting,
    looked_closely,
    quantile,
    sessions,
    time_by_slot,
    within,
)
from monitor.history.window import Window

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)  # a Saturday
MINUTE = timedelta(minutes=1)


def span(since: float, until: float) -> Window:
    return Window(NOON + since * MINUTE, NOON + until * MINUTE)


def wait(minutes: float, *, seen: bool = True) -> Wait:
    return Wait(minutes * MINUTE, seen)


COVERED = [span(0, 100), span(200, 300)]


def test_both_ends_of_a_session_within_coverage_were_seen() -> None:
    assert sessions([span(10, 20)], COVERED) == [Session(*span(10, 20), appeared=True, gone=True)]


def test_what_was_there_at_first_was_not_seen_to_appear() -> None:
    (session,) = sessions([span(0, 20)], COVERED)
    assert (session.appeared, session.gone) == (False, True)


@pytest.mark.parametrize("until", [100, 300])
def test_what_polling_lost_sight_of_is_not_gone(until: int) -> None:
    (session,) = sessions([span(until - 10, until)], COVERED)
    assert (session.appeared, session.gone) == (True, False)


def test_what_was_there_on_both_sides_of_a_gap_is_two_sessions() -> None:
    found = sessions([span(90, 100), span(200, 210)], COVERED)
    assert [(each.appeared, each.gone) for each in found] == [(True, False), (False, True)]


def test_hostnodes_that_take_turns_are_one_session_of_the_model() -> None:
    assert len(sessions([span(20, 30), span(10, 20), span(15, 25)], COVERED)) == 1


def test_a_session_that_was_there_at_first_says_nothing_of_how_long_they_last() -> None:
    found = sessions([span(0, 20), span(30, 37), span(95, 100)], COVERED)
    assert lasting(found) == [wait(7), wait(5, seen=False)]


def test_until_it_came_back_or_was_lost_sight_of() -> None:
    found = sessions([span(10, 20), span(50, 60), span(210, 220)], COVERED)
    assert absences(found, COVERED) == [wait(30), wait(40, seen=False), wait(80, seen=False)]


def test_only_of_what_can_be_told_it_is_counted_whether_it_went_soon() -> None:
    odds = within([wait(3), wait(5), wait(9), wait(2, seen=False), wait(50, seen=False)])
    assert (odds.count, odds.known, odds.share) == (2, 4, 0.5)


def test_without_any_of_which_it_can_be_told_there_is_no_share() -> None:
    assert within([wait(2, seen=False)]).share is None


def test_a_median_is_not_made_shorter_by_what_was_cut_off() -> None:
    """Of four, one went after 10 minutes, two were lost sight of, the last lasted for 60."""
    waits = [wait(10), wait(20, seen=False), wait(30, seen=False), wait(60)]
    assert quantile(waits, 0.5) == 60 * MINUTE
    assert quantile([each for each in waits if each.seen], 0.5) == 10 * MINUTE


def test_a_share_that_was_not_seen_to_happen_has_no_time() -> None:
    assert quantile([wait(10), wait(20, seen=False)], 0.9) is None
    assert quantile([], 0.5) is None


@given(st.lists(st.integers(1, 50), min_size=1), st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9, 1]))
def test_where_all_was_seen_it_is_the_plain_quantile(minutes: list[int], share: float) -> None:
    ordered = sorted(minutes)
    plain = next(each for k, each in enumerate(ordered, 1) if k / len(ordered) >= share - 1e-9)
    assert quantile([wait(each) for each in minutes], share) == plain * MINUTE


def test_hours_are_those_of_the_zone() -> None:
    """12:30 UTC on a Saturday is 18:00 in India; a stretch is divided at the full hour there."""
    found = time_by_slot([span(0, 60)], ZoneInfo("Asia/Kolkata"))
    assert found == {Slot(5, 17): 30 * 60_000_000, Slot(5, 18): 30 * 60_000_000}


def test_a_day_that_is_an_hour_short_loses_no_time() -> None:
    night = Window(datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 3, tzinfo=UTC))
    found = time_by_slot([night], ZoneInfo("Europe/Berlin"))
    assert set(found) == {Slot(6, 1), Slot(6, 3), Slot(6, 4)}
    assert sum(found.values()) == 3 * 3_600_000_000


def test_appearances_are_those_that_were_seen() -> None:
    found = sessions([span(0, 5), span(70, 80)], COVERED)
    assert appearances_by_slot(found, UTC) == {Slot(5, 13): 1}


stretches = st.lists(st.tuples(st.integers(0, 99), st.integers(1, 30)), max_size=8)


@given(stretches)
def test_sessions_are_apart_and_add_up_to_the_time_it_could_be_had(
    drawn: list[tuple[int, int]],
) -> None:
    had = [span(since, min(since + length, 100)) for since, length in drawn]
    minutes = {
        m
        for since, until in had
        for m in range(100)
        if span(m, m).since >= since and span(m, m).since < until
    }
    found = sessions(had, COVERED)
    assert sum((each.lasted for each in found), timedelta(0)) == len(minutes) * MINUTE
    assert all(one.until < other.since for one, other in pairwise(found))
    assert all(each.gone or each.until == NOON + 100 * MINUTE for each in found)
    assert all(each.appeared or each.since == NOON for each in found)


@pytest.mark.parametrize(
    ("apart", "retries", "closely"), [(1, 0, True), (30, 0, False), (30, 1, False), (6, 20, True)]
)
def test_only_who_looks_every_few_minutes_can_tell_that_nothing_goes_so_soon(
    apart: float, retries: int, *, closely: bool
) -> None:
    """A retry that came soon after a poll does not make it so."""
    had = [span(60 * session, 60 * session + apart) for session in range(100)]
    again = [span(60 * session + apart, 60 * session + apart + 1) for session in range(retries)]
    assert looked_closely([*had, *again]) is closely


def test_of_what_never_changed_nothing_is_told() -> None:
    assert not looked_closely([])
