"""Recorded polls as commands read them: from a replay file, whole and in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.cli.common import count, err, instant
from monitor.config.durations import show_duration
from monitor.errors import MonitorError
from monitor.market.snapshot import Poll
from monitor.marketplaces.recording import polls
from monitor.marketplaces.replay import BadLine, open_replay
from monitor.rules.past import OUTAGE_INTERVALS

BAD_LINES_SHOWN = 20


class Recording(Protocol):
    """Polls of one marketplace that were made before."""

    @property
    def marketplace(self) -> str:
        """Whose polls they are."""

    @property
    def instants(self) -> Sequence[datetime]:
        """When they were made, in order."""

    def polls(self) -> Iterator[Poll]:
        """Read the polls, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFile:
    """The polls of a replay file."""

    path: Path
    marketplace: str
    instants: Sequence[datetime]

    def polls(self) -> Iterator[Poll]:
        """Read the polls, in order."""
        with open_replay(self.path) as lines:
            yield from polls(lines, self.marketplace)


def replay_file(path: Path, marketplace: str) -> ReplayFile:
    """Return the polls in `path`; tells what of it is not used on standard error.

    Raises:
        MonitorError: the file cannot be read, or there is no poll in it.
    """
    instants: list[datetime] = []
    late = 0
    try:
        with open_replay(path) as lines:
            bad = BadLines(str(path))
            for line in lines:
                if isinstance(line, BadLine):
                    bad.tell(line)
                elif instants and line.at <= instants[-1]:
                    late += 1
                else:
                    instants.append(line.at)
            bad.end()
    except OSError as error:
        raise MonitorError(f"{path} cannot be read: {error.strerror or error}") from error
    if late:
        err.print(f"{path}: {count(late, 'poll')} not later than the one before left out")
    if not instants:
        raise MonitorError(f"{path} holds no poll: see docs/simulator.md for the format")
    return ReplayFile(path=path, marketplace=marketplace, instants=instants)


def with_progress(recording: Recording, what: str) -> Iterator[Poll]:
    """Yield the polls of `recording`, with a bar on standard error where a person sees it."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield from progress.track(recording.polls(), total=len(recording.instants))


def describe(recording: Recording, interval: timedelta) -> str:
    """Return in a sentence what was recorded, and what is not known of it."""
    instants = recording.instants
    gaps = [b - a for a, b in pairwise(instants) if b - a > OUTAGE_INTERVALS * interval]
    longest = f", the longest {show_duration(max(gaps))}" if gaps else ""
    return (
        f"{count(len(instants), 'poll')} of {recording.marketplace} "
        f"from {instant(instants[0])} to {instant(instants[-1])}, "
        f"every {show_duration(interval)}; {count(len(gaps), 'gap')}{longest}"
    )


class BadLines:
    """Counts bad lines (`met`), and tells of the first few of them one by one."""

    def __init__(self, file: str) -> None:
        self.met = 0
        self._file = file

    def tell(self, line: BadLine) -> None:
        """Say what is wrong with a line, unless enough was said."""
        self.met += 1
        if self.met <= BAD_LINES_SHOWN:
            err.print(f"{self._file}:{line.line}: left out: {line.reason}")

    def end(self) -> None:
        """Say how many more there were."""
        if self.met > BAD_LINES_SHOWN:
            err.print(f"{self._file}: {self.met - BAD_LINES_SHOWN} more bad lines left out")
