"""A lease is had by one holder at a time."""

import threading
from datetime import datetime

from monitor.store import leases
from monitor.store.engine import Database
from tests.contract.samples import MINUTE, NOON, at


def acquire(database: Database, holder: str, now: datetime = NOON) -> bool:
    with database.transaction() as connection:
        return leases.acquire(connection, "rollup", holder=holder, now=now, lease_for=MINUTE)


def release(database: Database, holder: str) -> bool:
    with database.transaction() as connection:
        return leases.release(connection, "rollup", holder=holder)


def test_a_lease_has_one_holder(database: Database) -> None:
    assert acquire(database, "a")
    assert not acquire(database, "b")


def test_the_holder_renews_it(database: Database) -> None:
    assert acquire(database, "a")
    assert acquire(database, "a", at(0.5))
    assert not acquire(database, "b", at(1.4))


def test_a_lease_that_ran_out_is_free(database: Database) -> None:
    assert acquire(database, "a")
    assert acquire(database, "b", at(1))
    assert not release(database, "a")


def test_a_released_lease_is_free(database: Database) -> None:
    assert acquire(database, "a")
    assert release(database, "a")
    assert acquire(database, "b")


def test_of_many_that_ask_at_once_one_gets_it(database: Database) -> None:
    together = threading.Barrier(4)
    got: list[bool] = []

    def ask(holder: str) -> None:
        together.wait(timeout=10)
        got.append(acquire(database, holder))

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(got) == [False, False, False, True]


def test_a_holder_whose_clock_is_a_little_ahead_keeps_it(database: Database) -> None:
    """Two that start at once ask in another order than they read their clocks."""
    assert acquire(database, "a", at(0.01))
    assert not acquire(database, "b", NOON)


def test_a_lease_from_a_clock_that_was_set_back_is_free(database: Database) -> None:
    assert acquire(database, "a", at(60))
    assert acquire(database, "b", NOON)
