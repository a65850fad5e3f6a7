"""The only place that asks for the time; everything else is given `now`."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the wall clock's time, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back, for measuring how long something took."""
    return time.monotonic()
