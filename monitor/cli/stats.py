"""`stats`: whether the present best price is good, and how often something can be had."""

from collections.abc import Iterable, Iterator, Sequence
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
    Country,
    GpuCount,
    GpuGlob,
    HostnodeGlob,
    MarketplaceName,
    MaxTier,
    MinTier,
    Place,
    Ram,
    Storage,
    Until,
    Vcpu,
    Zone,
    shape,
)
from monitor.cli.week import print_week, shares
from monitor.clock import utc_now
from monitor.config.durations import show_duration
from monitor.errors import MonitorError
from monitor.history.selection import Selection
from monitor.history.sessions import (
    Session,
    Wait,
    absences,
    lasting,
    quantile,
    sessions,
    within,
)
from monitor.history.verdict import Verdict, percent
from monitor.history.window import Window
from monitor.market.money import dollars
from monitor.store.answers import Answer, answers
from monitor.store.marketplaces import last_known
from monitor.store.statistics import summaries

_MONTH = timedelta(days=30)
_PLOT_STEPS = 360


def stats(
    *,
    gpu: GpuGlob = "*",
    window: Annotated[
        timedelta, typer.Option(parser=duration, metavar="TIME", help="How far to look back.")
    ] = _MONTH,
    until: Until = NOW,
    config: ConfigPath = DEFAULT_CONFIG,
    marketplace: MarketplaceName = None,
    country: Country = None,
    location: Place = None,
    hostnode: HostnodeGlob = None,
    min_tier: MinTier = None,
    max_tier: MaxTier = None,
    gpus: GpuCount = 1,
    vcpu: Vcpu = 0,
    ram: Ram = 0,
    storage: Storage = 0,
    tz: Zone = UTC,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    plot: PlotFile = None,
) -> None:
    """Say whether the present best price is good, how it was spread, and when it can be had."""
    if window <= timedelta(0):
        raise typer.BadParameter("must be longer than nothing", param_hint="--window")
    selection = Selection(
        marketplace=marketplace,
        gpu=gpu,
        country=country,
        location=location,
        hostnode=hostnode,
        min_tier=min_tier,
        max_tier=max_tier,
        shape=shape(gpus, vcpu, ram, storage),
    )
    end = until.resolved(utc_now())
    asked = Window(end - window, end)
    settings = read_config(config)
    with opened(settings) as database, database.read() as connection:
        found = answers(connection, selection, asked)
        known = [each for each in found if each.covered]
        if not known:
            raise MonitorError(
                unknown(selection, asked, last_known(connection, marketplace), sold=bool(found))
            )
        if plot is not None:
            chosen = _one(known)
            parts = summaries(connection, selection, asked, step=window / _PLOT_STEPS)
            write_plot(plot, stats_plot(chosen, verdict(chosen, window), parts[chosen.model], tz))
    if as_json:
        print_json([_json(each, window, tz) for each in known])
    elif as_csv:
        print_csv(_row(each, window) for each in known)
    elif plot is None:
        _print(known, window, tz)


def verdict(answer: Answer, span: timedelta) -> Verdict:
    """Return whether the present best price of a model is good."""
    return Verdict(
        gpu=answer.model.gpu,
        price=answer.price,
        seen_at=answer.seen_at,
        until=answer.past.window.until,
        span=_words(span),
        past=answer.past,
        lowest=answer.ever.best,
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
    told, low = verdict(answer, span), answer.ever.best
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
        "sessions": {name: each.document() for name, each in _stays(answer)},
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


class _Stays:
    """How long something can be had, and how long until it is back."""

    def __init__(self, found: Iterable[Sequence[Session]], covered: Sequence[Window]) -> None:
        each = list(found)
        self.sessions = sum(map(len, each))
        self._lasting = [wait for one in each for wait in lasting(one)]
        self._absent = [wait for one in each for wait in absences(one, covered)]
        self.cut_off = sum(not (one.appeared and one.gone) for group in each for one in group)
        self.soon = within(self._lasting)
        self.lasts = quantile(self._lasting, 0.5)
        self.back = quantile(self._absent, 0.5)

    def document(self) -> dict[str, Any]:
        """Return what a script is told; durations in seconds."""
        return {
            "sessions": self.sessions,
            "cut_off": self.cut_off,
            "median_lasting_seconds": _seconds(self.lasts),
            "gone_within_5m": self.soon.count,
            "gone_within_5m_of": self.soon.known,
            "median_absence_seconds": _seconds(self.back),
        }

    def cells(self) -> tuple[Any, ...]:
        """Return what a person is told."""
        share = self.soon.share
        soon = None if share is None else f"{percent(share)} of {self.soon.known}"
        return (
            self.sessions,
            self.cut_off,
            _shown(self.lasts, self._lasting),
            soon,
            _shown(self.back, self._absent),
        )


def _stays(answer: Answer) -> Iterator[tuple[str, _Stays]]:
    yield "model", _Stays([sessions(answer.had, answer.covered)], answer.covered)
    yield "location", _Stays(answer.locations, answer.covered)
    yield "hostnode", _Stays(answer.hostnodes, answer.covered)


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _shown(length: timedelta | None, waits: Sequence[Wait]) -> str | None:
    """Return a median; where most were cut off before their end, at least how long it is."""
    if length is not None:
        return show_duration(length)
    return f"over {show_duration(max(waits).length)}" if waits else None


def _print(known: Sequence[Answer], span: timedelta, zone: tzinfo) -> None:
    if len(known) > 1:
        _print_many(known, span)
        return
    (answer,) = known
    typer.echo(verdict(answer, span).sentence + "\n")
    _print_spread(answer)
    _print_stays(answer)
    print_week(answer, zone)
    err.print(
        f"{answer.model.marketplace}: {percent(answer.past.coverage)} of the last "
        f"{_words(span)} was polled; all shares are of that time"
    )


def _print_many(known: Sequence[Answer], span: timedelta) -> None:
    several = len({each.model.marketplace for each in known}) > 1
    print_table(
        (
            *("GPU", ".now", "against before", ".low", ".median", ".high", ">had", ">known"),
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
    lower, higher = told.lower_than, told.higher_than
    if lower is None or higher is None:
        return None
    if 1 - lower - higher > max(lower, higher):
        return "as usual"
    return f"lower than {percent(lower)}" if lower >= higher else f"higher than {percent(higher)}"


def _prices(answer: Answer) -> tuple[str | None, ...]:
    best = answer.past.best
    return (None,) * 3 if best is None else tuple(map(money, (best.low, best.median, best.high)))


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


def _print_stays(answer: Answer) -> None:
    names = {"model": "anywhere", "location": "at a location", "hostnode": "on a hostnode"}
    print_table(
        ("could be had", ">times", ">cut off", ">half gone in", ">gone in 5m", ">half back in"),
        ((names[name], *each.cells()) for name, each in _stays(answer)),
        empty="it could never be had",
    )
    typer.echo()
