"""What all commands share: the configuration, the database, and how results are printed."""

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.config.durations import parse_duration
from monitor.config.load import load
from monitor.config.model import Config
from monitor.config.secret import Redactor
from monitor.delivery.apprise import check_url
from monitor.errors import ConfigError, Problem, StoreError, StoreMissingError
from monitor.log import configure
from monitor.plan import Plan
from monitor.rules.alert import RuleName
from monitor.store import migrate
from monitor.store.engine import Database

ConfigPath = Annotated[
    Path,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        envvar="GPU_MONITOR_CONFIG",
        help="The configuration file.",
    ),
]
DEFAULT_CONFIG = Path("config/monitor.yaml")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

MOST = 2**63 - 1
"""The largest number that a database keeps."""
_UNTOLD = "–"
_WIDTH = 200
"""Columns of a table that no terminal shows."""

redactor = Redactor()
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def read_config(path: Path) -> Config:
    """Return the configuration; its warnings go to standard error.

    Raises:
        ConfigError: with every mistake.
    """
    if not path.exists():
        raise ConfigError((_missing(path),))
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
    """Open the configured database, which is there and has its tables.

    Raises:
        StoreMissingError: it is not, or has none: who reads makes none.
        StoreError: it lacks migrations; a daemon of an older version may be at work on it.
    """
    with of_any_revision(config) as database:
        if migrate.current(database) is None:
            raise StoreMissingError(f"the database {database.name} has no tables yet")
        _demand_head(database)
        yield database


@contextmanager
def opened_or_made(config: Config) -> Iterator[Database]:
    """Open the configured database; a new one is made, an old one is left to `run`.

    Raises:
        StoreError: it lacks migrations; a daemon of an older version may be at work on it.
    """
    with of_any_revision(config, must_exist=False) as database:
        if migrate.current(database) is None:
            migrate.upgrade(database)
        _demand_head(database)
        yield database


@contextmanager
def of_any_revision(config: Config, *, must_exist: bool = True) -> Iterator[Database]:
    """Open the configured database, whatever its revision.

    Raises:
        StoreMissingError: it must exist, and does not.
    """
    database = Database.open(config.database.url.reveal(), must_exist=must_exist)
    try:
        yield database
    finally:
        database.close()


def place(database: Database) -> str:
    """Return where a database is, to be told where it is empty.

    A relative path begins where the program was started: in another folder it is another file.
    """
    return database.name if database.file is None else str(database.file.absolute())


def print_json(value: Any) -> None:
    """Print JSON to standard output, indented where a person reads it."""
    typer.echo(_json(value))


def print_json_list(values: Iterable[Any]) -> None:
    """Print JSON likewise, the values of a list as they come."""
    begin, between, end = ("[\n", ",\n", "\n]") if sys.stdout.isatty() else ("[", ", ", "]")
    margin = "  " if sys.stdout.isatty() else ""
    for number, value in enumerate(values):
        typer.echo(between if number else begin, nl=False)
        typer.echo(textwrap.indent(_json(value), margin), nl=False)
        begin = ""
    typer.echo(f"{begin.strip()}{end}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print a table to standard output, one line for each row; without rows say `empty`.

    Columns that begin with `>` are numbers, set right, and with `.` amounts, set on the decimal
    point. Those that end with `…` are cut short where the terminal is too narrow. A column that
    nobody fills is left out.
    """
    found = [[_cell(value) for value in row] for row in rows]
    if not found:
        err.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    cells: list[Sequence[str]] = []
    for column, filled in zip(columns, zip(*found, strict=True), strict=True):
        if any(each not in {"", _UNTOLD} for each in filled):
            _add_column(table, column)
            cells.append(_on_the_point(filled) if column.startswith(".") else filled)
    for row in zip(*cells, strict=True):
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    width = None if sys.stdout.isatty() else _WIDTH
    Console(width=width, highlight=False, markup=False).print(table)


def count(number: int, noun: str) -> str:
    """Return how many of something there are: `1 rule`, `2 rules`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(given: str | timedelta) -> timedelta:
    """Read a duration such as `24h`, for an option; Typer hands its default through as well."""
    if isinstance(given, timedelta):
        return given
    try:
        return parse_duration(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def known_rule(plan: Plan, given: str) -> RuleName:
    """Return the rule about offers that was named; a usage error tells those that there are."""
    name = RuleName(given)
    if name not in plan.rules:
        known = ", ".join(plan.rules) or "none"
        raise typer.BadParameter(f"no rule is named {given}; there are: {known}")
    return name


def some_time(given: str | timedelta) -> timedelta:
    """Read likewise a duration that is not nothing."""
    found = duration(given)
    if not found:
        raise typer.BadParameter("must be longer than nothing")
    return found


def one_line(given: str) -> str:
    """Return a text that was given, to be kept and shown; like one in the configuration."""
    if not given.isprintable():
        raise typer.BadParameter("must be one line of printable characters")
    return given


def instant(at: datetime | None) -> str | None:
    """Return RFC 3339 in UTC, or `None`."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago an instant was, for a table."""
    if at is None:
        return ""
    seconds = int((now - at).total_seconds())
    if seconds < 0:  # the clock was ahead then
        return "yet to come"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _demand_head(database: Database) -> None:
    if migrate.current(database) != migrate.head():
        raise StoreError(
            f"the database {database.name} is not of this version: stop the daemon, "
            "run `gpu-monitor db upgrade`, and start it again"
        )


def _missing(path: Path) -> Problem:
    what = (
        "does not exist: name another with -c FILE or GPU_MONITOR_CONFIG, "
        "or see `gpu-monitor demo`, which needs none"
    )
    return Problem(file=str(path), line=1, column=1, where="file", what=what)


def _add_column(table: Table, column: str) -> None:
    table.add_column(
        column.lstrip(">.").rstrip("…"),
        justify="right" if column.startswith(">") else "left",
        no_wrap=not column.endswith("…"),
    )


def _on_the_point(amounts: Sequence[str]) -> list[str]:
    """Pad amounts on both sides so that their decimal points stand below each other."""
    decimals = max(len(amount.partition(".")[2]) for amount in amounts)
    padded = [
        amount + " " * (decimals - len(amount.partition(".")[2])) if "." in amount else amount
        for amount in amounts
    ]
    width = max(map(len, padded))
    return [amount.rjust(width) for amount in padded]


def _json(value: Any) -> str:
    indent = 2 if sys.stdout.isatty() else None
    return json.dumps(value, indent=indent, ensure_ascii=False, default=_plain)


def _cell(value: Any) -> str:
    return _UNTOLD if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
