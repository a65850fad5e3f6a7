"""Column types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import TIMESTAMP, BigInteger, Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

NANO_DOLLARS = BigInteger
"""Money; SQLite has no decimal type, and its floats would not compare exactly."""

BIG_KEY = BigInteger().with_variant(Integer(), "sqlite")
"""The key of a table that grows for ever; SQLite counts up by itself in an `INTEGER` only."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant, exact to the microsecond: TIMESTAMPTZ, or microseconds since 1970 on SQLite.

    SQLite has no type for instants and would drop the zone; whole numbers are short, exact, and
    compare as the instants do.

    Raises:
        ValueError: when given an instant without a zone.
    """

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[int]:
        """Return the type of the column in this database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Integer())
        return dialect.type_descriptor(TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """Return what is stored for `value`."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant without a zone cannot be stored: {value}")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: datetime | int | None,
        dialect: Dialect,  # noqa: ARG002  the base's signature
    ) -> datetime | None:
        """Return the instant, in UTC."""
        match value:
            case None:
                return None
            case int():
                return _EPOCH + timedelta(microseconds=value)
            case datetime():
                return value.astimezone(UTC)


class Span(TypeDecorator[timedelta]):
    """A length of time, exact to the microsecond: a whole number of them on either database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:  # noqa: ARG002  the base's signature
        """Return what is stored for `value`."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:  # noqa: ARG002  likewise
        """Return the length of time."""
        return None if value is None else value * _MICROSECOND
