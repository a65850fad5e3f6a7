"""Step functions: the lowest of many, and cutting into windows."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.history.pieces import Piece, lowest
from monitor.history.window import DAY, Window, ceiling, floor, steps
from monitor.market.money import NanoDollars

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
_pieces = st.builds(
    lambda since, length, value: Piece(
        NOON + timedelta(seconds=since),
        NOON + timedelta(seconds=since + length),
        NanoDollars(value),
    ),
    since=st.integers(0, 20),
    length=st.integers(1, 10),
    value=st.integers(1, 4),
)


@given(st.lists(_pieces, max_size=12))
def test_the_lowest_is_the_lowest_at_each_instant(pieces: list[Piece[NanoDollars]]) -> None:
    found = lowest(pieces)
    for second in range(32):
        at = NOON + timedelta(seconds=second + 0.5)
        here = [piece.value for piece in found if piece.since <= at < piece.until]
        there = [piece.value for piece in pieces if piece.since <= at < piece.until]
        assert here == ([min(there)] if there else [])


@given(st.lists(_pieces, max_size=12))
def test_the_lowest_changes_from_piece_to_piece(pieces: list[Piece[NanoDollars]]) -> None:
    found = lowest(pieces)
    for one, after in pairwise(found):
        assert one.until <= after.since
        assert one.until < after.since or one.value != after.value


def test_days_are_those_of_utc() -> None:
    assert floor(NOON, DAY) == NOON - timedelta(hours=12)
    assert ceiling(NOON, DAY) == NOON + timedelta(hours=12)
    assert ceiling(floor(NOON, DAY), DAY) == floor(NOON, DAY)


def test_a_window_that_ends_before_it_begins_has_no_steps() -> None:
    assert list(steps(Window(NOON, NOON - DAY), DAY)) == []
    assert Window(NOON, NOON - DAY).length == timedelta(0)
