"""Transactions, consistent reads, and errors that a person can act on."""

import threading
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update

from monitor.errors import StoreBusyError, StoreError
from monitor.store.engine import Database
from monitor.store.marketplaces import find, lock
from monitor.store.schema import leases
from tests.contract.samples import NOON

SHORT = timedelta(milliseconds=100)


def add_lease(database: Database, name: str, until: datetime = NOON) -> None:
    with database.transaction() as connection:
        connection.execute(insert(leases).values(name=name, holder="a", lease_until=until))


def lease_names(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.scalars(select(leases.c.name)))


def test_a_transaction_commits_at_its_end(database: Database) -> None:
    add_lease(database, "名前")
    assert lease_names(database) == {"名前"}


def test_an_error_rolls_back_and_goes_on_unchanged(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            connection.execute(insert(leases).values(name="a", holder="a", lease_until=NOON))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert lease_names(database) == set()


def test_a_read_sees_one_instant_while_another_writes(database: Database) -> None:
    add_lease(database, "first")
    with database.read() as connection:
        before = connection.scalars(select(leases.c.name)).all()
        add_lease(database, "second")
        assert connection.scalars(select(leases.c.name)).all() == before


def test_a_read_cannot_be_kept_waiting_by_a_writer(database: Database, url: str) -> None:
    add_lease(database, "first")
    with closing(Database.open(url, busy_timeout=SHORT)) as reader, database.transaction() as held:
        held.execute(update(leases).values(holder="b"))
        assert lease_names(reader) == {"first"}


def test_a_locked_database_is_busy_and_the_next_write_works(database: Database, url: str) -> None:
    with closing(Database.open(url, busy_timeout=SHORT)) as waiting:
        with database.transaction() as held:
            lock(held, "tensordock")
            with (
                pytest.raises(StoreBusyError, match=r"is locked by another process: close what"),
                waiting.transaction() as connection,
            ):
                lock(connection, "tensordock")
        with waiting.transaction() as connection:
            lock(connection, "tensordock")
        with waiting.read() as connection:
            assert find(connection, "tensordock") is not None


def test_cycles_of_one_marketplace_take_turns(database: Database) -> None:
    """The second one sees what the first one committed, in whatever order they began."""
    seen: list[str | None] = []

    def second() -> None:
        with database.transaction() as connection:
            seen.append(lock(connection, "tensordock").history_token)

    with database.transaction() as connection:
        lock(connection, "tensordock")
        thread = threading.Thread(target=second)
        thread.start()
        connection.execute(text("UPDATE marketplaces SET history_token = 'ours'"))
    thread.join(timeout=10)
    assert seen == ["ours"]


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StoreError, match="without a zone cannot be stored"):
        add_lease(database, "a", NOON.replace(tzinfo=None))


def test_instants_are_kept_to_the_microsecond(database: Database) -> None:
    until = NOON + timedelta(microseconds=123457)
    add_lease(database, "a", until)
    with database.read() as connection:
        found = connection.scalar(select(leases.c.lease_until))
    assert found == until
    assert found.tzinfo is NOON.tzinfo


def test_a_mistake_in_sql_is_a_store_error(database: Database) -> None:
    with pytest.raises(StoreError) as caught, database.read() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, StoreBusyError)
    assert "nowhere" in str(caught.value)


def test_what_was_to_be_written_is_not_told(database: Database) -> None:
    """The statement's values may be a notification's text."""
    with pytest.raises(StoreError) as caught, database.transaction() as connection:
        connection.execute(insert(leases), [{"name": "a", "holder": "h", "lease_until": NOON}] * 2)
    assert "holder" not in str(caught.value)
    assert "2026" not in str(caught.value.__cause__)
