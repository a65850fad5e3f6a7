"""Keeping the history in shape: roll-ups are made, and what they sum up goes after its time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from monitor.jobs.shared import Shared, job
from monitor.scheduler import Job
from monitor.store import expiry, leases, rollups, space

log = structlog.get_logger("monitor.jobs")

_ROLL_EVERY = timedelta(minutes=5)
_EXPIRE_EVERY = timedelta(hours=1)
_AT_A_TIME = 500
"""Intervals that are deleted in one transaction."""
_PAGES = 500
"""Pages of a file that are given back in one transaction."""


class History:
    """Rolls up hours and days that are over, and deletes intervals that are no longer kept.

    Of processes that share a database one does it at a time, by a lease.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def jobs(self) -> list[Job]:
        """Return the jobs that roll up and that delete."""
        return [
            job("rollup", self._roll_up, _ROLL_EVERY, minutes=60),
            job("expire", self._expire, _EXPIRE_EVERY, minutes=60),
        ]

    def _roll_up(self, now: datetime) -> None:
        with self._leading("rollup", now, _ROLL_EVERY) as leads:
            if leads:
                for marketplace in self._marketplaces():
                    while not self._shared.stopping.is_set() and self._next(marketplace):
                        pass

    def _marketplaces(self) -> list[str]:
        with self._shared.database.transaction() as connection:
            return rollups.begin(connection)

    def _next(self, marketplace: str) -> bool:
        """Roll up the next hours; say whether there were any."""
        database = self._shared.database
        with database.read() as connection:
            batch = rollups.due(connection, marketplace)
            if batch is None:
                return False
            made = rollups.make(connection, batch)
        with database.transaction() as connection:
            written = rollups.write(connection, batch, made)
        log.debug("rolled up", marketplace=marketplace, since=batch.hours.since, written=written)
        return True

    def _expire(self, now: datetime) -> None:
        database = self._shared.database
        keep = self._shared.setup.config.database.retention
        with self._leading("expire", now, _EXPIRE_EVERY) as leads:
            if not leads:
                return
            for marketplace in self._marketplaces():
                with database.transaction() as connection:
                    before = expiry.kept_since(connection, marketplace, keep)
                    expired = expiry.expire(connection, marketplace, before=before)
                while expired is not None and self._shared.goes_on():
                    with database.transaction() as connection:
                        if not expiry.drop(connection, expired, limit=_AT_A_TIME):
                            break
        while self._shared.goes_on():
            with database.transaction() as connection:
                if not space.give_back(connection, pages=_PAGES):
                    return

    @contextmanager
    def _leading(self, name: str, now: datetime, every: timedelta) -> Iterator[bool]:
        """Hold the lease `name`; yield whether this process has it."""
        holder, database = self._shared.holder, self._shared.database
        with database.transaction() as connection:
            leads = leases.acquire(connection, name, holder=holder, now=now, lease_for=every)
        try:
            yield leads
        finally:
            with database.transaction() as connection:
                leases.release(connection, name, holder=holder)
