"""What all commands share: the configuration, the database, and how results are printed."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from monitor.config.durations import parse_duration
from monitor.config.load import load
from monitor.config.model import Config
from monitor.config.secret import Redactor
from monitor.delivery.apprise import check_url
from monitor.log import configure
from monitor.store import migrate
from monitor.store.engine import Database

ConfigPath = Annotated[
    Path,
    typer.Option("-c", "--config", envvar="GPU_MONITOR_CONFIG", help="The configuration file."),
]
DEFAULT_CONFIG = Path("config/monitor.yaml")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

redactor = Redactor()
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def read_config(path: Path) -> Config:
    """Return the configuration; its warnings go to standard error.

    Raises:
        ConfigError: with every mistake.
    """
    config = load(path, os.environ, check_url)
    redactor.learn(config.secrets())
    for warning in config.warnings:
        err.print(f"warning: {warning}")
    return config


def log_to_stderr(*, json_lines: bool = False, level: str = "warning") -> None:
    """Set up logging for a command."""
    configure(json=json_lines, level=level, redactor=redactor)


@contextmanager
def opened(config: Config) -> Iterator[Database]:
    """Open the configured database, migrated."""
    database = Database.open(config.database.url.reveal())
    try:
        migrate.upgrade(database)
        yield database
    finally:
        database.close()


def print_json(value: Any) -> None:
    """Print JSON to standard output, indented where a person reads it."""
    indent = 2 if sys.stdout.isatty() else None
    typer.echo(json.dumps(value, indent=indent, ensure_ascii=False, default=_plain))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print a table to standard output; columns that begin with `>` are numbers, set right.

    Without rows `empty` says so on standard error.
    """
    found = [[_cell(value) for value in row] for row in rows]
    if not found:
        err.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left")
    for row in found:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(table)


def duration(given: str | timedelta) -> timedelta:
    """Read a duration such as `24h`, for an option; Typer hands its default through as well."""
    if isinstance(given, timedelta):
        return given
    try:
        return parse_duration(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def instant(at: datetime | None) -> str | None:
    """Return RFC 3339 in UTC, or `None`."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago an instant was, for a table."""
    if at is None:
        return ""
    seconds = int((now - at).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _cell(value: Any) -> str:
    return "–" if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
