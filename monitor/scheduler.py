"""The one table of periodic jobs, the threads that run them, and the watch over them.

APScheduler starts the jobs; a `Worker` is a job that is also woken as soon as there is work. Each
run is framed in one place: an error is logged and counted, and the next run comes all the same.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.errors import MonitorError

log = structlog.get_logger("monitor.scheduler")

_SLACK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`act(now)` every `every`, of which no run may take longer than `deadline`."""

    name: str
    act: Callable[[datetime], object]
    every: timedelta
    deadline: timedelta
    jitter: timedelta = timedelta(0)
    at_once: bool = True


class JobObserver(Protocol):
    """Who wants to know how the runs of jobs end."""

    def job_ran(self, job: str, now: datetime) -> None:
        """A run ended well."""

    def job_failed(self, job: str, error: Exception) -> None:
        """A run ended with an error."""


@dataclass(slots=True, kw_only=True)
class _Run:
    started: float
    deadline: timedelta
    told: bool = False


class Watch:
    """Frames every run of every job, and knows which of them have been running too long.

    `clock` gives the wall's time, for the jobs; `monotonic` gives seconds that never go back.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        observer: JobObserver,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._observer = observer
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Condition()

    def run(self, job: Job) -> None:
        """Run `job` once; whatever it raises is logged and counted here, and nowhere else."""
        now = self._clock()
        with self._lock:
            self._runs[job.name] = _Run(started=self._monotonic(), deadline=job.deadline)
        try:
            job.act(now)
        except MonitorError as error:
            log.error("job failed", job=job.name, error=str(error))  # noqa: TRY400 - no trace: these explain themselves
            self._observer.job_failed(job.name, error)
        except Exception as error:
            log.exception("job failed unexpectedly; please report this", job=job.name)
            self._observer.job_failed(job.name, error)
        else:
            self._observer.job_ran(job.name, now)
        finally:
            with self._lock:
                del self._runs[job.name]
                self._lock.notify_all()

    def hung(self) -> list[str]:
        """Return the jobs found to be over their deadline, each once in its run."""
        now = self._monotonic()
        with self._lock:
            late = [
                name
                for name, run in self._runs.items()
                if not run.told and now - run.started > run.deadline.total_seconds()
            ]
            for name in late:
                self._runs[name].told = True
        return late

    def wait_idle(self, patience: timedelta) -> bool:
        """Wait until no job runs, for at most `patience`; return whether none does."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._runs, patience.total_seconds())

    @property
    def running(self) -> list[str]:
        """The names of the jobs that are running."""
        with self._lock:
            return sorted(self._runs)


class Scheduler:
    """Runs a table of jobs until it is stopped."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._longest: dict[str, timedelta] = {}
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(32)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Begin to run what has been set."""
        self._scheduler.start()

    def set(self, jobs: Collection[Job], now: datetime) -> None:
        """Make `jobs` the whole table; each begins anew."""
        self._longest = {job.name: job.every + job.jitter for job in jobs}
        for present in self._scheduler.get_jobs():
            if present.id not in self._longest:
                present.remove()
        for job in jobs:
            self._scheduler.add_job(
                self._watch.run,
                "interval",
                args=[job],
                id=job.name,
                name=job.name,
                replace_existing=True,
                seconds=job.every.total_seconds(),
                jitter=job.jitter.total_seconds() or None,
                next_run_time=now if job.at_once else now + job.every,
            )

    def realign(self, now: datetime) -> None:
        """Bring forward what a clock that was set back has put off.

        APScheduler keeps the wall's time of the next run: set back by an hour, it would wait for
        that hour.
        """
        for present in self._scheduler.get_jobs():
            if present.next_run_time - now > self._longest[present.id] + _SLACK:
                present.modify(next_run_time=now)

    def stop(self) -> None:
        """Start no further run; those in flight go on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


class Worker:
    """A thread that runs a job whenever it is woken, and every `job.every` in any case."""

    def __init__(self, job: Job, watch: Watch) -> None:
        self._job = job
        self._watch = watch
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=job.name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Run the job as soon as the present run has ended."""
        self._awake.set()

    def leave(self) -> None:
        """Let the present run end, and no other begin."""
        self._stopping.set()
        self._awake.set()

    def join(self, timeout: timedelta) -> bool:
        """Wait for the thread's end; return whether it came in time."""
        self._thread.join(timeout.total_seconds())
        return not self._thread.is_alive()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._awake.clear()
            self._watch.run(self._job)
            if not self._stopping.is_set():
                self._awake.wait(self._job.every.total_seconds())
