"""`stats`: whether the present best price is good, and how often something can be had."""

from collections.abc import Sequence
from datetime import UTC, timedelta, tzinfo
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
    print_json,
    print_table,
    read_config,
)
from monitor.cli.figures import PERCENTILES, figures, money, print_csv, rounded
from monitor.cli.history import unknown
from monitor.cli.plotting import PlotFile, stats_plot, write_plot
from monitor.cli.selecting import (
    NOW,
    AsCsv,
    Until,
    Zone,
    check_fits,
    check_form,
    selecting,
)
from monitor.cli.stays import print_stays, stays
from monitor.cli.week import print_week, shares
from monitor.clock import utc_now
from monitor.config.durations import show_duration
from monitor.errors import MonitorError
from monitor.history.pieces import time_of
from monitor.history.selection import Selection
from monitor.history.verdict import Verdict, percent
from monitor.history.window import HOUR, Window
from monitor.market.money import dollars
from monitor.store.answers import Answer, answers
from monitor.store.marketplaces import last_known
from monitor.store.misfits import misfit
from monitor.store.statistics import summaries

_MONTH = timedelta(days=30)
_PLOT_STEPS = 360


@selecting
def stats(
    *,
    window: Annotated[
        timedelta,
        typer.Option(
            parser=duration, metavar="TIME", help="How far to look back.", show_default="30d"
        ),
    ] = _MONTH,
    until: Until = NOW,
    selection: Selection,
    config: ConfigPath = DEFAULT_CONFIG,
    tz: Zone = UTC,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    plot: PlotFile = None,
) -> None:
    """Say whether the present best price is good, how it was spread, and when it can be had."""
    if window <= timedelta(0):
        raise typer.BadParameter("must be longer than nothing", param_hint="--window")
    check_form(as_json=as_json, as_csv=as_csv)
    end = until.resolved(utc_now())
    asked = Window(end - window, end)
    settings = read_config(config)
    with opened(settings) as database, database.read() as connection:
        check_fits(misfit(connection, selection))
        found = answers(connection, selection, asked)
        known = [each for each in found if each.past.covered or each.covered]
        if not known:
            ends = last_known(connection, selection.marketplace)
            raise MonitorError(unknown(asked, ends, place(database), sold=bool(found)))
        if plot is not None:
            chosen = _one(known)
            parts = summaries(connection, selection, asked, step=_plot_step(window))
            write_plot(plot, stats_plot(chosen, verdict(chosen, window), parts[chosen.model], tz))
    if as_json:
        print_json([_json(each, window, tz) for each in known])
    elif as_csv:
        print_csv(_row(each, window) for each in known)
    elif plot is None:
        _print(known, window, tz)


def _plot_step(window: timedelta) -> timedelta:
    """Return a step that gives some hundreds of them; whole hours, where they are as long."""
    step = window / _PLOT_STEPS
    return step if step < HOUR else step // HOUR * HOUR


def verdict(answer: Answer, span: timedelta) -> Verdict:
    """Return whether the present best price of a model is good."""
    return Verdict(
        gpu=answer.model.gpu,
        price=answer.price,
        seen_at=answer.seen_at,
        until=answer.past.window.until,
        span=_words(span),
        past=answer.past,
        lowest=answer.lowest,
    )


def _words(span: timedelta) -> str:
    if span % timedelta(days=1):
        return show_duration(span)
    return count(span.days, "day")


def _one(found: Sequence[Answer]) -> Answer:
    if len(found) > 1:
        names = ", ".join(f"{each.model.gpu} on {each.model.marketplace}" for each in found[:8])
        raise typer.BadParameter(
            f"one model at a time; {count(len(found), 'model')} fit: {names}", param_hint="--plot"
        )
    return found[0]


def _row(answer: Answer, span: timedelta) -> dict[str, Any]:
    told, low = verdict(answer, span), answer.lowest
    return {
        "marketplace": answer.model.marketplace,
        "gpu": answer.model.gpu,
        "seen_at": instant(answer.seen_at),
        "price": None if answer.price is None else dollars(answer.price),
        "lower_than": rounded(told.lower_than),
        "higher_than": rounded(told.higher_than),
        "historical_low": None if low is None else dollars(low.low),
        "historical_low_at": None if low is None else instant(low.low_at),
        **figures(answer.past),
    }


def _json(answer: Answer, span: timedelta, zone: tzinfo) -> dict[str, Any]:
    return {
        **_row(answer, span),
        "sentence": verdict(answer, span).sentence,
        "sessions": {name: each.document() for name, each in stays(answer)},
        "hours": [
            {
                "weekday": slot.weekday,
                "hour": slot.hour,
                "availability": rounded(share),
                "appearances": begun,
            }
            for slot, share, begun in shares(answer, zone)
        ],
    }


def _print(known: Sequence[Answer], span: timedelta, zone: tzinfo) -> None:
    if len(known) > 1:
        _print_many(known, span)
        return
    (answer,) = known
    typer.echo(verdict(answer, span).sentence + "\n")
    _print_spread(answer)
    if answer.covered:
        print_stays(answer)
        print_week(answer, zone)
    err.print(
        f"{answer.model.marketplace}: {percent(answer.past.coverage)} of the last "
        f"{_words(span)} was polled; all shares are of that time"
    )
    kept = time_of(answer.covered)
    if kept < answer.past.covered:
        told = f"told of {show_duration(kept)} of it only" if kept else "not told"
        err.print(
            f"how long it could be had, and when in the week, is {told}: of the time before, "
            "intervals are no longer kept (database.retention)"
        )


def _print_many(known: Sequence[Answer], span: timedelta) -> None:
    several = len({each.model.marketplace for each in known}) > 1
    print_table(
        (
            *("GPU…", ".now", "before", ".low", ".median", ">had", ">known"),
            "marketplace…",
        ),
        (
            (
                each.model.gpu,
                None if each.price is None else money(each.price),
                _rank(verdict(each, span)),
                *_prices(each),
                None if each.past.availability is None else percent(each.past.availability),
                percent(each.past.coverage),
                each.model.marketplace if several else None,
            )
            for each in known
        ),
        empty="nothing",
    )


def _rank(told: Verdict) -> str | None:
    """Return what it mostly was before, and for how much of the time."""
    lower, higher = told.lower_than, told.higher_than
    if lower is None or higher is None:
        return None
    if 1 - lower - higher > max(lower, higher):
        return "the same"
    return f"dearer {percent(lower)}" if lower >= higher else f"cheaper {percent(higher)}"


def _prices(answer: Answer) -> tuple[str | None, ...]:
    best = answer.past.best
    return (None, None) if best is None else (money(best.low), money(best.median))


def _print_spread(answer: Answer) -> None:
    rows = (("best price", answer.past.best), ("all offers", answer.past.offers))
    print_table(
        (
            *("$ per hour", ".lowest", *(f".{each} %" for each in PERCENTILES)),
            *(".highest", ".mean", "lowest on"),
        ),
        (
            (
                name,
                money(prices.low),
                *(money(prices.quantile(each / 100)) for each in PERCENTILES),
                money(prices.high),
                money(prices.mean),
                f"{prices.low_at:%Y-%m-%d}",
            )
            for name, prices in rows
            if prices is not None
        ),
        empty="it could never be had",
    )
    typer.echo()
