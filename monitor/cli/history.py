"""`history`: price and availability over time."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain, groupby, islice
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    count,
    duration,
    err,
    instant,
    opened,
    place,
    print_json_list,
    print_table,
    read_config,
)
from monitor.cli.figures import CELLS, cells, figures, print_csv, resampled, together
from monitor.cli.glyphs import LEGEND, sparkline
from monitor.cli.plotting import PlotFile, history_plot, write_plot
from monitor.cli.selecting import (
    NOW,
    AsCsv,
    Until,
    Zone,
    check_fits,
    check_form,
    selecting,
)
from monitor.cli.times import When, when
from monitor.clock import utc_now
from monitor.config.durations import show_duration
from monitor.errors import MonitorError
from monitor.history.plan import RAW_FOR
from monitor.history.selection import Model, Selection
from monitor.history.summary import Summary, combined
from monitor.history.window import DAY, HOUR, Window
from monitor.store.engine import Database
from monitor.store.marketplaces import last_known
from monitor.store.misfits import misfit
from monitor.store.offered import models
from monitor.store.statistics import summaries

Told = tuple[Model, Sequence[Summary]]

_MOST_STEPS = 20_000
_STEPS_AT_ONCE = 10_000
"""Steps of all models together that are read, and held, at once: a few tens of megabytes."""
_MANY_STEPS = 50_000
"""Steps of all models together after which it takes long enough to say so."""
_MOST_IN_A_DAY = 48
_LINE = 12
_FEW = (0, 1, 3, 5, 6)
"""Low, median, free, had, known: what there is room for beside the names of many models."""
_WEEK = When(timedelta(days=7))


@selecting
def history(
    *,
    since: Annotated[
        When,
        typer.Option(
            parser=when, metavar="TIME", help="From when: 7d ago, or 2026-03-01.", show_default="7d"
        ),
    ] = _WEEK,
    until: Until = NOW,
    step: Annotated[
        timedelta | None,
        typer.Option(
            parser=duration,
            metavar="TIME",
            help="A figure for each: 1h if not said, and 1d over more than 32 days.",
        ),
    ] = None,
    selection: Selection,
    config: ConfigPath = DEFAULT_CONFIG,
    tz: Zone = UTC,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    plot: PlotFile = None,
) -> None:
    """Show the best price and availability over time: a bar for each step, a line for each day."""
    check_form(as_json=as_json, as_csv=as_csv)
    end = until.resolved(utc_now())
    window = Window(since.resolved(end), end)
    if step is None:
        step = HOUR if window.length <= RAW_FOR else DAY
    _check(window, step)
    settings = read_config(config)
    with opened(settings) as database:
        with database.read() as connection:
            check_fits(misfit(connection, selection))
            asked = models(connection, selection)
            ends = last_known(connection, selection.marketplace)
        found = _read(database, selection, window, step, asked)
        first = next(found, None)
        if first is None:
            raise MonitorError(unknown(window, ends, place(database), sold=bool(asked)))
        known: Iterable[Told] = chain([first], found)
        if plot is not None:
            known = list(known)
            write_plot(plot, history_plot(dict(known), window, tz))
        if as_json:
            print_json_list(_json(model, window, parts) for model, parts in known)
        elif as_csv:
            print_csv(_rows(known))
        elif plot is None:
            _print(known, window, _of_days(step, tz))


def _read(
    database: Database,
    selection: Selection,
    window: Window,
    step: timedelta,
    asked: Sequence[Model],
) -> Iterator[Told]:
    """Yield what is known of each model, some thousand steps at a time.

    However much it is, memory holds little of it, and no transaction is open while it is printed.
    """
    each = max(1, math.ceil(window.length / step))
    if len(asked) * each > _MANY_STEPS:
        err.print(
            f"reads {count(len(asked), 'model')} in {each:,} steps each: "
            "--gpu, or a longer --step, asks for less"
        )
    at_once = max(1, _STEPS_AT_ONCE // each)
    for begin in range(0, len(asked), at_once):
        with database.read() as connection:
            some = asked[begin : begin + at_once]
            found = summaries(connection, selection, window, step=step, of=some)
        yield from (told for told in found.items() if any(part.covered for part in told[1]))


def unknown(window: Window, ends: datetime | None, where: str, *, sold: bool) -> str:
    """Return why there is no answer, and what to ask instead; `ends` is where history does."""
    if ends is None:
        told = "run `gpu-monitor run` or `poll`, or `import` a recording"
        return f"nothing is recorded yet in {where}: {told}"
    if not sold:
        return "no offer that was ever polled fits all these options: leave one of them out"
    about = f"nothing is known from {instant(window.since)} to {instant(window.until)}"
    if ends < window.since:
        return f"{about}; the history ends before it: add --until {instant(_after(ends))}"
    return f"{about}: look at another time with --until"


def _after(at: datetime) -> datetime:
    """Return the next whole second."""
    return at.replace(microsecond=0) + timedelta(seconds=1)


def _check(window: Window, step: timedelta) -> None:
    if window.since >= window.until:
        raise typer.BadParameter("begins after its end", param_hint="--since")
    if step <= timedelta(0) or window.length / step > _MOST_STEPS:
        raise typer.BadParameter(
            f"cuts {show_duration(window.length)} into more than {_MOST_STEPS:,} steps",
            param_hint="--step",
        )


def _json(model: Model, window: Window, parts: Sequence[Summary]) -> dict[str, Any]:
    return {
        "marketplace": model.marketplace,
        "gpu": model.gpu,
        **figures(combined(window, parts)),
        "steps": [figures(part) for part in parts],
    }


def _rows(found: Iterable[Told]) -> Iterator[dict[str, Any]]:
    for model, parts in found:
        for part in parts:
            yield {"marketplace": model.marketplace, "gpu": model.gpu, **figures(part)}


def _print(found: Iterable[Told], window: Window, zone: tzinfo) -> None:
    rest = iter(found)
    head = list(islice(rest, 2))
    if len(head) == 1:
        ((model, parts),) = head
        err.print(_about(model, combined(window, parts)))
        _print_days(parts, zone)
        return
    lines = [(model, *_line(parts, window)) for model, parts in chain(head, rest)]
    several = len({model.marketplace for model, *_ in lines}) > 1
    print_table(
        ("GPU…", "best price", *(CELLS[index] for index in _FEW), "marketplace…"),
        ((model.gpu, *line, model.marketplace if several else None) for model, *line in lines),
        empty="nothing",
    )


def _line(parts: Sequence[Summary], window: Window) -> tuple[Any, ...]:
    """Return the bars of a model, and the figures that there is room for."""
    whole = cells(combined(window, parts))
    return *_bars_of([resampled(parts, _LINE)]), *(whole[index] for index in _FEW)


def _of_days(step: timedelta, zone: tzinfo) -> tzinfo:
    """Return the zone whose dates a table has: steps of days are those of UTC."""
    if step < DAY or zone is UTC:
        return zone
    err.print("days are those of UTC, where steps of a day begin: --step 1h cuts them at midnight")
    return UTC


def _about(model: Model, whole: Summary) -> str:
    return (
        f"{model.gpu} on {model.marketplace}, $ per hour, "
        f"{whole.window.since:%Y-%m-%d %H:%M} to {whole.window.until:%Y-%m-%d %H:%M} UTC; "
        f"{LEGEND}"
    )


def _print_days(parts: Sequence[Summary], zone: tzinfo) -> None:
    """Print a line for each day, with its bars if it has several steps."""
    days = groupby(parts, key=lambda part: part.window.since.astimezone(zone).date())
    lines = [(day, list(each)) for day, each in days]
    bar_rows = _bars_of([resampled(each, _MOST_IN_A_DAY) for _, each in lines])
    form = "%m-%d %a" if len({day.year for day, _ in lines}) == 1 else "%Y-%m-%d %a"
    print_table(
        ("day", "best price", *CELLS),
        (
            (f"{day:{form}}", bars if len(each) > 1 else None, *cells(together(each)))
            for (day, each), bars in zip(lines, bar_rows, strict=True)
        ),
        empty="nothing",
    )


def _bars_of(rows: Sequence[Sequence[Summary]]) -> list[str]:
    """Return a line of bars for each row, all on one scale."""
    prices = [[_median(part) for part in row] for row in rows]
    there = [price for row in prices for price in row if price is not None]
    return [
        sparkline(row_prices, [bool(part.covered) for part in row], there)
        for row, row_prices in zip(rows, prices, strict=True)
    ]


def _median(part: Summary) -> float | None:
    return None if part.best is None else float(part.best.median)
