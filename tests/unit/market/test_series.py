"""Values over time in promtool's notation."""

import re
from decimal import Decimal

import pytest

from monitor.market.series import LONGEST, numbers, words


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("2.10", [2.10]),
        ("2.10x2", [2.10, 2.10, 2.10]),
        ("1+0.5x2", [1, 1.5, 2]),
        ("2-0.05x2", [2, 1.95, 1.9]),
        ("1 _ 2 _x2 3", [1, None, 2, None, None, 3]),
        ("0.1+0.1x2", [0.1, 0.2, 0.3]),  # in decimals, as they are written
    ],
)
def test_numbers_are_as_in_promtool(text: str, values: list[float | None]) -> None:
    assert numbers(text) == tuple(None if v is None else Decimal(str(v)) for v in values)


def test_words_are_repeated_likewise() -> None:
    assert words("okx2 unreachable _x2") == ("ok", "ok", "ok", "unreachable", None, None)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "holds no value"),
        ("2.10y4", "'2.10y4' is not a value over time"),
        ("1+0.5", "'1+0.5' is not a value over time"),
        ("-1", "'-1' is not a value over time"),
        ("1-0.5x3", "falls below 0"),
        (f"1x{LONGEST}", "holds more than"),
    ],
)
def test_what_is_no_series_is_told(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        numbers(text)


def test_what_is_no_word_is_told() -> None:
    with pytest.raises(ValueError, match="'OK' is not a poll"):
        words("OK")
