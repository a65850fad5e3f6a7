"""From the offers of a snapshot to what each rule sees of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
from monitor.market.quote import Shape, quote
from monitor.rules.alert import Labels, Sighting
from monitor.rules.index import OfferIndex
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
    key = _LABEL[rule.per]
    groups: dict[tuple[tuple[str, str], ...], list[Offer]] = {}
    for offer in index.matching(rule.conditions):
        groups.setdefault(key(offer), []).append(offer)
    common = ("marketplace", marketplace)
    return {
        labels: _match(labels, offers, rule.shape)
        for labels, offers in ((tuple(sorted((*own, common))), groups[own]) for own in groups)
    }


def _match(labels: Labels, offers: list[Offer], shape: Shape | None) -> Match:
    """Sum up `offers`, which stand cheapest per GPU first."""
    candidates = offers if shape is None else sorted(offers, key=lambda offer: _total(offer, shape))
    return Match(
        labels=labels,
        value=offers[0].price,
        offers=len(offers),
        best=tuple(_sighting(offer, shape) for offer in candidates[:MAX_BEST]),
    )


def _total(offer: Offer, shape: Shape) -> tuple[bool, int]:
    total = quote(offer, shape)
    return (total is None, total or 0)


def _sighting(offer: Offer, shape: Shape | None) -> Sighting:
    node = offer.hostnode
    return Sighting(
        hostnode_id=node.id,
        gpu=offer.gpu,
        available=offer.available,
        price=offer.price,
        total=None if shape is None else quote(offer, shape),
        city=node.location.city,
        country=node.location.country,
        tier=node.location.tier,
        uptime=node.uptime,
    )
