"""Recorded polls taken into the history, file by file."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import cast

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.cli.common import count, err
from monitor.cli.recordings import BadLines
from monitor.clock import utc_now
from monitor.config.durations import show_duration
from monitor.errors import MonitorError
from monitor.history.splice import Look
from monitor.market.diff import hostnode_facts, offer_facts
from monitor.market.snapshot import Outcome
from monitor.marketplaces.recording import decoded
from monitor.marketplaces.replay import BadLine, read_replay, unpacked
from monitor.marketplaces.tensordock.rows import Reader
from monitor.marketplaces.timeline import Placed, Timeline
from monitor.rules.past import OUTAGE_INTERVALS
from monitor.store.engine import Database
from monitor.store.imports import Importer

STDIN = "-"
"""The name by which standard input is asked for."""


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


@contextmanager
def _open(replay: str) -> Iterator[BufferedReader]:
    if replay == STDIN:
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    with Path(replay).open("rb") as file:
        yield file


def _with_progress(
    batches: Iterator[list[Placed]], file: BufferedReader, name: str
) -> Iterator[list[Placed]]:
    """Yield batches, with a bar on standard error where a person sees it."""
    size = None if name == STDIN else Path(name).stat().st_size
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
