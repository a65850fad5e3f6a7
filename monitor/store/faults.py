"""The one place where SQLAlchemy's and SQLite's errors become this program's."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from monitor.errors import StoreBusyError, StoreError

_NEXT_TRY = "what was to be written is not, and the next try may work"

# Primary result codes, https://www.sqlite.org/rescode.html
_SQLITE_BUSY = {
    sqlite3.SQLITE_BUSY: "is locked by another process: close what holds it",
    sqlite3.SQLITE_LOCKED: "is locked by another connection",
    sqlite3.SQLITE_FULL: "is full: free some space on its disk",
    sqlite3.SQLITE_IOERR: "cannot be read or written: look at its disk",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: look at its folder and at the rights to it",
}

# SQLSTATE codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_BUSY = {
    "55P03": "is locked by another process: close what holds it",
    "40P01": "is locked by another process: close what holds it",
    "40001": "was changed by another process meanwhile",
    "53100": "is full: free some space on its disk",
    "53200": "is out of memory",
    "53300": "has no connection free: raise max_connections",
}


@contextmanager
def translated(database: str) -> Iterator[None]:
    """Raise what a database raises inside the block as a `StoreError` about `database`.

    Raises:
        StoreBusyError: locked, full, or not to be reached for the moment.
        StoreError: anything else that SQLAlchemy or a driver raised.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        busy = _why_busy(error)
        if busy is not None:
            raise StoreBusyError(f"the database {database} {busy}; {_NEXT_TRY}") from error
        raise StoreError(f"the database {database} failed: {_first_line(error)}") from error
    except (OverflowError, UnicodeError) as error:  # sqlite3's own, about a value it was given
        raise StoreError(f"the database {database} cannot keep a value: {error}") from error


def _why_busy(error: Exception) -> str | None:
    if isinstance(error, PoolTimeoutError):
        return "has no connection free in this process"
    orig = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(orig, sqlite3.Error):
        # `sqlite_errorcode` is there only where the error came from SQLite itself.
        return _SQLITE_BUSY.get(getattr(orig, "sqlite_errorcode", 0) & 0xFF)
    return _why_postgresql_is_busy(error) if isinstance(error, DBAPIError) else None


def _why_postgresql_is_busy(error: DBAPIError) -> str | None:
    # psycopg is not imported: who uses SQLite shall not wait for it at each start.
    code = getattr(error.orig, "sqlstate", None)
    if code in _POSTGRES_BUSY:
        return _POSTGRES_BUSY[code]
    if error.connection_invalidated:
        return "broke the connection off: look whether the server runs"
    if code is None and isinstance(error, OperationalError):
        return f"cannot be reached ({_first_line(error)}): look whether the server runs"
    return None


def _first_line(error: Exception) -> str:
    orig = getattr(error, "orig", None) or error
    return str(orig).partition("\n")[0].rstrip(".")
