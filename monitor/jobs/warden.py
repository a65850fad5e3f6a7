"""The warden: notices jobs that hang, and a clock that was set back, on a thread of its own."""

from collections.abc import Callable
from datetime import datetime

import structlog

from monitor.jobs.shared import SECOND, Shared, job
from monitor.jobs.telling import Telling
from monitor.scheduler import Scheduler, Watch, Worker

log = structlog.get_logger("monitor.jobs")

_HANGS = (
    "A run of the job {job} has been going on for longer than it ever should.\n"
    "No further run of it begins until it ends. If it does not, restart gpu-monitor."
)


class Warden:
    """Looks after the others every second, and whenever it is woken; `first` is done before."""

    def __init__(
        self,
        shared: Shared,
        watch: Watch,
        scheduler: Scheduler,
        telling: Telling,
        first: Callable[[datetime], None],
    ) -> None:
        self._shared = shared
        self._watch = watch
        self._scheduler = scheduler
        self._telling = telling
        self._first = first
        self._hanging: list[str] = []
        self._worker = Worker(job("watch", self._look_after, SECOND, minutes=1), watch)
        self.start = self._worker.start
        self.wake = self._worker.wake
        self.leave = self._worker.leave

    def _look_after(self, now: datetime) -> None:
        self._first(now)
        self._scheduler.realign(now)
        for name in self._watch.hung():
            log.error("job hangs", job=name, running=self._watch.running)
            self._shared.metrics.job_hangs(name)
            self._hanging.append(name)
        while self._hanging:
            name = self._hanging[0]
            self._telling.tell_operators(f"the job {name} hangs", _HANGS.format(job=name), now)
            self._hanging.pop(0)
