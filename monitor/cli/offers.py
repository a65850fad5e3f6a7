"""`offers`: what the market offers, from the last good poll."""

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    ago,
    count,
    err,
    instant,
    opened,
    place,
    print_json,
    print_table,
    read_config,
)
from monitor.cli.glyphs import sparkline
from monitor.cli.selecting import check_fits, selecting, unfit
from monitor.clock import utc_now
from monitor.errors import MonitorError
from monitor.history.present import price_of, selected
from monitor.history.selection import Selection
from monitor.history.summary import Summary
from monitor.history.window import DAY, Window
from monitor.market.money import dollars, show
from monitor.market.offer import Offer
from monitor.market.quote import Shape, quote
from monitor.market.snapshot import Snapshot
from monitor.store import history
from monitor.store.misfits import Misfit, misfit
from monitor.store.trends import OfferName, trends

Bars = Mapping[OfferName, str]

_MOST_TRENDS = 100
"""More than a person reads, and what can be asked of a large market without waiting."""
_TREND_STEP = timedelta(hours=2)
_WIDE = 110


class Sort(StrEnum):
    """What offers are sorted by."""

    PRICE = "price"
    GPU = "gpu"
    AVAILABLE = "available"
    UPTIME = "uptime"
    TIER = "tier"
    WHERE = "where"


def by_price(offer: Offer) -> tuple[bool, int, str]:
    """Return a key that sorts the cheapest per GPU first, and the unpriced last."""
    return offer.price is None, offer.price or 0, offer.gpu


_ORDER: Mapping[Sort, Callable[[Offer], Any]] = {
    Sort.PRICE: lambda _: (),
    Sort.GPU: lambda offer: offer.gpu,
    Sort.AVAILABLE: lambda offer: -offer.available,
    Sort.UPTIME: lambda offer: -(offer.hostnode.uptime or 0),
    Sort.TIER: lambda offer: -(offer.hostnode.location.tier or 0),
    Sort.WHERE: lambda offer: (
        offer.hostnode.location.country or "",
        offer.hostnode.location.city or "",
    ),
}


