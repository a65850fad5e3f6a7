"""`import`: recorded polls into the history."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    err,
    instant,
    opened_or_made,
    print_json,
    print_table,
    read_config,
    some_time,
)
from monitor.cli.intake import STDIN, Imported, Intake
from monitor.cli.poll import named
from monitor.config.durations import show_duration
from monitor.config.model import Config
from monitor.rules.system import PROGRAM
from monitor.store import expiry
from monitor.store.engine import Database

_USUAL_INTERVAL = timedelta(minutes=1)


def import_(
    replays: Annotated[
        list[str], typer.Argument(metavar="REPLAY", help="Files, gzipped or not; - is stdin.")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    marketplace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose history it is, if there are several.")
    ] = None,
    interval: Annotated[
        timedelta | None,
        typer.Option(
            parser=some_time,
            metavar="TIME",
            help="The poll interval: after three of them without a poll is a gap. "
            "The file's median if not said.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take recorded polls into the history, wherever it knows nothing yet.

    Doing it again changes nothing, and after a crash it goes on where it was.
    """
    settings = read_config(config)
    name = _target(settings, marketplace)
    _check_readable(replays)
    usual = {each.name: each.poll_interval for each in settings.marketplaces}
    done = []
    with opened_or_made(settings) as database:
        for replay in replays:
            intake = Intake(replay, database, name, interval, usual.get(name, _USUAL_INTERVAL))
            done.append(intake.run())
        _tell_nothing_new(name, done)
        _tell_what_will_go(database, name, done, settings.database.retention)
    if as_json:
        print_json([_json(name, each) for each in done])
    else:
        _print(done)
    if any(each.bad and not (each.new or each.known) for each in done):
        raise typer.Exit(1)


def _tell_nothing_new(marketplace: str, done: Iterable[Imported]) -> None:
    """Say so of a file whose time is known already, which may be what another one told."""
    for each in done:
        if each.known and not each.new:
            err.print(
                f"{each.file}: nothing new, for all its time the history of {marketplace} is known "
                "already; to keep it beside that: --marketplace ANOTHER-NAME"
            )


def _tell_what_will_go(
    database: Database, marketplace: str, done: Iterable[Imported], keep: timedelta
) -> None:
    """Say so if intervals were imported that are older than those that are kept."""
    oldest = min((each.since for each in done if each.new and each.since), default=None)
    with database.read() as connection:
        kept = expiry.kept_since(connection, marketplace, keep)
    if oldest is not None and oldest < kept:
        err.print(
            f"what is older than {kept:%Y-%m-%d} is not kept: soon nothing but each model's hours "
            f"and days are told of it; a longer `database.retention` than {show_duration(keep)} "
            "keeps it all"
        )


def _target(settings: Config, wanted: str | None) -> str:
    names = [each.name for each in settings.marketplaces]
    name = named(names, wanted)
    if name not in names and (not name.strip() or not name.isprintable() or name == PROGRAM):
        raise typer.BadParameter(
            "must be a name of printable characters that the program does not use for itself",
            param_hint="--marketplace",
        )
    if name not in names:
        err.print(f"{name} is not configured: its history is kept beside that of the others")
    return name


def _check_readable(replays: Iterable[str]) -> None:
    for replay in replays:
        if replay != STDIN and not Path(replay).is_file():
            raise typer.BadParameter(f"there is no file {replay}", param_hint="REPLAY")


def _print(done: Iterable[Imported]) -> None:
    print_table(
        ("file…", ">new", ">known", ">failed", ">bad", "from", "until"),
        (
            (
                Path(each.file).name,
                each.new,
                each.known,
                each.outages,
                each.bad,
                None if each.since is None else f"{each.since:%Y-%m-%d %H:%M}",
                None if each.until is None else f"{each.until:%Y-%m-%d %H:%M}",
            )
            for each in done
        ),
        empty="nothing to import",
    )


def _json(marketplace: str, each: Imported) -> dict[str, Any]:
    return {
        "file": each.file,
        "marketplace": marketplace,
        "new": each.new,
        "known": each.known,
        "failed": each.outages,
        "bad": each.bad,
        "from": instant(each.since),
        "until": instant(each.until),
    }
