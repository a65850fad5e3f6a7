"""What a silence covers, and what may not be written in one."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerting.silence import Silence, SilenceId, read_matcher, silenced_until

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
LABELS = {"rule": "cheap", "gpu": "h100-sxm5-80gb", "marketplace": "tensordock", "severity": "info"}


def silence(*matchers: str, hours: int = 1) -> Silence:
    return Silence(
        id=SilenceId(1),
        matchers=tuple(map(read_matcher, matchers)),
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=hours),
        created_by="me",
        comment="",
    )


@pytest.mark.parametrize(
    ("matcher", "covered"),
    [
        ("rule=cheap", True),
        ('rule = "cheap"', True),
        ("rule=che", False),
        ("rule!=cheap", False),
        ("severity!=critical", True),
        ("gpu=~h100-.*", True),
        ("gpu=~'a100-.*|h100-.*'", True),
        ("gpu=~h100", False),
        ("gpu!~h100", True),
        ("gpu!~h100-.*", False),
        ("gpu=~(a|h)100-sxm[0-9]-80gb", True),
        (r"gpu=~h\d{3}-\w+-\d{2,3}gb", True),
        ("location=", True),
        ("location=~.+", False),
    ],
)
def test_what_a_matcher_fits(matcher: str, *, covered: bool) -> None:
    assert silence(matcher).covers(LABELS) is covered


def test_all_matchers_have_to_fit() -> None:
    assert silence("rule=cheap", "gpu=~h100.*").covers(LABELS)
    assert not silence("rule=cheap", "gpu=~a100.*").covers(LABELS)


def test_a_silence_counts_from_its_start_until_before_its_end() -> None:
    one = silence("rule=cheap")
    instants = [NOON - timedelta(seconds=1), NOON, one.ends_at - timedelta(seconds=1), one.ends_at]
    assert [one.is_active(at) for at in instants] == [False, True, True, False]


def test_the_longest_of_several_silences_says_until_when() -> None:
    several = [silence("rule=cheap"), silence("gpu=~h.*", hours=3), silence("rule=x", hours=9)]
    assert silenced_until(several, LABELS) == NOON + timedelta(hours=3)
    assert silenced_until(several[2:], LABELS) is None


def test_a_value_of_the_marketplace_that_is_too_long_fits_no_expression() -> None:
    assert not silence("gpu=~h.*").covers({**LABELS, "gpu": "h" * 101})


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("cheap", "a matcher is written like"),
        ("price=2", "there is no label price; there are rule, gpu"),
        ("gpu=~(", r"\( is not a regular expression"),
        ("gpu=~[b-a]", "is not a regular expression"),
        ("gpu=~[[a]]", "may not, at character 1"),
        ("gpu=~[a--b]", "may not, at character 1"),
        ("gpu=~(a+)+", "may not, at character 4"),
        ("gpu=~(a|b)*", "may not, at character"),
        (r"gpu=~(a)\1", "may not, at character"),
        ("gpu=~(?=a)", "may not, at character"),
        ("gpu=~(?i)a", "may not, at character"),
        ("gpu=~.*a.*b.*c.*", "too many repeats"),
        ("gpu=~a?a?a?a?a?a?", "too many repeats or choices"),
        ("gpu=~(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)", "too many repeats or choices"),
        ("gpu=~" + "a" * 201, "at most 200"),
        ("gpu=a\nb", "one line"),
    ],
)
def test_what_is_no_matcher(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_matcher(text)


@given(st.text(alphabet="a.*+?|()[]{}\\,1^$", max_size=30))
@settings(max_examples=300)
def test_whatever_expression_is_taken_costs_little(pattern: str) -> None:
    try:
        matcher = read_matcher(f"gpu=~{pattern}")
    except ValueError:
        return
    begun = time.perf_counter()
    matcher.fits({"gpu": "a" * 99 + "b"})
    assert time.perf_counter() - begun < 1


def test_a_silence_is_shown_as_it_is_written() -> None:
    matcher = read_matcher("gpu=~h100-.*")
    assert str(matcher) == 'gpu=~"h100-.*"'
    assert read_matcher(str(matcher)) == matcher
    assert replace(matcher) == matcher
