"""The daemon's jobs that roll up and delete, on both databases."""

import threading
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from monitor.history.window import DAY, HOUR
from monitor.jobs.history import History
from monitor.jobs.shared import Shared
from monitor.store import history, leases
from monitor.store.engine import Database
from monitor.store.observations import Observations
from monitor.store.schema import daily_rollups, offer_intervals
from tests.contract.samples import MINUTE, NOON, record, selling

NOW = NOON + 10 * DAY


def shared(
    database: Database, holder: str = "ours", stopping: threading.Event | None = None
) -> Shared:
    """Return what jobs work with, of which these need little: a retention of two days."""
    setup: Any = SimpleNamespace(
        config=SimpleNamespace(database=SimpleNamespace(retention=2 * DAY))
    )
    nothing: Any = None
    return Shared(
        setup=setup,
        database=database,
        ledgers=nothing,
        metrics=nothing,
        holder=holder,
        stopping=stopping or threading.Event(),
    )


def jobs(database: Database, holder: str = "ours") -> dict[str, Any]:
    """Return what each job does."""
    return {job.name: job.act for job in History(shared(database, holder)).jobs()}


def fill(database: Database, last: datetime) -> None:
    known = Observations()
    when, price = NOON, 2
    while when <= last:
        record(database, selling(when, price), known, HOUR)
        when, price = when + 2 * HOUR, 5 - price


def counted(database: Database) -> tuple[int, int]:
    """Return the number of days that are rolled up, and of intervals."""
    with database.read() as connection:
        days, spans = (
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (daily_rollups, offer_intervals)
        )
    return days, spans


def test_days_are_rolled_up_and_their_intervals_deleted_after_the_retention(
    database: Database,
) -> None:
    fill(database, NOW)
    jobs(database)["rollup"](NOW)
    assert counted(database) == (10, 121)
    jobs(database)["expire"](NOW)
    assert counted(database) == (10, 32)
    with database.read() as connection:
        assert history.latest(connection, "tensordock") is not None


@pytest.mark.parametrize("polled", [False, True])
def test_a_clock_that_is_years_ahead_deletes_no_more_than_an_outage_of_a_day(
    database: Database, *, polled: bool
) -> None:
    """Whether the marketplace still answers then or not."""
    fill(database, NOW)
    ahead = NOW + 3650 * DAY
    if polled:
        record(database, selling(ahead, 2), interval=HOUR)
    jobs(database)["rollup"](ahead)
    jobs(database)["expire"](ahead)
    with database.read() as connection:
        assert history.at_instant(connection, "tensordock", NOW - DAY) is not None


def test_what_is_not_rolled_up_stays_however_old(database: Database) -> None:
    fill(database, NOW)
    jobs(database)["expire"](NOW)
    assert counted(database) == (0, 121)


def test_while_another_process_has_the_lease_it_does_the_work(database: Database) -> None:
    fill(database, NOON + 2 * DAY)
    with database.transaction() as connection:
        assert leases.acquire(connection, "rollup", holder="theirs", now=NOW, lease_for=5 * MINUTE)
    jobs(database)["rollup"](NOW)
    assert counted(database)[0] == 0
    jobs(database)["rollup"](NOW + HOUR)
    assert counted(database)[0] == 2
