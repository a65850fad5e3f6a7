"""Bringing the tables of a database to what this version of the program expects."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from monitor.errors import StoreError
from monitor.store.engine import Database
from monitor.store.schema import metadata

_ADVISORY_LOCK = 0x6770754D6F6E  # any number, the same in every version: "gpuMon"


def upgrade(database: Database) -> tuple[str, ...]:
    """Run the migrations that `database` lacks, all or none of them.

    It is one transaction: SQLite's writer lock, or on PostgreSQL an advisory lock, makes a second
    process wait, and it then finds nothing left to do.

    Returns:
        The revisions that were run, the oldest first.

    Raises:
        StoreError: the database was migrated by a newer version of the program.
        StoreBusyError: it is locked, full or gone for the moment; nothing was changed.
    """
    with database.transaction() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        missing = _missing(database, _revision(connection))
        if missing:
            command.upgrade(_config(connection), "head")
    return missing


def current(database: Database) -> str | None:
    """Return the revision of `database`, `None` before its first migration."""
    with database.read() as connection:
        return _revision(connection)


def head() -> str:
    """Return the revision that this version of the program expects."""
    found = _scripts().get_current_head()
    if found is None:
        raise StoreError("this installation has no migrations: install gpu-monitor again")
    return found


def check(database: Database) -> tuple[str, ...]:
    """Return what is wrong with `database`, one sentence each; nothing if all is well.

    It must be migrated, have the tables that the program expects, and on SQLite be intact.

    Raises:
        StoreError: the database was migrated by a newer version of the program.
    """
    with database.read() as connection:
        missing = _missing(database, _revision(connection))
        if missing:
            return (f"{len(missing)} migrations have not run: run `gpu-monitor db upgrade`",)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        broken = _broken_pages(connection)
    return tuple(f"the tables are not as expected: {each}" for each in differences) + tuple(broken)


def _missing(database: Database, revision: str | None) -> tuple[str, ...]:
    """Return the revisions after `revision`, the oldest first."""
    revisions = [script.revision for script in _scripts().walk_revisions()][::-1]
    if revision is None:
        return tuple(revisions)
    if revision not in revisions:
        raise StoreError(
            f"the database {database.name} is at revision {revision}, which this version of "
            "gpu-monitor does not know: install the version that last used it, or a newer one"
        )
    return tuple(revisions[revisions.index(revision) + 1 :])


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _broken_pages(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    found = connection.scalars(text("PRAGMA integrity_check")).all()
    return [f"the file is damaged: {each}" for each in found if each != "ok"]


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    # No alembic.ini: the program works from any folder, and its URL is in its own configuration.
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    return config


def _folder() -> Path:
    """Return the folder of the migrations: inside the package in a wheel, else the checkout's."""
    here = Path(__file__).resolve()
    packaged = here.parent / "migrations"
    return packaged if packaged.is_dir() else here.parents[2] / "alembic"
