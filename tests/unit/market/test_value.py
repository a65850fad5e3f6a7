"""Values are dataclasses with slots, compared by what they hold."""

from dataclasses import fields, replace

import pytest

from monitor.market.value import value


@value
class Point:
    """A value as the core makes them."""

    x: int
    y: int = 0


@value(kw_only=False)
class Pair:
    """One that is made in the order of its fields."""

    one: int
    other: int


def test_a_value_is_compared_hashed_and_copied_by_its_fields() -> None:
    assert Point(x=1) == Point(x=1, y=0) != Point(x=2)
    assert len({Point(x=1), Point(x=1), Point(x=2)}) == 2
    assert replace(Point(x=1), y=3) == Point(x=1, y=3)
    assert [each.name for each in fields(Point)] == ["x", "y"]


def test_a_value_has_no_room_for_more_than_its_fields() -> None:
    with pytest.raises(AttributeError):
        object.__setattr__(Point(x=1), "z", 1)


def test_only_a_value_that_says_so_is_made_by_position() -> None:
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[call-arg]
    assert Pair(1, 2) == Pair(one=1, other=2)


def test_that_nobody_changes_a_value_is_seen_by_mypy() -> None:
    """Without the lock, mypy would call the comment unused."""
    point = Point(x=1)
    point.x = 2  # type: ignore[misc]
    assert point == Point(x=2)
