"""From the offers of a snapshot to what each rule sees of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
from monitor.market.quote import Shape
from monitor.rules.alert import Labels, Sighting
from monitor.rules.index import OfferIndex, Place
from monitor.rules.rule import Per, Rule

MAX_BEST = 5
"""How many of the matching offers an alert remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What one alert's worth of offers came to: the best of them, how many, the lowest price."""

    labels: Labels
    value: NanoDollars | None
    offers: int
    best: tuple[Sighting, ...]


_LABEL: Mapping[Per, Callable[[Offer], tuple[tuple[str, str], ...]]] = {
    Per.RULE: lambda _: (),
    Per.GPU: lambda offer: (("gpu", offer.gpu),),
    Per.LOCATION: lambda offer: (("location", offer.hostnode.location.id or ""),),
    Per.HOSTNODE: lambda offer: (("hostnode", offer.hostnode.id),),
}


def matches(rule: Rule, marketplace: str, index: OfferIndex) -> dict[Labels, Match]:
    """Return what `rule` sees: one `Match` for each set of labels that an offer meets it under."""
    label = _LABEL[rule.per]
    groups: dict[tuple[tuple[str, str], ...], list[Place]] = {}
    for place in index.matching(rule.conditions):
        groups.setdefault(label(index.offers[place]), []).append(place)
    common = ("marketplace", marketplace)
    found = (
        _match(tuple(sorted((*own, common))), places, rule.shape, index)
        for own, places in groups.items()
    )
    return {match.labels: match for match in found}


def _match(labels: Labels, places: list[Place], shape: Shape | None, index: OfferIndex) -> Match:
    """Sum up the offers at `places`, which stand cheapest per GPU first."""
    best = places if shape is None else sorted(places, key=partial(_by_total, index, shape))
    return Match(
        labels=labels,
        value=index.offers[places[0]].price,
        offers=len(places),
        best=tuple(_sighting(index, place, shape) for place in best[:MAX_BEST]),
    )


def _by_total(index: OfferIndex, shape: Shape, place: Place) -> tuple[bool, int]:
    total = index.total(shape, place)
    return (total is None, total or 0)


def _sighting(index: OfferIndex, place: Place, shape: Shape | None) -> Sighting:
    offer = index.offers[place]
    node = offer.hostnode
    return Sighting(
        hostnode_id=node.id,
        gpu=offer.gpu,
        available=offer.available,
        price=offer.price,
        total=None if shape is None else index.total(shape, place),
        city=node.location.city,
        country=node.location.country,
        tier=node.location.tier,
        uptime=node.uptime,
    )
