"""`db`: migrations."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from monitor.cli.common import DEFAULT_CONFIG, ConfigPath, count, err, read_config
from monitor.config.model import Config
from monitor.store import migrate
from monitor.store.engine import Database


@contextmanager
def _closing(config: Config) -> Iterator[Database]:
    database = Database.open(config.database.url.reveal())
    try:
        yield database
    finally:
        database.close()


app = typer.Typer(help="Migrations of the database.", no_args_is_help=True)


@app.command()
def upgrade(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Run the migrations that the database lacks; `run` does so by itself."""
    with _closing(read_config(config)) as database:
        ran = migrate.upgrade(database)
        err.print(f"{database.name}: {count(len(ran), 'migration')} run")
        typer.echo(migrate.current(database))


@app.command()
def current(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Print the revision of the database."""
    with _closing(read_config(config)) as database:
        revision = migrate.current(database)
        err.print(f"{database.name}: this version of gpu-monitor expects {migrate.head()}")
        typer.echo(revision or "none")


@app.command()
def check(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Say whether the database is migrated, intact, and has the tables that are expected."""
    with _closing(read_config(config)) as database:
        problems = migrate.check(database)
        for problem in problems:
            err.print(problem)
        if problems:
            raise typer.Exit(1)
        err.print(f"{database.name}: well")
