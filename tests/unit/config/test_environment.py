"""Variables of the environment inside values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.environment import InterpolationError, interpolate

ENVIRON = {"HOST": "db", "PORT": "5432", "EMPTY": "", "NESTED": "${HOST}"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${HOST}", "db"),
        ("pg://${HOST}:${PORT}/m", "pg://db:5432/m"),
        ("${UNSET:-other}", "other"),
        ("${HOST:-other}", "db"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${UNSET:-}", ""),
        ("${UNSET:-a b:c/d-e}", "a b:c/d-e"),
        ("${NESTED}", "${HOST}"),
        ("cost $5, $$ and $HOME", "cost $5, $$ and $HOME"),
        ("echo $${HOME}", "echo ${HOME}"),
        ("a{b}", "a{b}"),
    ],
)
def test_puts_in_what_the_environment_holds(text: str, result: str) -> None:
    assert interpolate(text, ENVIRON) == result


def test_every_unset_variable_is_named_once() -> None:
    with pytest.raises(InterpolationError, match=r"does not set ONE and TWO: .*\$\{ONE:-default\}"):
        interpolate("${ONE}${TWO}${ONE}", ENVIRON)


@pytest.mark.parametrize(
    "text", ["${", "${}", "${1X}", "${HOST", "${HOST-x}", "${A B}", "${X%%.*}"]
)
def test_what_begins_no_variable_is_a_mistake(text: str) -> None:
    with pytest.raises(InterpolationError, match=r"write `\$\$\{`"):
        interpolate(text, ENVIRON)


@given(st.text(alphabet="${}:-AB \n", max_size=20))
def test_any_text_is_replaced_or_an_interpolation_error(text: str) -> None:
    try:
        result = interpolate(text, {"A": "x"})
    except InterpolationError:
        return
    assert ("${" in text) or result == text