@selecting
def offers(
    *,
    selection: Selection,
    sort: Annotated[Sort, typer.Option(help="What comes first; then the cheapest.")] = Sort.PRICE,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show what the market offered at the last good poll; with a shape, at its total price."""
    settings = read_config(config)
    asked = selection.marketplace
    configured = [each.name for each in settings.marketplaces]
    names = configured if asked is None else [asked]
    with opened(settings) as database, database.read() as connection:
        found = [history.latest(connection, name) for name in names]
        snapshots = [snapshot for snapshot in found if snapshot is not None]
        wrong = misfit(connection, selection)
        if not snapshots:
            if asked not in (None, *configured):
                check_fits(wrong)
            raise MonitorError(
                f"no good poll is recorded yet in {place(database)}: "
                "run `gpu-monitor poll` or `run` first"
            )
        chosen = [
            (snapshot, offer)
            for snapshot in snapshots
            for offer in selected(snapshot, selection)
            if offer.available
        ]
        told: Bars = {}
        if not as_json and len(chosen) <= _MOST_TRENDS and _is_wide():
            told = _last_day(partial(trends, connection), chosen, selection.gpu)
    chosen.sort(key=lambda pair: (_ORDER[sort](pair[1]), _by_total(pair[1], selection)))
    if as_json:
        print_json([_json(snapshot, offer, selection.shape) for snapshot, offer in chosen])
        _say_unfit(wrong)
        return
    print_offers(
        [(snapshot.marketplace, offer) for snapshot, offer in chosen], selection.shape, told
    )
    _say_unfit(wrong)
    _say_when(snapshots, utc_now())
    if selection.shape is not None:
        _say_left_out(snapshots, selection, len(chosen))


def _say_unfit(wrong: Misfit | None) -> None:
    if wrong is not None:
        err.print(unfit(wrong))


def _is_wide() -> bool:
    """Tell whether there is room for more than what an offer is now."""
    return not sys.stdout.isatty() or shutil.get_terminal_size().columns >= _WIDE


def _last_day(
    read: Callable[..., Mapping[OfferName, Sequence[Summary]]],
    chosen: Iterable[tuple[Snapshot, Offer]],
    gpu: str,
) -> dict[OfferName, str]:
    """Return a bar for every two hours of the day before each last poll."""
    found: dict[OfferName, str] = {}
    for (marketplace, at), pairs in groupby(chosen, lambda pair: (pair[0].marketplace, pair[0].at)):
        parts = read(
            Selection(marketplace=marketplace, gpu=gpu),
            Window(at - DAY, at),
            _TREND_STEP,
            among={offer.hostnode.id for _, offer in pairs},
        )
        found.update({name: _trend(steps) for name, steps in parts.items()})
    return found


def _trend(steps: Sequence[Summary]) -> str:
    prices = [None if step.best is None else float(step.best.median) for step in steps]
    return sparkline(prices, [bool(step.covered) for step in steps])


def _by_total(offer: Offer, selection: Selection) -> tuple[Any, ...]:
    total = price_of(offer, selection)
    return total is None, total or 0, by_price(offer)


def _say_left_out(snapshots: Iterable[Snapshot], selection: Selection, shown: int) -> None:
    """Say how many offers cannot carry the shape, or do not tell what they have free."""
    anyhow = Selection(gpu=selection.gpu, hostnode=selection.hostnode)
    fitting = sum(1 for each in snapshots for offer in selected(each, anyhow) if offer.available)
    if fitting > shown:
        err.print(
            f"{count(fitting - shown, 'offer')} left out: too little free for the whole shape, "
            "not told, or not where you asked"
        )


def print_offers(
    found: Sequence[tuple[str, Offer]], shape: Shape | None = None, bars: Bars | None = None
) -> None:
    """Print a table of offers to standard output, as they come; with the total of a shape."""
    several = len({marketplace for marketplace, _ in found}) > 1
    print_table(
        (
            *("GPU", ">free", ".$/GPU h", ".total", "last day", ">uptime", ">tier"),
            *("where…", "hostnode…", "marketplace…"),
        ),
        (
            (
                offer.gpu,
                offer.available,
                "unpriced" if offer.price is None else show(offer.price),
                _total(offer, shape),
                (bars or {}).get((marketplace, offer.hostnode.id, offer.gpu)),
                None if offer.hostnode.uptime is None else f"{offer.hostnode.uptime:g} %",
                offer.hostnode.location.tier,
                _where(offer),
                offer.hostnode.id,
                marketplace if several else None,
            )
            for marketplace, offer in found
        ),
        empty="no offers",
    )


def offer_json(offer: Offer) -> dict[str, Any]:
    """Return an offer with the keys that are promised."""
    node = offer.hostnode
    return {
        "hostnode_id": node.id,
        "gpu": offer.gpu,
        "available": offer.available,
        "price_per_gpu_hour": None if offer.price is None else dollars(offer.price),
        "city": node.location.city,
        "country": node.location.country,
        "tier": node.location.tier,
        "uptime_percentage": node.uptime,
    }


def _json(snapshot: Snapshot, offer: Offer, shape: Shape | None) -> dict[str, Any]:
    total = None if shape is None else quote(offer, shape)
    return {
        "marketplace": snapshot.marketplace,
        "at": instant(snapshot.at),
        **offer_json(offer),
        **({} if total is None else {"total_per_hour": dollars(total)}),
    }


def _total(offer: Offer, shape: Shape | None) -> str | None:
    if shape is None:
        return None
    total = quote(offer, shape)
    return "unpriced" if total is None else show(total)


def _where(offer: Offer) -> str | None:
    place = offer.hostnode.location
    return ", ".join(part for part in (place.city, place.country) if part) or None


def _say_when(snapshots: Iterable[Snapshot], now: datetime) -> None:
    for snapshot in snapshots:
        err.print(f"{snapshot.marketplace}: as of {instant(snapshot.at)}, {ago(snapshot.at, now)}")
