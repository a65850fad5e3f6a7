"""Instants as a person gives them: some time ago, or a date."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import typer

from monitor.config.durations import parse_duration

_FIRST_YEAR = 1970
_LAST_YEAR = 2999


@dataclass(frozen=True, slots=True)
class When:
    """An instant, or how long before now."""

    given: datetime | timedelta

    def resolved(self, now: datetime) -> datetime:
        """Return the instant that is meant."""
        return self.given if isinstance(self.given, datetime) else now - self.given


def when(given: str | When) -> When:
    """Read `7d` (so long ago), `2026-03-01` or `2026-03-01T12:00:00Z`, for an option.

    Without a zone it is UTC. Typer hands a default through as well.
    """
    if isinstance(given, When):
        return given
    try:
        return When(parse_duration(given))
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(given)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{given!r} is neither a time ago, such as 7d, "
            "nor an instant, such as 2026-03-01 or 2026-03-01T12:00:00Z"
        ) from None
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:  # so that all spans around it can be reckoned
        raise typer.BadParameter(f"{given!r} is not in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return When(at)
