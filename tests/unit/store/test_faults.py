"""A driver's error becomes one sentence that says what to do."""

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidRequestError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from monitor.errors import StoreBusyError, StoreError
from monitor.store.faults import translated


def told(error: Exception) -> StoreError:
    with pytest.raises(StoreError) as caught, translated("market.db"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


def sqlite(code: int, text: str = "it failed") -> DBAPIError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return OperationalError("INSERT …", {}, error)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_BUSY, "is locked by another process"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "is locked by another process"),
        (sqlite3.SQLITE_FULL, "is full: free some space"),
        (sqlite3.SQLITE_IOERR_WRITE, "cannot be read or written"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
    ],
)
def test_what_may_pass_on_sqlite_is_busy(code: int, reason: str) -> None:
    """Whether it came through SQLAlchemy, or from the driver."""
    wrapped = sqlite(code)
    assert wrapped.orig is not None
    for error in (told(wrapped), told(wrapped.orig)):
        assert isinstance(error, StoreBusyError)
        assert str(error).startswith(f"the database market.db {reason}")
    assert str(error).endswith("the next try may work")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (psycopg.errors.LockNotAvailable, "is locked by another process"),
        (psycopg.errors.DeadlockDetected, "is locked by another process"),
        (psycopg.errors.DiskFull, "is full: free some space"),
        (psycopg.errors.TooManyConnections, "has no connection free"),
        (psycopg.OperationalError, "cannot be reached (it failed)"),
    ],
)
def test_what_may_pass_on_postgresql_is_busy(kind: type[psycopg.Error], reason: str) -> None:
    error = told(OperationalError("INSERT …", {}, kind("it failed\nat length")))
    assert isinstance(error, StoreBusyError)
    assert str(error).startswith(f"the database market.db {reason}")


def test_a_connection_that_broke_is_busy() -> None:
    cut = DBAPIError(
        "SELECT 1", {}, psycopg.errors.AdminShutdown("bye"), connection_invalidated=True
    )
    assert isinstance(told(cut), StoreBusyError)


def test_a_pool_without_a_free_connection_is_busy() -> None:
    assert isinstance(told(PoolTimeoutError("after 30 s")), StoreBusyError)


@pytest.mark.parametrize(
    "error",
    [
        sqlite(sqlite3.SQLITE_CORRUPT, "database disk image is malformed"),
        OperationalError("SELECT", {}, sqlite3.OperationalError("no such table: nowhere")),
        InterfaceError("SELECT", {}, psycopg.errors.UndefinedTable("no such table\nLINE 1")),
        InvalidRequestError("no such thing"),
    ],
)
def test_what_will_not_pass_is_not_busy(error: Exception) -> None:
    found = told(error)
    assert not isinstance(found, StoreBusyError)
    assert str(found).startswith("the database market.db failed: ")
    assert "\n" not in str(found)


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), translated("market.db"):
        raise ZeroDivisionError
