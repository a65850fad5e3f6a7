"""`offers`: what the market offers, from the last good poll."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    ago,
    err,
    instant,
    opened,
    print_json,
    print_table,
    read_config,
)
from monitor.clock import utc_now
from monitor.errors import MonitorError
from monitor.market.money import dollars, show
from monitor.market.offer import Offer
from monitor.market.snapshot import Snapshot
from monitor.store import history


class Sort(StrEnum):
    """What offers are sorted by."""

    PRICE = "price"
    GPU = "gpu"
    AVAILABLE = "available"
    UPTIME = "uptime"


def by_price(offer: Offer) -> tuple[bool, int, str]:
    """Return a key that sorts the cheapest per GPU first, and the unpriced last."""
    return offer.price is None, offer.price or 0, offer.gpu


_ORDER: Mapping[Sort, Callable[[Offer], Any]] = {
    Sort.PRICE: by_price,
    Sort.GPU: lambda offer: (offer.gpu, *by_price(offer)),
    Sort.AVAILABLE: lambda offer: (-offer.available, *by_price(offer)),
    Sort.UPTIME: lambda offer: (-(offer.hostnode.uptime or 0), *by_price(offer)),
}


def offers(
    config: ConfigPath = DEFAULT_CONFIG,
    gpu: Annotated[str, typer.Option(metavar="GLOB", help="Only these GPU models.")] = "*",
    sort: Annotated[Sort, typer.Option(help="What comes first.")] = Sort.PRICE,
    as_json: AsJson = False,
) -> None:
    """Show what the market offered at the last good poll."""
    settings = read_config(config)
    with opened(settings) as database, database.read() as connection:
        found = [history.latest(connection, each.name) for each in settings.marketplaces]
    snapshots = [snapshot for snapshot in found if snapshot is not None]
    if not snapshots:
        raise MonitorError("no good poll is recorded yet: run `gpu-monitor poll` or `run` first")
    chosen = [
        (snapshot, offer)
        for snapshot in snapshots
        for offer in snapshot.offers
        if offer.available and fnmatchcase(offer.gpu.casefold(), gpu.casefold())
    ]
    chosen.sort(key=lambda pair: _ORDER[sort](pair[1]))
    if as_json:
        print_json([_json(snapshot, offer) for snapshot, offer in chosen])
        return
    print_offers([(snapshot.marketplace, offer) for snapshot, offer in chosen])
    _say_when(snapshots, utc_now())


def print_offers(found: Sequence[tuple[str, Offer]]) -> None:
    """Print a table of offers to standard output, as they come."""
    several = len({marketplace for marketplace, _ in found}) > 1
    print_table(
        ("GPU", ">free", ".$/GPU h", ">uptime", ">tier", "where…", "hostnode…", "marketplace…"),
        (
            (
                offer.gpu,
                offer.available,
                "unpriced" if offer.price is None else show(offer.price),
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


def _json(snapshot: Snapshot, offer: Offer) -> dict[str, Any]:
    return {
        "marketplace": snapshot.marketplace,
        "at": instant(snapshot.at),
        **offer_json(offer),
    }


def _where(offer: Offer) -> str | None:
    place = offer.hostnode.location
    return ", ".join(part for part in (place.city, place.country) if part) or None


def _say_when(snapshots: Iterable[Snapshot], now: datetime) -> None:
    for snapshot in snapshots:
        err.print(f"{snapshot.marketplace}: as of {instant(snapshot.at)}, {ago(snapshot.at, now)}")
