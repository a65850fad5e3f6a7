"""What a summary of the past comes to, as columns for JSON and CSV and as cells for a table."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from monitor.cli.common import instant
from monitor.history.summary import Summary, combined
from monitor.history.verdict import percent
from monitor.history.window import Window
from monitor.market.money import NanoDollars, dollars, show

PERCENTILES = (10, 25, 50, 75, 90)
_PART = 65_536
"""Characters of CSV that are printed at once."""


def figures(summary: Summary) -> dict[str, Any]:
    """Return the figures of a summary; prices are the best price's, in dollars per hour."""
    best = summary.best
    return {
        "from": instant(summary.window.since),
        "until": instant(summary.window.until),
        "coverage": round(summary.coverage, 4),
        "availability": rounded(summary.availability),
        "low": None if best is None else dollars(best.low),
        "low_at": None if best is None else instant(best.low_at),
        **{
            f"p{each}": None if best is None else dollars(best.quantile(each / 100))
            for each in PERCENTILES
        },
        "mean": None if best is None else dollars(best.mean),
        "high": None if best is None else dollars(best.high),
        "gpus_free": rounded(summary.gpus_free),
        "hostnodes_offering": rounded(summary.hostnodes_offering),
        "made_from": " ".join(sorted(summary.sources)),
    }


def rounded(value: float | None) -> float | None:
    """Return a share or a mean for a script, without digits that say nothing."""
    return None if value is None else round(value, 4)


def money(amount: NanoDollars | None) -> str | None:
    """Return dollars for a table that is about many hours: tenths of a cent are enough."""
    if amount is None:
        return None
    return show(NanoDollars(round(amount, -6))) if amount > 10**8 else show(amount)


def cells(summary: Summary) -> tuple[Any, ...]:
    """Return low, median, high, GPUs free, hostnodes, the share that could be had, and known."""
    best = summary.best
    prices = (None,) * 3 if best is None else (best.low, best.median, best.high)
    return (
        *map(money, prices),
        None if summary.gpus_free is None else f"{summary.gpus_free:.1f}",
        None if summary.hostnodes_offering is None else f"{summary.hostnodes_offering:.1f}",
        None if summary.availability is None else percent(summary.availability),
        percent(summary.coverage),
    )


CELLS = (".low", ".mid", ".high", ".free", ".hosts", ">had", ">known")


def print_csv(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows to standard output with the names of their columns; without rows, nothing.

    They are printed in parts as they come: there may be more than memory holds.
    """
    text = io.StringIO()
    table: csv.DictWriter[str] | None = None
    for row in rows:
        if table is None:
            table = csv.DictWriter(text, list(row), lineterminator="\n")
            table.writeheader()
        table.writerow(row)
        if text.tell() > _PART:
            typer.echo(text.getvalue(), nl=False)
            text.seek(0)
            text.truncate()
    typer.echo(text.getvalue(), nl=False)


def resampled(parts: Sequence[Summary], most: int) -> list[Summary]:
    """Return `parts` added up to at most so many of about equal length."""
    size = -(-len(parts) // most)
    return [together(parts[at : at + size]) for at in range(0, len(parts), size)]


def together(parts: Sequence[Summary]) -> Summary:
    """Return what parts come to that follow on each other."""
    return combined(Window(parts[0].window.since, parts[-1].window.until), parts)
