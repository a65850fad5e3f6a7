"""The database as the rest of the store sees it: transactions, consistent reads, clear errors."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from monitor.errors import StoreError, StoreMissingError
from monitor.store.faults import translated

BUSY_TIMEOUT = timedelta(seconds=5)
"""For how long a transaction waits for another one before it gives up."""

_TRIES = 100

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


class Database:
    """An open database; safe to share between threads.

    `name` is what people are told: the file, or the server and the database on it, without a
    password. `file` is the file of SQLite, `None` on PostgreSQL.
    """

    def __init__(self, url: URL, busy_timeout: timedelta) -> None:
        self.file = Path(url.database) if url.drivername == "sqlite" and url.database else None
        self.name = str(self.file or f"{url.database} on {url.host or 'the local socket'}")
        self._engine = _sqlite(url, busy_timeout) if self.file else _postgresql(url, busy_timeout)
        # BEGIN IMMEDIATE: a transaction that only later wants to write could find its snapshot
        # outdated, and fail without the wait that the busy timeout grants.
        writing = {"begin": "BEGIN IMMEDIATE", "query_only": "OFF"}
        self._writer = self._engine.execution_options(**writing, synchronous="FULL")
        self._hasty = self._engine.execution_options(**writing, synchronous="NORMAL")
        self._reader = self._engine.execution_options(**_reading(self.file is not None))

    def __repr__(self) -> str:
        return f"<Database {self.name}>"

    @classmethod
    def open(
        cls, url: str, *, busy_timeout: timedelta = BUSY_TIMEOUT, must_exist: bool = False
    ) -> Self:
        """Return the database at `url`; a SQLite file is made with its folder if there is none.

        Nothing is connected yet, and the tables are made by `migrate.upgrade`.

        Raises:
            StoreMissingError: it must exist, and there is no SQLite file, or one without a byte.
            StoreError: the URL cannot be used, or the folder cannot be made.
        """
        database = cls(_parsed(url), busy_timeout)
        if database.file is not None:
            if must_exist:
                _demand(database.file)
            _make_folder(database.file.parent)
        return database

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open a transaction that writes; it commits at the block's end, or rolls back on an error.

        On SQLite it is alone with its writing from the start. One that is not `durable` does not
        wait for the disk: a loss of power, and nothing else, may undo it, and then all that was
        committed after it too. A durable one that follows makes it durable.

        Raises:
            StoreBusyError: locked, full or gone for the moment; nothing was written.
            StoreError: anything else that failed in the database; nothing was written.
        """
        writer = self._writer if durable else self._hasty
        with translated(self.name), writer.begin() as connection:
            if not durable and self.file is None:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction whose reads all see the same instant, and that waits for no writer.

        Raises:
            StoreBusyError, StoreError: as for `transaction`, and if something is written.
        """
        with translated(self.name), self._reader.begin() as connection:
            yield connection

    def compact(self) -> None:
        """Write a SQLite file anew without its empty pages, so that later ones are given back.

        It takes the time and the free space of a copy, and nobody else can write meanwhile.

        Raises:
            StoreError: it is in use, or there is no space.
        """
        # No transaction: VACUUM makes its own.
        alone = self._engine.execution_options(
            begin="SELECT 1", query_only="OFF", synchronous="FULL"
        )
        with translated(self.name), alone.connect() as connection:
            connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._engine.dispose()


def _parsed(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The cause is left out: it may quote the password.
        raise StoreError("the database's URL cannot be read: write scheme://…") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise StoreError(
            f"a database of the kind {url.drivername!r} cannot be used: "
            "write sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    if driver == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise StoreError("the database must be a file: write sqlite:///FILE")
    return url.set(drivername=driver)


def _demand(file: Path) -> None:
    if not file.is_file() or not file.stat().st_size:
        raise StoreMissingError(f"there is no database yet at {file.absolute()}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the database's folder {folder} cannot be made ({error.strerror}): "
            "make it, or choose another one"
        ) from error


def _sqlite(url: URL, busy_timeout: timedelta) -> Engine:
    engine = create_engine(url, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin as `_begin` says, and only then
        # Counts only while the file is empty: what is deleted later can then be given back. On one
        # that is not, it would wait for whoever writes.
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _write_ahead(connection, busy_timeout)
        for pragma in (
            f"busy_timeout = {busy_timeout // timedelta(milliseconds=1)}",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        # Past SQLAlchemy, for a purchase waits for them.
        driver: Any = connection.connection.driver_connection
        for pragma in ("query_only", "synchronous"):
            if connection.info.get(pragma) != options[pragma]:
                driver.execute(f"PRAGMA {pragma} = {options[pragma]}")
                connection.info[pragma] = options[pragma]
        driver.execute(options["begin"])

    return engine


def _write_ahead(connection: DBAPIConnection, busy_timeout: timedelta) -> None:
    """Let readers and the writer not wait for each other (WAL).

    A new file is switched to it under a lock for which SQLite does not wait, whatever the busy
    timeout: of several processes that start together, all but one have to try again.
    """
    for _ in range(_TRIES):
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
            return
        time.sleep(busy_timeout.total_seconds() / _TRIES)
    connection.execute("PRAGMA journal_mode = WAL")


def _postgresql(url: URL, busy_timeout: timedelta) -> Engine:
    # pre_ping: after the server was restarted, the first use finds a working connection.
    engine = create_engine(
        url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": 10}
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {busy_timeout // timedelta(milliseconds=1)}")
        cursor.close()
        connection.commit()

    return engine


def _reading(is_sqlite: bool) -> dict[str, str | bool]:  # noqa: FBT001  the only argument
    if is_sqlite:
        return {"begin": "BEGIN", "query_only": "ON", "synchronous": "FULL"}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
