"""Whatever is written while a digest is made, each change is told by exactly one of them."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from monitor.config.load import load
from monitor.history.window import DAY
from monitor.jobs.digest import DailyDigest
from monitor.jobs.shared import Shared
from monitor.rules.alert import AlertState, Transition, TransitionReason
from monitor.setup import set_up
from monitor.store import alerts, retention
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from monitor.store.schema import notifications
from monitor.web.metrics import Metrics
from tests.contract.samples import LABELS, MINUTE, NOON, RULE, at, fail, live

CONFIG = """\
marketplaces:
  - {name: tensordock, kind: tensordock, token: tok-0123456789}
receivers:
  - {name: mail, urls: ["json://127.0.0.1:9"]}
notifications:
  digest: {at: "12:00", tz: UTC, notify: [mail], empty: true}
"""
SOON = timedelta(seconds=20)


@pytest.fixture
def shared(database: Database, tmp_path: Path) -> Shared:
    file = tmp_path / "monitor.yaml"
    file.write_text(CONFIG)
    return Shared(
        setup=set_up(load(file, {})),
        database=database,
        ledgers=Ledgers(database),
        metrics=Metrics(version="1"),
        holder="a",
    )


def tell(shared: Shared, day: int) -> None:
    """Do what the daemon's job does in the minute after a day's noon."""
    (job,) = DailyDigest(shared, lambda: None).jobs()
    job.act(NOON + day * DAY + SOON)


def told(database: Database, what: str) -> list[int]:
    """Return what each digest so far counts of something, by the pattern of its line."""
    with database.read() as connection:
        bodies = connection.scalars(select(notifications.c.body).order_by(notifications.c.id))
        found = [re.search(what, body) for body in bodies]
    return [0 if each is None else int(each[1]) for each in found]


def fired(database: Database) -> list[int]:
    return told(database, rf"{re.escape(RULE)}: (\d+) alert")


def fire(connection: Connection, minutes: float) -> None:
    """Write that an alert fired some minutes after the first noon."""
    moved = Transition(
        rule=RULE,
        labels=LABELS,
        at=at(minutes),
        before=AlertState.INACTIVE,
        after=AlertState.FIRING,
        reason=TransitionReason.MATCHED,
        value=None,
    )
    alerts.save(connection, [], [moved])


def test_what_a_poll_found_that_ended_after_the_digest_is_told_by_the_next(
    shared: Shared, database: Database
) -> None:
    """Its instant is the poll's beginning, before the digest; what it wrote came after."""
    tell(shared, 0)
    with database.transaction() as connection:
        fire(connection, 0.1)
    fail(database, at(0.1))
    for day in (1, 2):
        tell(shared, day)
    assert fired(database) == [0, 1, 0]
    assert told(database, r"tensordock: (\d+) polls? unreachable") == [0, 1, 0]


def test_what_was_told_is_not_told_again_though_its_clock_was_ahead(
    shared: Shared, database: Database
) -> None:
    with database.transaction() as connection:
        fire(connection, 5)
    fail(database, at(5))
    for day in (0, 1):
        tell(shared, day)
    assert fired(database) == [1, 0]
    assert told(database, r"tensordock: (\d+) polls? unreachable") == [1, 0]


def test_a_cycle_that_is_about_to_commit_is_waited_for(shared: Shared, database: Database) -> None:
    """On PostgreSQL another one may have committed meanwhile what was numbered later."""
    is_postgresql = database.file is None
    digest = threading.Thread(target=tell, args=(shared, 0))
    with database.transaction() as connection:
        fire(connection, 0)
        if is_postgresql:
            with database.transaction() as other:
                fire(other, 0)
        digest.start()
        if is_postgresql:
            _until(lambda: not digest.is_alive() or _waits(database))
    digest.join(timeout=30)
    tell(shared, 1)
    assert fired(database) == [1 + is_postgresql, 0]


def _waits(database: Database) -> bool:
    with database.read() as connection:
        waiting = connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    return bool(waiting)


def _until(condition: Callable[[], bool]) -> None:
    stop = threading.Event()
    for _ in range(3000):
        if condition():
            return
        stop.wait(0.01)
    raise AssertionError("it has not come about in 30 s")


def test_numbers_are_not_used_again_once_old_rows_are_deleted(
    shared: Shared, database: Database
) -> None:
    """SQLite counts on from the highest there is: the newest row stays."""
    for minute in range(3):
        with database.transaction() as connection:
            fire(connection, minute)
        fail(database, at(minute))
    tell(shared, 0)
    live(database, NOON, NOON + 9 * DAY)
    with database.transaction() as connection:
        retention.prune(connection, keep=MINUTE, limit=9)
    with database.transaction() as connection:
        fire(connection, 30)
    fail(database, at(30))
    tell(shared, 1)
    assert fired(database) == [3, 1]
    assert told(database, r"tensordock: (\d+) polls? unreachable") == [3, 1]
