"""`--plot`: from figures to a picture."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.common import err
from monitor.cli.figures import money
from monitor.cli.week import shares
from monitor.history.pieces import Piece
from monitor.history.selection import Model
from monitor.history.sessions import merged
from monitor.history.summary import Source, Summary
from monitor.history.verdict import Verdict
from monitor.history.window import Window
from monitor.market.money import NanoDollars
from monitor.plots.draw import Chart, Line, save
from monitor.store.answers import Answer

PlotFile = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw it: a picture in FILE.svg or FILE.png."),
]

_MOST_LINES = 8
_TITLE_WIDTH = 90


def write_plot(file: Path, chart: Chart) -> None:
    """Write a picture, and say where it is.

    Raises:
        PlotError: it cannot be drawn or written.
    """
    save(chart, str(file))
    err.print(f"{file}: {chart.title}")


def history_plot(found: Mapping[Model, Sequence[Summary]], window: Window, zone: tzinfo) -> Chart:
    """Return the picture of models over time: the most often available, if there are many."""
    chosen = sorted(found, key=lambda model: -_availability(found[model]))[:_MOST_LINES]
    several = len({model.marketplace for model in found}) > 1
    labels = {m: f"{m.gpu} ({m.marketplace})" if several else m.gpu for m in chosen}
    left_out = len(found) - len(chosen)
    title = labels[chosen[0]] if len(chosen) == 1 else f"{len(chosen)} GPU models"
    if left_out:
        title += f", {left_out} less available left out"
    return Chart(
        title=f"{title}: best price and GPUs free",
        footer=footer(window, zone),
        window=window,
        zone=zone,
        covered=covered_steps(part for model in chosen for part in found[model]),
        lines=[line(labels[model], found[model]) for model in sorted(chosen)],
        marks={},
    )


def line(label: str, parts: Sequence[Summary]) -> Line:
    """Return a model's line: the median price of each step, and the mean number of GPUs free."""
    return Line(label=label, price=list(_prices(parts)), free=list(_free(parts)))


def covered_steps(parts: Iterable[Summary]) -> list[Window]:
    """Return the steps of which something is known."""
    return merged(part.window for part in parts if part.covered)


def footer(window: Window, zone: tzinfo) -> str:
    """Return what the picture is about, and how its grey is to be read."""
    since, until = (at.astimezone(zone) for at in window)
    return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} {zone}; grey: not known; gpu-monitor"


def _prices(parts: Sequence[Summary]) -> Iterator[Piece[NanoDollars]]:
    for part in parts:
        if part.best is not None:
            yield Piece(*part.window, part.best.median)


def _free(parts: Sequence[Summary]) -> Iterator[Piece[float]]:
    for part in parts:
        if part.gpus_free is not None:
            yield Piece(*part.window, part.gpus_free)


def _availability(parts: Sequence[Summary]) -> float:
    return sum(part.available.total_seconds() for part in parts)


def stats_plot(answer: Answer, told: Verdict, parts: Sequence[Summary], zone: tzinfo) -> Chart:
    """Return the picture of one model: its price against its past, and its hours of the week."""
    best = answer.past.best
    words = {} if best is None else {"median": best.median, "lowest": best.low}
    marks = {f"{word} {money(price)}": price for word, price in words.items()}
    rolled = (part for part in parts if Source.RAW not in part.sources)
    return Chart(
        title=textwrap.fill(told.sentence, _TITLE_WIDTH),
        footer=footer(answer.past.window, zone),
        window=answer.past.window,
        zone=zone,
        covered=merged([*answer.covered, *covered_steps(rolled)]),
        lines=[line(answer.model.gpu, parts)],
        marks=marks,
        hours={slot: share for slot, share, _ in shares(answer, zone) if share is not None},
    )
