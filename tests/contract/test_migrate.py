"""Migrations run by themselves, once, and fit the tables that the program expects."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import text

from monitor.errors import StoreError
from monitor.store import migrate
from monitor.store.engine import Database


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    with closing(Database.open(empty_url)) as database:
        yield database


def test_an_empty_database_is_brought_to_the_head(empty: Database) -> None:
    assert migrate.current(empty) is None
    assert migrate.upgrade(empty)[-1] == migrate.head()
    assert migrate.current(empty) == migrate.head()


def test_a_second_upgrade_has_nothing_to_do(database: Database) -> None:
    assert migrate.upgrade(database) == ()


def test_migrations_make_the_tables_that_the_program_expects(database: Database) -> None:
    assert migrate.check(database) == ()


def test_check_asks_for_migrations_that_have_not_run(empty: Database) -> None:
    (problem,) = migrate.check(empty)
    assert "gpu-monitor db upgrade" in problem


def test_check_tells_tables_that_were_changed_by_hand(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.transaction() as connection:
        connection.execute(text("ALTER TABLE leases ADD COLUMN note TEXT"))
    (problem,) = migrate.check(empty)
    assert "note" in problem


@pytest.mark.parametrize("work", [migrate.upgrade, migrate.check])
def test_a_database_of_a_newer_version_is_left_alone(
    empty: Database, work: Callable[[Database], object]
) -> None:
    migrate.upgrade(empty)
    with empty.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="revision 9999, which this version"):
        work(empty)


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    ran: list[tuple[str, ...]] = []
    together = threading.Barrier(4)

    def start() -> None:
        with closing(Database.open(empty_url)) as database:
            together.wait(timeout=10)
            ran.append(migrate.upgrade(database))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(map(len, ran)) == [0, 0, 0, len(max(ran))]
    assert max(ran)[-1] == migrate.head()


def test_a_migration_that_fails_leaves_nothing(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_index", _fail)
        with pytest.raises(ZeroDivisionError):
            migrate.upgrade(empty)
    assert migrate.current(empty) is None
    assert migrate.upgrade(empty)


def _fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError
