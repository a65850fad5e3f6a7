import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import StoreBusyError
from monitor.scheduler import Job, Scheduler, Watch, Worker

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PATIENCE = 10


class Observed:
    """Remembers how runs ended, and lets a test wait for a number of them."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self._changed = threading.Condition()

    def job_ran(self, job: str, now: datetime) -> None:
        assert now == NOON
        self._add(job, "ran")

    def job_failed(self, job: str, error: Exception) -> None:
        self._add(job, type(error).__name__)

    def _add(self, job: str, end: str) -> None:
        with self._changed:
            self.ended.append((job, end))
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ended) >= count, PATIENCE)


class Hours:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def watch(observed: Observed, hours: Hours) -> Watch:
    return Watch(clock=lambda: NOON, monotonic=hours, observer=observed)


def a_job(act: object, name: str = "work", every: timedelta = timedelta(hours=1)) -> Job:
    assert callable(act)
    return Job(name=name, act=act, every=every, deadline=SECOND)


@pytest.mark.parametrize("error", [StoreBusyError("locked"), ZeroDivisionError()])
def test_a_job_that_fails_is_counted_and_does_not_end_its_thread(
    watch: Watch, observed: Observed, error: Exception
) -> None:
    def fail(_: datetime) -> None:
        raise error

    watch.run(a_job(fail))
    assert observed.ended == [("work", type(error).__name__)]
    assert watch.running == []


def test_a_hung_job_is_noticed_once_while_it_hangs(watch: Watch, hours: Hours) -> None:
    begun, release = threading.Event(), threading.Event()

    def hang(_: datetime) -> None:
        begun.set()
        release.wait(PATIENCE)

    thread = threading.Thread(target=watch.run, args=[a_job(hang)])
    thread.start()
    assert begun.wait(PATIENCE)
    assert watch.hung() == []
    hours.seconds = 2
    assert watch.hung() == ["work"]
    assert watch.hung() == []
    release.set()
    thread.join(PATIENCE)
    assert watch.hung() == []


@pytest.fixture
def scheduler(watch: Watch) -> Iterator[Scheduler]:
    scheduler = Scheduler(watch)
    scheduler.start()
    yield scheduler
    scheduler.stop()


def test_jobs_run_at_once_and_leave_when_the_table_is_set_anew(
    scheduler: Scheduler, observed: Observed
) -> None:
    now = datetime.now(UTC)
    scheduler.set([a_job(lambda _: None, "one"), a_job(lambda _: None, "two")], now)
    observed.wait_for(2)
    scheduler.set([a_job(lambda _: None, "three")], now)
    observed.wait_for(3)
    assert sorted(job for job, _ in observed.ended[:2]) == ["one", "two"]
    assert observed.ended[2] == ("three", "ran")


def test_a_clock_set_back_an_hour_does_not_put_jobs_off(
    scheduler: Scheduler, observed: Observed
) -> None:
    """A run that stands an hour too far in the future is brought forward to now."""
    now = datetime.now(UTC)
    scheduler.set([a_job(lambda _: None, every=SECOND * 60)], now + timedelta(hours=1))
    scheduler.realign(now)
    observed.wait_for(1)


def test_a_job_within_its_rhythm_is_not_brought_forward(
    scheduler: Scheduler, observed: Observed
) -> None:
    now = datetime.now(UTC)
    slow = a_job(lambda _: None, "slow", every=timedelta(hours=2))
    scheduler.set([slow], now + timedelta(hours=1))
    scheduler.realign(now)
    scheduler.set([slow, a_job(lambda _: None, "mark")], now + timedelta(hours=1))
    scheduler.realign(now)
    assert observed.ended == []


def test_a_worker_runs_when_it_is_woken_and_stops_when_told(
    watch: Watch, observed: Observed
) -> None:
    worker = Worker(a_job(lambda _: None), watch)
    worker.start()
    observed.wait_for(1)
    worker.wake()
    observed.wait_for(2)
    worker.leave()
    assert worker.join(SECOND * PATIENCE)


def test_a_wake_during_a_run_is_not_lost(watch: Watch, observed: Observed) -> None:
    begun, release = threading.Event(), threading.Event()

    def once_slow(_: datetime) -> None:
        begun.set()
        release.wait(PATIENCE)

    worker = Worker(a_job(once_slow), watch)
    worker.start()
    assert begun.wait(PATIENCE)
    worker.wake()
    release.set()
    observed.wait_for(2)
    worker.leave()
    assert worker.join(SECOND * PATIENCE)
