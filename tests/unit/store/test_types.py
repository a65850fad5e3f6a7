"""Instants go in and come out the same, on either database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url
from sqlalchemy.engine import Dialect

from monitor.store.types import Span, UtcDateTime

DIALECTS = tuple(make_url(f"{name}://").get_dialect()() for name in ("sqlite", "postgresql"))
instants = st.datetimes(timezones=st.timezones() | st.just(UTC))


@given(value=instants, dialect=st.sampled_from(DIALECTS))
def test_an_instant_is_read_as_it_was_written(value: datetime, dialect: Dialect) -> None:
    column = UtcDateTime()
    read = column.process_result_value(column.process_bind_param(value, dialect), dialect)
    assert read == value.astimezone(UTC)
    assert read is not None
    assert read.tzinfo is UTC


@given(one=instants, other=instants)
def test_sqlite_compares_as_the_instants_do(one: datetime, other: datetime) -> None:
    stored = [UtcDateTime().process_bind_param(each, DIALECTS[0]) for each in (one, other)]
    assert all(isinstance(each, int) for each in stored)
    assert (stored[0] < stored[1]) == (one < other)  # type: ignore[operator]  # checked above


def test_an_instant_is_a_number_of_microseconds_on_sqlite() -> None:
    berlin = timezone(timedelta(hours=1))
    value = datetime(1970, 1, 1, 1, 0, 1, 5, tzinfo=berlin)
    assert UtcDateTime().process_bind_param(value, DIALECTS[0]) == 1_000_005


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_stays_nothing(dialect: Dialect) -> None:
    assert UtcDateTime().process_bind_param(None, dialect) is None
    assert UtcDateTime().process_result_value(None, dialect) is None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_instant_without_a_zone_is_refused(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        UtcDateTime().process_bind_param(datetime(2026, 3, 21), dialect)  # noqa: DTZ001  the point


@given(value=st.none() | st.timedeltas(), dialect=st.sampled_from(DIALECTS))
def test_a_length_of_time_is_read_as_it_was_written(
    value: timedelta | None, dialect: Dialect
) -> None:
    column = Span()
    assert column.process_result_value(column.process_bind_param(value, dialect), dialect) == value
