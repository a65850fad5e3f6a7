"""What only a SQLite file can do wrong: full, foreign, damaged, owned by another process."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, insert, select, text

from monitor.errors import StoreBusyError, StoreError, StoreInUseError
from monitor.history.window import DAY, Window
from monitor.store import claims, migrate, outbox
from monitor.store.engine import Database
from monitor.store.grab_statements import SINCE
from monitor.store.ownership import sole_owner
from monitor.store.rolled import begun_in
from monitor.store.schema import daily_rollups, hourly_stretches, leases
from tests.contract.samples import NOON, a_draft


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "données" / "monitor.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    with closing(Database.open(f"sqlite:///{file}")) as opened:
        migrate.upgrade(opened)
        yield opened


def pragma(database: Database, name: str) -> object:
    with database.read() as connection:
        return connection.scalar(text(f"PRAGMA {name}"))


def fill(database: Database, name: str, size: int) -> None:
    with database.transaction() as connection:
        connection.execute(insert(leases).values(name=name, holder="x" * size, lease_until=NOON))


def test_the_folder_is_made(database: Database, file: Path) -> None:
    assert database.file == file
    assert file.is_file()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands here")
    with pytest.raises(StoreError, match=r"the database's folder .*data cannot be made \(File ex"):
        Database.open(f"sqlite:///{tmp_path / 'data' / 'monitor.db'}")


def test_commits_survive_a_loss_of_power_and_readers_do_not_wait(database: Database) -> None:
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2  # FULL
    assert pragma(database, "foreign_keys") == 1
    assert pragma(database, "busy_timeout") == 5000


def test_what_a_loss_of_power_may_undo_does_not_wait_for_the_disk(database: Database) -> None:
    """And what follows on the same connection waits again."""
    for durable, expected in ((True, 2), (False, 1), (True, 2)):  # FULL, NORMAL
        with database.transaction(durable=durable) as connection:
            assert connection.scalar(text("PRAGMA synchronous")) == expected


def test_a_full_database_is_busy_and_the_next_write_works_after_freeing(
    database: Database, file: Path
) -> None:
    fill(database, "kept", 10)
    with database.transaction() as connection:  # the pool gives the same connection again
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreBusyError, match=r"is full: free some space on its disk; what was to"):
        fill(database, "too much", 100_000)
    with database.transaction() as connection:
        assert connection.scalars(select(leases.c.name)).all() == ["kept"]
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    fill(database, "fits now", 100_000)
    assert str(file) == database.name


def test_a_lock_that_another_program_holds_is_told(file: Path, database: Database) -> None:
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as other,
        closing(Database.open(f"sqlite:///{file}", busy_timeout=timedelta(0))) as waiting,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="is locked by another process"):
            fill(waiting, "a", 1)
        other.execute("ROLLBACK")
        fill(waiting, "a", 1)
    assert pragma(database, "page_count")


def test_what_a_transaction_reads_is_not_outdated_when_it_writes(
    file: Path, database: Database
) -> None:
    """It is alone with its writing from the start; else its late write would fail at once."""
    with (
        closing(Database.open(f"sqlite:///{file}", busy_timeout=timedelta(0))) as other,
        database.transaction() as connection,
    ):
        assert connection.scalars(select(leases.c.name)).all() == []
        with pytest.raises(StoreBusyError):
            fill(other, "in between", 1)
        connection.execute(insert(leases).values(name="a", holder="a", lease_until=NOON))


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    file = tmp_path / "monitor.db"
    file.write_text("this is not a database" * 100)
    with (
        closing(Database.open(f"sqlite:///{file}")) as database,
        pytest.raises(StoreError, match="file is not a database"),
    ):
        migrate.upgrade(database)


def test_check_tells_a_damaged_file(file: Path) -> None:
    with closing(Database.open(f"sqlite:///{file}")) as database:
        migrate.upgrade(database)
        for number in range(50):
            fill(database, str(number), 3000)
    with file.open("r+b") as damaged:
        damaged.seek(file.stat().st_size - 40_000)
        damaged.write(b"\xff" * 4096)
    with closing(Database.open(f"sqlite:///{file}")) as database:
        assert any("the file is damaged" in problem for problem in migrate.check(database))


def test_one_process_owns_the_file(database: Database) -> None:
    pid = os.getpid()
    with (
        sole_owner(database),
        pytest.raises(StoreInUseError, match=f"in use by the process with the pid {pid}: stop"),
        sole_owner(database),
    ):
        pass


def test_the_file_is_free_when_its_owner_is_done(database: Database) -> None:
    for _ in range(2):
        with sole_owner(database):
            pass


def test_the_file_is_free_when_its_owner_was_killed(database: Database, file: Path) -> None:
    program = (
        "import sys, time\n"
        "from monitor.store.engine import Database\n"
        "from monitor.store.ownership import sole_owner\n"
        "with sole_owner(Database.open(sys.argv[1])):\n"
        "    print('owned', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, f"sqlite:///{file}"], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"owned\n"
        with pytest.raises(StoreInUseError, match=str(owner.pid)), sole_owner(database):
            pass
        owner.send_signal(signal.SIGKILL)
        owner.wait(timeout=10)
        with sole_owner(database):
            pass


def test_a_lock_that_cannot_be_written_is_told(database: Database, file: Path) -> None:
    file.with_name("monitor.db.lock").mkdir()
    with (
        pytest.raises(StoreError, match=r"monitor\.db\.lock cannot be written"),
        sole_owner(database),
    ):
        pass


def test_a_claim_costs_the_same_however_long_the_queue_is(database: Database) -> None:
    """The head of each queue is found by its index; no step scans the notifications."""
    statement = claims._due(NOON, 8, None, ())
    with database.transaction() as connection:
        outbox.enqueue(connection, [a_draft()], NOON)
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    steps = [row[3] for row in plan]
    assert any("ix_notifications_unended (destination=?)" in step for step in steps), steps
    assert not any("SCAN notifications" in step or "SCAN other" in step for step in steps), steps


def test_the_grabs_that_a_purchase_looks_at_are_found_however_many_there_were(
    database: Database,
) -> None:
    with database.transaction() as connection:
        compiled = SINCE.params(at=NOON).compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    steps = [row[3] for row in plan]
    for index in ("ix_grabs_created_at", "ix_grabs_ended_by_a_person"):
        assert any(index in step for step in steps), steps
    assert not any("SCAN" in step for step in steps), steps


@pytest.mark.parametrize("table", [hourly_stretches, daily_rollups], ids=lambda each: each.name)
def test_the_roll_ups_of_a_day_are_found_however_many_years_there_are(
    database: Database, table: Table
) -> None:
    """They are written anew each hour, while polls wait."""
    statement = delete(table).where(begun_in(table, 1, Window(NOON, NOON + DAY)))
    with database.transaction() as connection:
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    steps = [row[3] for row in plan]
    assert any("(marketplace_id=? AND gpu_id=? AND at>? AND at<?)" in each for each in steps), steps
