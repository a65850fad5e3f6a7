"""`make day` and `make kills`: proofs that take minutes, each with a table of what was seen."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, track
from rich.table import Table

from tests.proofs.day import Day
from tests.proofs.day import live as live_a_day
from tests.proofs.day_compare import Found, Life
from tests.proofs.day_market import Pace
from tests.proofs.kills import SEEDS, STEPS, Result, draw, run

_SHOWN = 20
"""Differences that are printed; there is something to look into then."""


def main() -> int:
    """Run the proof that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs", description=__doc__)
    proofs = parser.add_subparsers(required=True)
    day = proofs.add_parser("day", help="a day at 60 times its speed, killed 20 times")
    for option, usual in (("--speed", 60), ("--hours", 24), ("--kills", 20), ("--seed", 1)):
        day.add_argument(option, type=_whole, default=usual)
    day.set_defaults(prove=_day)
    kills = proofs.add_parser("kills", help="killed at each step of a purchase, 20 seeds each")
    kills.add_argument("--seeds", type=_whole, default=len(SEEDS))
    kills.add_argument("--step", choices=STEPS, action="append")
    kills.set_defaults(prove=_kills)
    asked = parser.parse_args()
    return int(asked.prove(asked))


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _day(asked: argparse.Namespace) -> int:
    pace = Pace(speed=asked.speed, minutes=60 * asked.hours)
    folder = Path(tempfile.mkdtemp(prefix="day-"))
    with _progress_bar() as progress:
        found = live_a_day(folder, Day(pace=pace, kills=asked.kills, seed=asked.seed), progress)
    console = Console()
    console.print(_table_of_day(found, asked.hours))
    _print_wrong(console, found.wrong)
    if found.wrong:
        console.print(f"all that was written is in {folder}", soft_wrap=True)
        return 1
    shutil.rmtree(folder)
    return 0


def _kills(asked: argparse.Namespace) -> int:
    cases = [draw(step, n) for step in asked.step or STEPS for n in range(asked.seeds)]
    with tempfile.TemporaryDirectory() as folder:
        results = run(Path(folder), cases, lambda found: _tracked(found, len(cases)))
    console = Console()
    console.print(_table_of_kills(results))
    wrong = [f"{each.case}: {sentence}" for each in results for sentence in each.wrong]
    _print_wrong(console, wrong)
    return 1 if wrong else 0


def _print_wrong(console: Console, wrong: Sequence[str]) -> None:
    for each in wrong[:_SHOWN]:
        console.print(each, markup=False)


def _progress_bar() -> Progress:
    """Return a bar that shows the minute of the day and the kills, on standard error."""
    minute = TextColumn("{task.completed:.0f} of {task.total} minutes, {task.fields[kills]} kills")
    columns = (TextColumn("{task.description}"), BarColumn(), minute)
    return Progress(*columns, console=Console(stderr=True))


def _table_of_day(found: Found, hours: int) -> Table:
    table = Table("what", title=f"{hours} hours, {len(found.lives[1].deaths)} times killed")
    for life in found.lives:
        table.add_column(life.name, justify="right")
    for name, tell in _ROWS.items():
        table.add_row(name, *(str(tell(life)) for life in found.lives))
    table.add_section()
    for name, number in (
        ("steady market: transitions that are the same in both", found.courses.same),
        ("  seconds apart at most", f"{found.courses.apart.total_seconds():.2f}"),
        ("drifting market: transitions with their like in the other", found.elsewhere.alike),
        ("  without one, in the time of a death", found.elsewhere.shadowed),
        ("differences that must not be", len(found.wrong)),
    ):
        table.add_row(name, "", str(number))
    return table


_ROWS: Mapping[str, Callable[[Life], object]] = {
    "good polls": lambda life: len(life.polled),
    "seconds in which nothing was known": lambda life: f"{life.unknown().total_seconds():.0f}",
    "transitions": lambda life: len(life.transitions),
    "  that one program makes of the same polls": lambda life: len(life.rehearsed),
    "notifications": lambda life: len(life.notifications),
    "  sent more than once, for how it ended was unknown": lambda life: life.repeated(),
    "messages that arrived": lambda life: life.arrived.total(),
}


def _tracked(found: Iterator[Result], total: int) -> Iterator[Result]:
    yield from track(found, "deaths", total=total, console=Console(stderr=True))


def _table_of_kills(results: Sequence[Result]) -> Table:
    table = Table(title=f"{len(results)} deaths in the middle of a purchase")
    table.add_column("killed", no_wrap=True)
    for column in ("times", "requests", "instances", "once unclear", "made nothing", "broken"):
        table.add_column(column, justify="right")
    for step in STEPS:
        own = [each for each in results if each.case.step == step]
        numbers = (
            len(own),
            sum(each.requests for each in own),
            sum(each.instances for each in own),
            sum(each.unclear for each in own),
            sum(each.failed for each in own),
            sum(len(each.wrong) for each in own),
        )
        table.add_row(step, *map(str, numbers))
    return table


if __name__ == "__main__":
    sys.exit(main())
