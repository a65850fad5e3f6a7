"""Keeping the database small: what is older than the retention goes, in small steps."""

from datetime import datetime, timedelta

from monitor.jobs.shared import Shared, job
from monitor.scheduler import Job
from monitor.store import retention

_PRUNE_ROWS = 500


class Upkeep:
    """Deletes what `database.retention` no longer keeps."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def jobs(self) -> list[Job]:
        """Return the job that prunes."""
        return [job("prune", self._prune, timedelta(hours=1), minutes=30)]

    def _prune(self, _now: datetime) -> None:
        keep = self._shared.setup.config.database.retention
        while self._shared.goes_on():
            with self._shared.database.transaction() as connection:
                if not retention.prune(connection, keep=keep, limit=_PRUNE_ROWS):
                    return
