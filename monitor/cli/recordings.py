"""Recorded polls as commands read them: from a replay file, whole and in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from monitor.backtest.run import Course, usual_interval
from monitor.cli.common import count, err, instant
from monitor.config.durations import show_duration
from monitor.errors import MonitorError
from monitor.history.window import Window
from monitor.market.snapshot import Poll
from monitor.marketplaces.recording import polls
from monitor.marketplaces.replay import BadLine, open_replay

BAD_LINES_SHOWN = 20
_POLLS_A_STEP = 50
"""After how many polls the bar moves."""


class Recording(Protocol):
    """Polls of one marketplace that were made before, from when to when, at which interval."""

    @property
    def marketplace(self) -> str:
        """Whose polls they are."""

    @property
    def window(self) -> Window:
        """From when to when."""

    @property
    def interval(self) -> timedelta:
        """The interval they were made at."""

    def earlier(self, reach: timedelta) -> Iterator[Poll]:
        """Read what is known to have been polled as far as `reach` before, in order."""

    def polls(self) -> Iterator[Poll]:
        """Read the polls, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFile:
    """The polls of a replay file."""

    path: Path
    marketplace: str
    window: Window
    interval: timedelta

    def earlier(self, reach: timedelta) -> Iterator[Poll]:
        """Read nothing: a file tells of no time before its first line."""
        del reach
        return iter(())

    def polls(self) -> Iterator[Poll]:
        """Read the polls, in order."""
        with open_replay(self.path) as lines:
            yield from polls(lines, self.marketplace)


def replay_file(path: Path, marketplace: str, interval: timedelta | None) -> ReplayFile:
    """Return the polls in `path`; tells what of it is not used on standard error.

    The interval is the median time between polls if it is not given.

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
    return ReplayFile(
        path=path,
        marketplace=marketplace,
        window=Window(instants[0], instants[-1]),
        interval=interval or usual_interval(instants),
    )


def with_progress(recording: Recording, what: str) -> Iterator[Poll]:
    """Yield the polls of `recording`, with a bar on standard error where a person sees it."""
    since, length = recording.window.since, recording.window.length
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=length.total_seconds())
        for number, poll in enumerate(recording.polls()):
            if not number % _POLLS_A_STEP:
                progress.update(task, completed=(poll.at - since).total_seconds())
            yield poll


def describe(recording: Recording, course: Course) -> str:
    """Return in a sentence what was recorded, and what is not known of it."""
    longest = f", the longest {show_duration(course.longest_gap)}" if course.gaps else ""
    failed = f", {course.failed} of them failed" if course.failed else ""
    return (
        f"{count(course.polls, 'poll')} of {recording.marketplace} "
        f"from {instant(course.since)} to {instant(course.until)}{failed}, "
        f"every {show_duration(recording.interval)}; {count(course.gaps, 'gap')}{longest}"
    )


def describe_earlier(course: Course, reach: timedelta) -> str:
    """Return in a sentence what rules that look back as far as `reach` know of before."""
    asked = f"rules look back {show_duration(reach)} before that"
    if course.since is None:
        return f"{asked}, of which nothing is recorded"
    gaps = f"; {count(course.gaps, 'gap')}" if course.gaps else ""
    return f"{asked}, of which {count(course.polls, 'poll')} since {instant(course.since)}{gaps}"


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
