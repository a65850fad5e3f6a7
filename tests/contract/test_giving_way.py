"""However much is deleted, a poll waits for one small batch of it at most, on both databases."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from monitor.history.window import DAY, HOUR
from monitor.jobs import history as history_jobs
from monitor.jobs import upkeep
from monitor.jobs.shared import SECOND
from monitor.store.engine import Database
from monitor.store.observations import Observations
from monitor.store.schema import offer_intervals, offers, transitions
from tests.contract.rolling import roll_up
from tests.contract.samples import NOON, record, selling
from tests.contract.test_history_jobs import shared

NOW = NOON + 99 * DAY
OLD = 240
"""Rows of each kind that are too old."""
AT_A_TIME = 20
SQLITE_LOOKS_EVERY = timedelta(milliseconds=100)
"""After some tries a connection that waits for the lock sleeps so long between two."""
JOBS = {"expire": offer_intervals, "prune": transitions}


@pytest.fixture(params=JOBS)
def job(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def full(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Hold many intervals and transitions that are older than the retention, and rolled up."""
    monkeypatch.setattr(history_jobs, "_AT_A_TIME", AT_A_TIME)
    monkeypatch.setattr(upkeep, "_PRUNE_ROWS", AT_A_TIME)
    known = Observations()
    for hour in range(60):
        record(database, selling(NOON + hour * HOUR, 2), known, HOUR)
    minute = timedelta(minutes=1)
    with database.transaction() as connection:
        offer = connection.scalar(select(offers.c.id))
        spans = [
            {"valid_from": since, "valid_to": since + minute, "gap": False}
            for since in (NOON - DAY + index * minute for index in range(OLD))
        ]
        rest = {"offer_id": offer, "available": 1, "price": 1}
        connection.execute(insert(offer_intervals), [{**span, **rest} for span in spans])
        change = {"rule": "r", "labels": "{}", "before": "pending", "after": "firing"}
        old = {**change, "at": NOON, "reason": "held"}
        connection.execute(insert(transitions), [old] * OLD)
    roll_up(database)
    return database


@pytest.fixture
def other(url: str) -> Iterator[Database]:
    """Open the database as another process that does not wait for a lock."""
    with closing(Database.open(url, busy_timeout=timedelta(milliseconds=1))) as opened:
        yield opened


def act(job: str, database: Database, stopping: Any) -> None:
    """Do what the daemon's job does."""
    given = shared(database, stopping=stopping)
    jobs = (*history_jobs.History(given).jobs(), *upkeep.Upkeep(given).jobs())
    (found,) = (each for each in jobs if each.name == job)
    found.act(NOW)


def left(database: Database, job: str) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(JOBS[job])) or 0


class Waiting:
    """Stands in for the event that stops the daemon: while the job waits for it, a poll is made."""

    def __init__(self, database: Database, job: str) -> None:
        self._database, self._job = database, job
        self._known = Observations()
        self.left: list[int] = []
        self.waits: list[float] = []

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.left.append(left(self._database, self._job))
        at = NOW + len(self.waits) * HOUR
        record(self._database, selling(at, 2), self._known, HOUR)
        return False


def test_between_two_small_batches_any_poll_has_its_turn(
    full: Database, other: Database, job: str
) -> None:
    """The poll does not wait at all, so nothing is held then, and there is time for it to come."""
    waiting = Waiting(other, job)
    act(job, full, waiting)
    assert left(full, job) <= 10
    assert len(waiting.waits) > OLD / AT_A_TIME
    assert min(waiting.waits) > SQLITE_LOOKS_EVERY / SECOND
    deleted = [
        before - after for before, after in zip(waiting.left, waiting.left[1:], strict=False)
    ]
    assert max(deleted) <= AT_A_TIME


@pytest.mark.slow
def test_a_poll_that_comes_while_much_is_deleted_waits_for_a_batch_or_two(
    full: Database, url: str, job: str
) -> None:
    stopping = threading.Event()
    worker = threading.Thread(target=act, args=(job, full, stopping))
    waited = []
    known = Observations()
    with closing(Database.open(url)) as polling:
        before = left(polling, job)
        worker.start()
        for poll in range(10):
            while worker.is_alive() and left(polling, job) == before:  # until another batch is over
                stopping.wait(0.001)
            since = left(polling, job)
            at = NOW + poll * HOUR
            record(polling, selling(at, 2), known, HOUR)
            before = left(polling, job)
            waited.append(since - before)
    stopping.set()
    worker.join(timeout=30)
    assert not worker.is_alive()
    assert max(waited) <= 3 * AT_A_TIME
