"""Durations as Prometheus writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.durations import parse_duration, show_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("400d", timedelta(days=400)),
        ("2w", timedelta(weeks=2)),
        ("1y", timedelta(days=365)),
        ("500ms", timedelta(milliseconds=500)),
        ("5m", timedelta(minutes=5)),
        ("1d12h30m15s250ms", timedelta(days=1, hours=12, minutes=30, seconds=15.25)),
        ("0s", timedelta(0)),
        ("0", timedelta(0)),
        ("100y", timedelta(days=36_500)),
    ],
)
def test_reads_what_prometheus_writes(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["60", "1"])
def test_a_bare_number_is_told_to_need_a_unit(text: str) -> None:
    with pytest.raises(ValueError, match=f"needs a unit, such as {text}s or {text}m"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text",
    ["", "1 hour", "1m1h", "1h 30m", "1.5h", "-5m", "5M", "h", "1h1h", "5m\n", "1e3s", "٣s", " 5m"],
)
def test_anything_else_is_told_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="is written like 30s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["101y", "999999999999y999999999999w"])
def test_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 100y"):
        parse_duration(text)


@given(st.text(alphabet="0123456789ywdhms ", max_size=12))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) <= duration <= timedelta(days=36_500)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (90, "1m30s"),
        (300, "5m"),
        (3600 * 5 + 60 * 34 + 12, "5h34m"),
        (86_400 * 400 + 5, "400d"),
    ],
)
def test_a_duration_is_shown_as_it_can_be_written(seconds: float, shown: str) -> None:
    length = timedelta(seconds=seconds)
    assert show_duration(length) == shown
    assert abs(parse_duration(shown) - length) < timedelta(hours=1)
