"""What can be had at one instant, by the same rules as the statements about the past."""

from collections.abc import Iterator

from monitor.history.selection import Selection
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.quote import lacks, quote
from monitor.market.snapshot import Snapshot


def selected(snapshot: Snapshot, selection: Selection) -> Iterator[Offer]:
    """Yield the offers that are selected, with a shape only those that can carry it."""
    for offer in snapshot.offers:
        if (
            selection.has_gpu(offer.gpu)
            and selection.has_hostnode(offer.hostnode.id)
            and selection.has_location(offer.hostnode.location)
            and (selection.shape is None or lacks(offer, selection.shape) is None)
        ):
            yield offer


def price_of(offer: Offer, selection: Selection) -> NanoDollars | None:
    """Return the price per GPU and hour, or that of the whole shape which is asked about."""
    return offer.price if selection.shape is None else quote(offer, selection.shape)


def best_now(snapshot: Snapshot, selection: Selection) -> dict[GpuModel, NanoDollars]:
    """Return the lowest price of each selected model that can be had."""
    best: dict[GpuModel, NanoDollars] = {}
    for offer in selected(snapshot, selection):
        price = price_of(offer, selection)
        if offer.available and price is not None:
            best[offer.gpu] = min(price, best.get(offer.gpu, price))
    return best
