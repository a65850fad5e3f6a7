"""How large the database is told to be, and that room is given back."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.history.window import DAY, HOUR
from monitor.store import space
from monitor.store.engine import Database
from monitor.store.observations import Observations
from monitor.store.size import Size, TableSize, size
from tests.contract.samples import MINUTE, at, record, selling


def test_rows_bytes_and_growth_are_told(database: Database) -> None:
    known = Observations()
    for minute in range(0, 121, 10):
        record(database, selling(at(minute), 2 + minute % 3), known, 10 * MINUTE)
    with database.read() as connection:
        found = size(connection, retention=400 * DAY)
    tables = {table.name: table for table in found.tables}
    assert found.age == 2 * HOUR
    assert 0 < sum(table.bytes or 0 for table in found.tables) <= found.bytes
    assert tables["offer_intervals"].rows == 13
    assert tables["offer_intervals"].rows_per_day == 144
    assert tables["polls"].kept_for == timedelta(days=7)
    assert tables["gpus"].rows_per_day is None
    assert found.shrinks


def test_nothing_is_foretold_of_a_database_without_history(database: Database) -> None:
    with database.read() as connection:
        found = size(connection, retention=DAY)
    assert found.bytes > 0
    assert (found.bytes_per_day, found.after(DAY)) == (None, None)


def test_a_table_stops_growing_when_its_rows_are_deleted() -> None:
    kept = TableSize(name="t", rows=10, bytes=1000, rows_per_day=10, kept_for=5 * DAY)
    assert [kept.after(days * DAY, DAY) for days in (1, 4, 9)] == [2000, 5000, 5000]
    ever = TableSize(name="t", rows=10, bytes=1000, rows_per_day=10)
    assert ever.after(9 * DAY, DAY) == 10_000


def test_what_is_deleted_as_fast_as_it_comes_is_no_growth() -> None:
    full = TableSize(name="full", rows=50, bytes=5000, rows_per_day=10, kept_for=5 * DAY)
    ever = TableSize(name="ever", rows=10, bytes=1000, rows_per_day=2)
    found = Size(tables=(full, ever), bytes=9000, empty=0, age=9 * DAY, shrinks=True)
    assert found.bytes_per_day == 200
    assert found.after(10 * DAY) == 5000 + 1000 + 10 * 200


def test_no_table_is_foretold_to_shrink() -> None:
    empty = TableSize(name="empty", rows=0, bytes=8192, rows_per_day=0, kept_for=5 * DAY)
    fewer = TableSize(name="fewer", rows=100, bytes=9000, rows_per_day=1, kept_for=5 * DAY)
    found = Size(tables=(empty, fewer), bytes=20_000, empty=0, age=9 * DAY, shrinks=True)
    assert (found.bytes_per_day, found.after(10 * DAY)) == (0, 8192 + 9000)


def bloat(database: Database) -> None:
    """Leave two megabytes of empty pages."""
    with database.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE large (x)")
        connection.exec_driver_sql("INSERT INTO large VALUES (zeroblob(2000000))")
    with database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM large")


def pragma(database: Database, name: str) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_empty_pages_are_given_back_in_steps(database: Database) -> None:
    bloat(database)
    before, empty = pragma(database, "page_count"), pragma(database, "freelist_count")
    given: list[int] = []
    while not given or given[-1]:
        with database.transaction() as connection:
            given.append(space.give_back(connection, pages=100))
    assert given[0] == 100
    assert max(given) == 100
    assert sum(given) == empty - 256
    assert pragma(database, "page_count") <= before - sum(given)


def test_a_file_of_an_older_version_shrinks_once_it_is_compacted(tmp_path: Path) -> None:
    old = Database.open(f"sqlite:///{tmp_path / 'old.db'}")
    make_old(old)
    with old.read() as connection:
        assert not space.shrinks(connection)
    bloat(old)
    with old.transaction() as connection:
        assert space.give_back(connection, pages=100) == 0
    old.compact()
    with old.read() as connection:
        assert space.shrinks(connection)
    assert pragma(old, "freelist_count") == 0
    assert pragma(old, "page_count") < 50
    old.close()


def make_old(database: Database) -> None:
    """Make a file as older versions did."""
    assert database.file is not None
    with closing(sqlite3.connect(database.file)) as plain:
        plain.execute("PRAGMA journal_mode = WAL")
        plain.execute("CREATE TABLE some (x)")


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_postgresql_is_left_to_its_autovacuum(database: Database) -> None:
    with database.transaction() as connection:
        assert space.give_back(connection, pages=100) == 0
        assert space.shrinks(connection)
