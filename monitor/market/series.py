"""Prices, counts and outcomes over time in the short notation of promtool's unit tests.

Words between spaces: `2.10` is one value, `2.10x4` that value and then four times the same again,
`2.10-0.05x4` then four times five cents less each time; `_` is none, `_x4` four times none. (See
"Unit testing for rules" in Prometheus' documentation; there `_` is a missing sample.)
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeVar

Value = TypeVar("Value")

LONGEST = 100_000
"""More values than that are a slip."""

_NUMBER = r"\d+(?:\.\d+)?"
_NUMBERS = re.compile(
    rf"(?P<first>{_NUMBER})(?:(?P<step>[+-]{_NUMBER}))?(?:x(?P<times>\d{{1,6}}))?"
)
_NONE = re.compile(r"_(?:x(?P<times>\d{1,6}))?")
_WORDS = re.compile(r"(?P<word>[a-z]+)(?:x(?P<times>\d{1,6}))?")


def numbers(text: str) -> tuple[Decimal | None, ...]:
    """Return the values that `text` writes; `None` where there is none.

    Raises:
        ValueError: with a sentence.
    """
    return _bounded([value for word in text.split() for value in _numbers(word)])


def words(text: str) -> tuple[str | None, ...]:
    """Return the words that `text` writes: `ok unreachablex2 _x3` are six, three of them `None`.

    Raises:
        ValueError: with a sentence.
    """
    return _bounded([value for word in text.split() for value in _words(word)])


def _numbers(text: str) -> Iterator[Decimal | None]:
    if none := _NONE.fullmatch(text):
        yield from [None] * int(none["times"] or 1)
        return
    found = _NUMBERS.fullmatch(text)
    if found is None or (found["step"] and not found["times"]):
        raise ValueError(
            f"{text!r} is not a value over time: write 2.10, 2.10x4 (and four times again), "
            "2.10-0.05x4, _ or _x4 (none)"
        )
    first, step = Decimal(found["first"]), Decimal(found["step"] or 0)
    last = first + step * int(found["times"] or 0)
    if last < 0:
        raise ValueError(f"{text!r} falls below 0")
    yield from (first + step * number for number in range(1 + int(found["times"] or 0)))


def _words(text: str) -> Iterator[str | None]:
    if none := _NONE.fullmatch(text):
        yield from [None] * int(none["times"] or 1)
        return
    found = _WORDS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a poll: write ok, okx4 (and four times again), _ or _x4")
    yield from [found["word"]] * (1 + int(found["times"] or 0))


def _bounded(values: list[Value]) -> tuple[Value, ...]:
    if not values:
        raise ValueError("holds no value")
    if len(values) > LONGEST:
        raise ValueError(f"holds more than {LONGEST} values")
    return tuple(values)
