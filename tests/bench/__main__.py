"""`python -m tests.bench`: measure, print one table, and fail if something is over its bound."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.bench.backtest import backtest
from tests.bench.delivery import delivery
from tests.bench.figures import Figure
from tests.bench.history import room, year
from tests.bench.latency import latency
from tests.bench.memory import memory
from tests.bench.purchase import purchase
from tests.bench.recordings import recordings
from tests.bench.scrape import scrape
from tests.bench.speed import cycle, decode, rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often things are repeated, and whether what has no bound is measured too."""

    rounds: int
    early_cycles: int
    late_cycles: int
    notifications: int
    purchases: int
    queued: int
    days: int
    days_of_changes: int
    observations: int
    unbounded: bool


THOROUGH = Effort(
    rounds=11,
    early_cycles=20,
    late_cycles=50,
    notifications=50,
    purchases=100,
    days=18,
    days_of_changes=365,
    observations=1_000_000,
    queued=10_000,
    unbounded=True,
)
QUICK = Effort(
    rounds=3,
    early_cycles=8,
    late_cycles=16,
    notifications=10,
    purchases=10,
    days=8,
    days_of_changes=40,
    observations=200_000,
    queued=1_000,
    unbounded=False,
)
BENCHES: Mapping[str, Callable[[Effort], list[Figure]]] = {
    "decode": lambda effort: decode(effort.rounds),
    "cycle": lambda effort: cycle(effort.rounds),
    "rules": lambda effort: rules(effort.rounds),
    "backtest": lambda effort: backtest(effort.rounds),
    "delivery": lambda effort: delivery(effort.queued),
    "scrape": lambda effort: scrape(effort.rounds),
    "memory": lambda effort: memory(effort.early_cycles, effort.late_cycles),
    "room": lambda effort: room(effort.days),
    "year": lambda effort: year(effort.rounds, effort.days_of_changes, unbounded=effort.unbounded),
    "recordings": lambda effort: recordings(effort.observations),
    "purchase": lambda effort: purchase(effort.purchases),
    "latency": lambda effort: latency(effort.notifications),
}


def main() -> int:
    """Run what was asked for; return the exit status."""
    asked = _arguments()
    effort = QUICK if asked.quick else THOROUGH
    figures: list[Figure] = []
    for name, bench in BENCHES.items():
        if asked.name is None or asked.name in name:
            print(f"measuring: {name} …", file=sys.stderr)  # noqa: T201  a program of the terminal
            figures += bench(effort)
    if asked.json:
        print(json.dumps([each.document() for each in figures], indent=2))  # noqa: T201  likewise
    else:
        Console().print(_table(figures))
    return 0 if all(each.within() for each in figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("-k", dest="name", help=f"only some of: {', '.join(BENCHES)}")
    return parser.parse_args()


def _table(figures: Iterable[Figure]) -> Table:
    table = Table("what", title="Speed and size: 10,000 hostnodes, about 12,600 offers, 8 MB")
    for heading in ("measured", "floor", "ratio", "at most", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in figures:
        table.add_row(each.what, *_cells(each))
    return table


def _cells(figure: Figure) -> Iterable[str]:
    unit, bound = figure.unit, "" if figure.floor is None else "×"
    yield f"{figure.measured:.1f} {unit}"
    yield "" if figure.floor is None else f"{figure.floor:.1f} {unit}"
    yield "" if figure.ratio is None else f"{figure.ratio:.2f}×"
    if figure.at_most is None:
        yield from ("", "")
        return
    yield f"{figure.at_most:g}{bound or f' {unit}'}"
    yield "[green]ok" if figure.within() else "[bold red]over"


if __name__ == "__main__":
    sys.exit(main())
