"""`import`: recorded polls into the history."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    count,
    err,
    instant,
    opened,
    print_json,
    print_table,
    read_config,
    some_time,
)
from monitor.cli.poll import named
from monitor.cli.recordings import BadLines
from monitor.clock import utc_now
from monitor.config.durations import show_duration
from monitor.config.model import Config
from monitor.errors import MonitorError
from monitor.history.splice import Look
from monitor.market.diff import hostnode_facts, offer_facts
from monitor.market.snapshot import Outcome
from monitor.marketplaces.recording import decoded
from monitor.marketplaces.replay import BadLine, read_replay, unpacked
from monitor.marketplaces.tensordock.rows import Reader
from monitor.marketplaces.timeline import Placed, Timeline
from monitor.rules.past import OUTAGE_INTERVALS
from monitor.rules.system import PROGRAM
from monitor.store import expiry
from monitor.store.engine import Database
from monitor.store.imports import Importer

_STDIN = "-"
_USUAL_INTERVAL = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of a file: `new` polls are now history, of `known` instants it was there."""

    file: str
    new: int = 0
    known: int = 0
    outages: int = 0
    bad: int = 0
    since: datetime | None = None
    until: datetime | None = None

    def saw(self, at: datetime) -> None:
        """Extend the time the file is about."""
        self.since = min(self.since or at, at)
        self.until = max(self.until or at, at)


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
    with opened(settings) as database:
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


class Intake:
    """Takes one file into the history of a marketplace."""

    def __init__(
        self,
        replay: str,
        database: Database,
        marketplace: str,
        interval: timedelta | None,
        usual: timedelta,
    ) -> None:
        self._replay = replay
        self._marketplace = marketplace
        self._importer = Importer(database, marketplace)
        self._reader = Reader()
        self._interval = interval
        self._usual = usual
        self._assumed = False
        self._done = Imported(file=replay)
        self._bad = BadLines(replay)

    def run(self) -> Imported:
        """Read the file to its end.

        Raises:
            MonitorError: it was stopped or cannot be read; what was read until then is kept.
        """
        try:
            with _open(self._replay) as file, unpacked(file) as lines:
                timeline = Timeline(
                    read_replay(lines),
                    bridged=OUTAGE_INTERVALS,
                    interval=self._interval,
                    otherwise=self._usual,
                    now=utc_now(),
                    bad=self._bad.tell,
                )
                for batch in _with_progress(timeline.batches(), file, self._replay):
                    self._assume(timeline)
                    self._take(batch)
        except OSError as error:
            raise MonitorError(f"{self._replay}: {error.strerror or error}") from error
        except KeyboardInterrupt:
            raise MonitorError(
                f"stopped in {self._replay}; what was read is kept: run it again to go on"
            ) from None
        self._bad.end()
        self._done.bad = self._bad.met
        self._done.outages += timeline.outages
        return self._done

    def _take(self, batch: Sequence[Placed]) -> None:
        unknown = self._importer.unknown([placed.poll.at for placed in batch])
        looks = list(self._looks(placed for placed in batch if placed.poll.at in unknown))
        new = self._importer.put(looks)
        self._done.new += new
        self._done.known += len(batch) - len(unknown) + len(looks) - new
        for placed in batch:
            self._done.saw(placed.poll.at)

    def _looks(self, batch: Iterable[Placed]) -> Iterator[Look]:
        for placed in batch:
            poll = decoded(placed.poll, self._marketplace, self._reader)
            if poll.snapshot is not None:
                yield Look(
                    at=poll.at,
                    back=placed.back,
                    ahead=placed.ahead,
                    hostnodes=dict(hostnode_facts(poll.snapshot.hostnodes)),
                    offers=dict(offer_facts(poll.snapshot.offers)),
                )
            elif poll.outcome is Outcome.EMPTY:
                self._done.outages += 1
            else:
                self._bad.tell(BadLine(line=placed.poll.line, reason=poll.detail))

    def _assume(self, timeline: Timeline) -> None:
        """Tell the poll interval before anything is written by it, for that cannot be undone."""
        if self._assumed or not timeline.assumed or timeline.interval is None:
            return
        self._assumed = True
        interval, bridged = timeline.interval, OUTAGE_INTERVALS * timeline.interval
        asked = self._interval is not None
        apart = timeline.median if asked else timeline.often
        if apart is not None and apart > bridged:
            raise MonitorError(
                f"{self._replay}: many polls are {show_duration(apart)} apart, and by a poll "
                f"interval of {show_duration(interval)} more than {show_duration(bridged)} is a "
                "gap, which cannot be undone: say how often it was polled with --interval"
            )
        whose = "as asked" if asked else "the file's median"
        err.print(
            f"{self._replay}: polled every {show_duration(interval)} ({whose}), so that more than "
            f"{show_duration(bridged)} without a poll is a gap"
        )


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
        if replay != _STDIN and not Path(replay).is_file():
            raise typer.BadParameter(f"there is no file {replay}", param_hint="REPLAY")


@contextmanager
def _open(replay: str) -> Iterator[BufferedReader]:
    if replay == _STDIN:
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    with Path(replay).open("rb") as file:
        yield file


def _with_progress(
    batches: Iterator[list[Placed]], file: BufferedReader, name: str
) -> Iterator[list[Placed]]:
    """Yield batches, with a bar on standard error where a person sees it."""
    size = None if name == _STDIN else Path(name).stat().st_size
    columns = (TextColumn(Path(name).name), BarColumn(), TextColumn("{task.description}"))
    with Progress(
        *columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal
    ) as progress:
        bar = progress.add_task("", total=size)
        polls = 0
        for batch in batches:
            yield batch
            polls += len(batch)
            done = None if size is None else file.tell()
            progress.update(bar, completed=done, description=count(polls, "poll"))


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
