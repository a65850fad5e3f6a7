"""What all jobs work with."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.scheduler import Job
from monitor.setup import Setup
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from monitor.web.metrics import Metrics

SECOND = timedelta(seconds=1)
GIVE_WAY = timedelta(milliseconds=150)
"""Who waits for SQLite looks every 100 ms whether it may write, and would find it always taken."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """The one thing that changes is `setup`, the configuration in force: a reload swaps it whole.

    `holder` is the name under which this process takes leases. A job begins nothing new once
    `stopping` is set.
    """

    setup: Setup
    database: Database
    ledgers: Ledgers
    metrics: Metrics
    holder: str
    stopping: threading.Event = field(default_factory=threading.Event)

    def goes_on(self) -> bool:
        """Let others write before a next batch; return whether to make it."""
        return not self.stopping.wait(GIVE_WAY / SECOND)


def job(name: str, act: Callable[[datetime], None], every: timedelta, *, minutes: int) -> Job:
    """Return the job `name`, no run of which may take longer than `minutes`."""
    return Job(name=name, act=act, every=every, deadline=timedelta(minutes=minutes))
