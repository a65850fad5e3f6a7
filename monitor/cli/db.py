"""`db`: migrations, and how large the database is."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    count,
    err,
    of_any_revision,
    opened,
    print_json,
    print_table,
    read_config,
)
from monitor.config.durations import show_duration
from monitor.errors import StoreError
from monitor.history.window import DAY
from monitor.store import migrate
from monitor.store.ownership import sole_owner
from monitor.store.size import Size, TableSize, size

_YEAR = 365 * DAY
_STEP = 1000


app = typer.Typer(help="Migrations and size of the database.", no_args_is_help=True)


@app.command()
def upgrade(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Run the migrations that the database lacks; `run` does so by itself."""
    with of_any_revision(read_config(config), must_exist=False) as database:
        ran = migrate.upgrade(database)
        err.print(f"{database.name}: {count(len(ran), 'migration')} run")
        typer.echo(migrate.current(database))


@app.command()
def current(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Print the revision of the database."""
    with of_any_revision(read_config(config)) as database:
        revision = migrate.current(database)
        err.print(f"{database.name}: this version of gpu-monitor expects {migrate.head()}")
        typer.echo(revision or "none")


@app.command()
def check(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Say whether the database is migrated, intact, and has the tables that are expected."""
    with of_any_revision(read_config(config)) as database:
        problems = migrate.check(database)
        for problem in problems:
            err.print(problem)
        if problems:
            raise typer.Exit(1)
        err.print(f"{database.name}: well")


@app.command("size")
def show_size(config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show rows and bytes of each table, the growth of a day, and what that comes to."""
    settings = read_config(config)
    keep = settings.database.retention
    with opened(settings) as database, database.read() as connection:
        found = size(connection, retention=keep)
    if as_json:
        print_json(_json(found, keep))
        return
    print_table(
        ("table", ">rows", ">size", ">rows a day", ">a day", ">in a year"),
        [_cells(table, found) for table in found.tables if table.rows],
        empty="all tables are empty",
    )
    for line in _summed_up(found, keep):
        err.print(line)


@app.command()
def compact(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Write a SQLite file anew without empty pages; stop the daemon before.

    Files made by older versions give back what is deleted only afterwards.
    """
    with of_any_revision(read_config(config)) as database:
        if database.file is None:
            raise StoreError("PostgreSQL makes room by itself: there is nothing to compact")
        with sole_owner(database):
            before = database.file.stat().st_size
            database.compact()
            after = database.file.stat().st_size
        err.print(f"{database.name}: {_bytes(before)} before, {_bytes(after)} now")


def _cells(table: TableSize, whole: Size) -> Sequence[str | None]:
    a_day = None if table.rows_per_day is None else f"{table.rows_per_day:,.0f}"
    later = None if table.rows_per_day is None else table.after(_YEAR, whole.age)
    return (
        table.name,
        f"{table.rows:,}",
        _bytes(table.bytes),
        a_day,
        _bytes(table.bytes_per_day),
        _bytes(later),
    )


def _summed_up(found: Size, keep: timedelta) -> Iterator[str]:
    yield f"the database takes {_bytes(found.bytes)}, {_bytes(found.empty)} of it empty pages"
    if any(table.bytes is None for table in found.tables):
        yield "this SQLite cannot tell the bytes of a table: it was built without dbstat"
    if found.bytes_per_day is None:
        yield "too little is recorded to tell how it grows: an hour of polling is needed"
        return
    yield (
        f"it grows by {_bytes(found.bytes_per_day)} a day: to {_bytes(found.after(keep))} "
        f"in {show_duration(keep)} (database.retention), {_bytes(found.after(_YEAR))} in a year"
    )
    if not found.shrinks:
        yield "what is deleted stays in the file: stop the daemon and run `gpu-monitor db compact`"


def _json(found: Size, keep: timedelta) -> dict[str, Any]:
    return {
        "bytes": found.bytes,
        "empty_bytes": found.empty,
        "bytes_per_day": found.bytes_per_day,
        "bytes_after_retention": found.after(keep),
        "bytes_after_a_year": found.after(_YEAR),
        "tables": [
            {
                "table": table.name,
                "rows": table.rows,
                "bytes": table.bytes,
                "rows_per_day": table.rows_per_day,
                "bytes_per_day": table.bytes_per_day,
                "bytes_after_a_year": table.after(_YEAR, found.age),
            }
            for table in found.tables
        ],
    }


def _bytes(number: float | None) -> str | None:
    """Return an amount of bytes for a person, in three digits."""
    if number is None:
        return None
    for unit in ("B", "kB", "MB", "GB"):
        if number < _STEP:
            return f"{number:.3g} {unit}"
        number /= _STEP
    return f"{number:.3g} TB"
