"""Roll-ups are what the intervals come to, also after those are gone, and whatever interrupts."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from monitor.history.selection import Model, Selection
from monitor.history.splice import Look as Sight
from monitor.history.summary import Source, Summary
from monitor.history.window import DAY, HOUR, Window, floor, steps
from monitor.market.diff import hostnode_facts, offer_facts
from monitor.market.snapshot import Snapshot
from monitor.store import history, progress, rollups, statistics
from monitor.store.engine import Database
from monitor.store.imports import Importer
from monitor.store.observations import Observations
from monitor.store.schema import (
    daily_rollups,
    offer_intervals,
    stale_rollups,
)
from monitor.store.types import UtcDateTime
from tests.contract import naive
from tests.contract.rolling import expire, roll_up
from tests.contract.samples import MINUTE, NOON, looks, record, selling
from tests.contract.test_statistics import GPU, NAMES, Look, agrees

MODEL = Model("tensordock", GPU)
MIDNIGHT = NOON + DAY / 2


def polled(database: Database, count: int, every: timedelta = HOUR) -> list[Snapshot]:
    """Record polls at regular intervals from midnight on, at prices that come and go."""
    known = Observations()
    seen = polled_looks(count, every)
    for each in seen:
        record(database, each, known, every)
    return seen


def polled_looks(count: int, every: timedelta = HOUR) -> list[Snapshot]:
    return [selling(MIDNIGHT + index * every, 2 + index % 3) for index in range(count)]


def sight(seen: Snapshot) -> Sight:
    """Return what an import has of a poll, which reaches an hour."""
    return Sight(
        at=seen.at,
        back=HOUR,
        ahead=HOUR,
        hostnodes=dict(hostnode_facts(seen.hostnodes)),
        offers=dict(offer_facts(seen.offers)),
    )


def told(
    database: Database, source: Source, name: str = "tensordock"
) -> dict[Model, dict[datetime, Summary]]:
    whole = Window(NOON - 99 * DAY, NOON + 99 * DAY)
    with database.read() as connection:
        models = list(statistics.summaries(connection, Selection(marketplace=name), whole))
        return rollups.read(connection, source, models, whole)


def test_hours_are_rolled_up_when_they_are_over(database: Database) -> None:
    polled(database, 3, 50 * MINUTE)
    assert roll_up(database) == 1
    assert list(told(database, Source.HOURLY)[MODEL]) == [MIDNIGHT]
    assert roll_up(database) == 0


def test_a_day_is_rolled_up_when_it_is_over(database: Database) -> None:
    polled(database, 26)
    roll_up(database)
    (day,) = told(database, Source.DAILY)[MODEL].values()
    assert day.window == Window(MIDNIGHT, MIDNIGHT + DAY)
    assert day.coverage == 1
    assert day.best is not None
    assert (day.best.mean, day.best.low_at) == (3_000_000_000, MIDNIGHT)
    assert len(told(database, Source.HOURLY)[MODEL]) == 25


def test_columns_can_be_read_by_people(database: Database) -> None:
    polled(database, 26)
    roll_up(database)
    columns = daily_rollups.c
    with database.read() as connection:
        row = connection.execute(
            select(
                columns.best_low / 1e9,
                columns.best_median / 1e9,
                columns.available_seconds / columns.covered_seconds,
                columns.gpu_seconds / columns.covered_seconds,
            )
        ).one()
    assert tuple(row) == (2, 3, 1, 1)


def test_the_view_of_hours_says_what_the_program_reads(database: Database) -> None:
    polled(database, 60, 47 * MINUTE)
    roll_up(database)
    hours = told(database, Source.HOURLY)[MODEL]
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT * FROM hourly_rollups ORDER BY at").columns(
                at=UtcDateTime, low_at=UtcDateTime
            )
        ).all()
    assert [row.at for row in rows] == sorted(hours)
    for row in rows:
        hour = hours[row.at]
        best = hour.best
        assert best is not None
        assert (row.low_at, row.best_low, row.best_high) == (best.low_at, best.low, best.high)
        assert (row.best_mean, row.best_median) == (best.mean, best.median)
        assert row.covered_seconds == hour.covered.total_seconds()
        assert row.available_seconds == hour.available.total_seconds()
        assert row.gpu_seconds == hour.gpu_time.total_seconds()


def test_a_day_whose_polling_ended_on_the_hour_is_rolled_up(database: Database) -> None:
    """The next coverage begins days later; what was polled of the first day is told by its row."""
    known = Observations()
    for hour in range(11):
        record(database, selling(MIDNIGHT + hour * HOUR, 2), known, HOUR)
    roll_up(database)
    for hour in range(80, 90):
        record(database, selling(MIDNIGHT + hour * HOUR, 2), known, HOUR)
    roll_up(database)
    day = told(database, Source.DAILY)[MODEL].get(MIDNIGHT)
    assert day is not None
    assert day.covered == 10 * HOUR


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has its own name
)
@given(
    steps_=st.lists(
        st.tuples(st.integers(0, 700), st.booleans(), st.none() | looks()), min_size=4, max_size=8
    ),
    restarts=st.integers(0, 7),
    kept=st.integers(0, 3),
)
def test_roll_ups_are_what_the_polls_come_to(
    database: Database,
    steps_: list[tuple[int, bool, Look | None]],
    restarts: int,
    kept: int,
) -> None:
    """For any polls, rolled up at any time, before and after their intervals are deleted."""
    name, bridged = next(NAMES), 6 * HOUR
    good: list[Snapshot] = []
    known = Observations()
    now = NOON
    for index, (minutes, again, look) in enumerate(steps_):
        now += minutes * MINUTE
        known = Observations() if again else known
        if look is not None and (not good or now > good[-1].at):
            good.append(replace(selling(now), marketplace=name, hostnodes=look[0], offers=look[1]))
            record(database, good[-1], known, bridged / 3)
        if index % 4 == restarts % 4:
            roll_up(database)
    roll_up(database)
    expire(database, name, now - kept * HOUR, limit=1000)
    if not good:
        return
    until = floor(good[-1].at, HOUR)
    for source, length in ((Source.HOURLY, HOUR), (Source.DAILY, DAY)):
        for model, rows in told(database, source, name).items():
            for window in steps(Window(floor(good[0].at, DAY), until), length):
                if window.length == length:
                    expected = naive.past(good, window, model.gpu, bridged=bridged)
                    found = rows.get(window.since, Summary(window=window))
                    if window.since in rows or expected.gpu_time:
                        agrees(found, expected, frozenset({source}))
                        assert found.covered == expected.covered


def test_what_was_deleted_is_answered_from_roll_ups(database: Database) -> None:
    seen = polled(database, 100)
    roll_up(database)
    now = seen[-1].at
    window = Window(MIDNIGHT + HOUR, now)
    with database.read() as connection:
        ((before,),) = statistics.summaries(connection, Selection(), window).values()
    deleted = expire(database, "tensordock", now - DAY)
    assert sum(deleted) > 60
    assert max(deleted) <= 6
    with database.read() as connection:
        ((after,),) = statistics.summaries(connection, Selection(), window).values()
        assert history.at_instant(connection, "tensordock", MIDNIGHT + 3 * DAY) is not None
        assert history.at_instant(connection, "tensordock", MIDNIGHT + 2 * DAY) is None
    assert before.sources == {Source.RAW}
    assert after.sources == set(Source)
    assert replace(after, sources=before.sources) == before


def test_steps_that_hours_cannot_tell_are_not_covered(database: Database) -> None:
    polled(database, 100)
    roll_up(database)
    expire(database, "tensordock", MIDNIGHT + 3 * DAY)
    window = Window(MIDNIGHT + 3 * DAY - HOUR, MIDNIGHT + 3 * DAY + HOUR)
    asked = {
        "half hours": (Selection(), HOUR / 2, [0, 0, 1, 1]),
        "hours": (Selection(), HOUR, [1, 1]),
        "one hostnode": (Selection(hostnode="hn-1"), HOUR, [0, 1]),
    }
    with database.read() as connection:
        for name, (selection, step, coverage) in asked.items():
            (found,) = statistics.summaries(connection, selection, window, step=step).values()
            assert [each.coverage for each in found] == coverage, name


def test_only_what_is_rolled_up_is_deleted(database: Database) -> None:
    polled(database, 100)
    assert expire(database, "tensordock", MIDNIGHT + 9 * DAY) == []
    roll_up(database)
    expire(database, "tensordock", MIDNIGHT + 9 * DAY)
    with database.read() as connection:
        oldest = connection.scalar(select(func.min(offer_intervals.c.valid_to)))
        assert history.latest(connection, "tensordock") is not None
    assert oldest == MIDNIGHT + 4 * DAY
    assert expire(database, "tensordock", MIDNIGHT + 9 * DAY) == []


def test_an_import_into_the_past_makes_its_hours_anew(database: Database) -> None:
    seen = [selling(MIDNIGHT + index * HOUR / 2, 2 + index % 3) for index in range(120)]
    known = Observations()
    for each in seen:
        if each not in seen[20:70]:
            record(database, each, known, HOUR / 3)
    roll_up(database)
    Importer(database, "tensordock").put([sight(each) for each in seen[20:70]])
    with database.read() as connection:
        found = progress.find(connection, "tensordock")
    assert found is not None
    assert found.reliable_until == floor(seen[19].at, HOUR)
    assert roll_up(database) > 0
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(stale_rollups)) == 0
    for source, length in ((Source.HOURLY, HOUR), (Source.DAILY, DAY)):
        rows = told(database, source)[MODEL]
        windows = [w for w in steps(Window(MIDNIGHT, seen[-1].at), length) if w.length == length]
        assert sorted(rows) == [window.since for window in windows]
        for window in windows:
            agrees(
                rows[window.since], naive.past(seen, window, GPU, bridged=HOUR), frozenset({source})
            )


def test_an_import_into_a_day_whose_intervals_are_deleted_is_in_its_row(
    database: Database,
) -> None:
    """The day was polled until noon; then its intervals go, and an import tells of its evening."""
    seen = polled_looks(24 * 6)
    known = Observations()
    for each in (*seen[:13], *seen[48:]):
        record(database, each, known, HOUR)
    roll_up(database)
    expire(database, "tensordock", MIDNIGHT + 4 * DAY)
    Importer(database, "tensordock").put([sight(each) for each in seen[15:24]])
    roll_up(database)
    day = told(database, Source.DAILY)[MODEL][MIDNIGHT]
    expected = naive.past([*seen[:13], *seen[15:24]], day.window, GPU, bridged=HOUR)
    agrees(day, expected, frozenset({Source.DAILY}))
    assert day.covered == 20 * HOUR
    hours = told(database, Source.HOURLY)[MODEL]
    assert sum((hours[at].available for at in hours if at < MIDNIGHT + DAY), 0 * HOUR) == 20 * HOUR


def test_of_two_processes_one_writes(database: Database) -> None:
    polled(database, 30)
    with database.transaction() as connection:
        rollups.begin(connection)
    with database.read() as connection:
        batch = rollups.due(connection, "tensordock")
        assert batch is not None
        made = rollups.make(connection, batch)
    results = []
    for _ in range(2):
        with database.transaction() as connection:
            results.append(rollups.write(connection, batch, made))
    assert results == [True, False]


def test_an_import_meanwhile_keeps_old_sums_out(database: Database) -> None:
    polled(database, 30)
    with database.transaction() as connection:
        rollups.begin(connection)
    with database.read() as connection:
        batch = rollups.due(connection, "tensordock")
        assert batch is not None
        made = rollups.make(connection, batch)
    with database.transaction() as connection:
        progress.invalidate(connection, batch.progress.marketplace_id, MIDNIGHT, MIDNIGHT + HOUR)
    with database.transaction() as connection:
        assert not rollups.write(connection, batch, made)


def test_what_an_import_is_writing_while_roll_ups_begin_is_rolled_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled(database, 3)
    older = [replace(seen, at=seen.at - 5 * DAY) for seen in polled_looks(3)]

    def begin() -> None:
        with database.transaction() as connection:
            rollups.begin(connection)

    beginning = Thread(target=begin)
    real = progress.invalidate

    def invalidate(*told: Any) -> None:
        real(*told)
        beginning.start()
        beginning.join(timeout=0.3)  # as long as it needs, if it does not wait for the import

    monkeypatch.setattr(progress, "invalidate", invalidate)
    Importer(database, "tensordock").put([sight(each) for each in older])
    beginning.join()
    monkeypatch.undo()
    roll_up(database)
    assert min(told(database, Source.HOURLY)[MODEL]) == MIDNIGHT - 5 * DAY


@pytest.mark.slow
def test_killing_it_at_any_time_loses_and_doubles_nothing(database: Database, url: str) -> None:
    seen = polled(database, 24 * 12, HOUR)
    until = seen[-1].at
    with database.read() as connection:
        before = statistics.summaries(connection, Selection(), Window(MIDNIGHT, until), step=HOUR)
    command = [sys.executable, "-m", "tests.contract.rolling", url, MIDNIGHT.isoformat(), "11"]
    rng = Random(7)  # noqa: S311  repeatable, not secret
    for _ in range(8):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            time.sleep(rng.uniform(0, 0.15))  # the instant at which it dies is the test
            worker.kill()
    subprocess.run([*command], check=True, stdout=subprocess.DEVNULL)
    with database.read() as connection:
        after = statistics.summaries(connection, Selection(), Window(MIDNIGHT, until), step=HOUR)
        hours = connection.scalar(text("SELECT count(*) FROM hourly_rollups"))
        left = connection.scalar(select(func.min(offer_intervals.c.valid_to)))
    assert hours == 24 * 12 - 1
    assert left == MIDNIGHT + 10 * DAY
    for model, each in before.items():
        assert [replace(one, sources=frozenset()) for one in after[model]] == [
            replace(one, sources=frozenset()) for one in each
        ]
