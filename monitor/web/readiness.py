"""Whether the monitor does its job: migrated, and polled lately."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.rules.past import OUTAGE_INTERVALS

TIMEOUTS_ALLOWED = 2
"""How many time-outs may lie between the beginnings of two polls, beside three intervals.

A poll that hangs takes one, and the next one is known of when it has taken another. Where two
processes share the polls it is as much: the lease of one that died lasts for two intervals and a
time-out, another one looks within an interval whether it is over, and its poll takes a time-out.
The alert `system:late` goes by the same measure.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How often a marketplace is polled, and when the last poll that has ended began.

    Whatever came of it; `timeout` is how long one may take.
    """

    marketplace: str
    interval: timedelta
    timeout: timedelta
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Why the monitor is not ready, one sentence each; it is ready without a reason against it."""

    reasons: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether the monitor does its job."""
        return not self.reasons


def readiness(*, now: datetime, migrated: bool, pollings: Iterable[Polling]) -> Readiness:
    """Decide whether the monitor does its job at `now`.

    A marketplace that answers badly does not count against it: the age of the data is for metrics
    and alerts to tell, and restarting the monitor would mend nothing.
    """
    unmigrated = () if migrated else ("the database is not migrated",)
    return Readiness(reasons=(*unmigrated, *_overdue(now, pollings)))


def _overdue(now: datetime, pollings: Iterable[Polling]) -> Iterator[str]:
    for polling in pollings:
        if polling.last_at is None:
            yield f"{polling.marketplace}: no poll yet"
        elif (age := now - polling.last_at) > _allowed(polling):
            yield (
                f"{polling.marketplace}: last poll {age.total_seconds():.0f} s ago, "
                f"expected every {polling.interval.total_seconds():g} s"
            )


def _allowed(polling: Polling) -> timedelta:
    return OUTAGE_INTERVALS * polling.interval + TIMEOUTS_ALLOWED * polling.timeout
