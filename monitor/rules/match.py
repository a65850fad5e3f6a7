"""From the offers of a snapshot to what each rule sees of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
    """What one alert's worth of offers came to: the best of them, how many, the lowest price.

    `places` says where they all stand `among` the offers of the snapshot, for who wants to buy.
    `detail` is a sentence about what else met the rule, where it is not about offers.
    """

    labels: Labels
    value: NanoDollars | None
    offers: int
    best: tuple[Sighting, ...]
    places: Sequence[Place] = field(default=(), compare=False, repr=False)
    among: Sequence[Offer] = field(default=(), compare=False, repr=False)
    detail: str = ""


_LABEL: Mapping[Per, Callable[[Offer], tuple[tuple[str, str], ...]]] = {
    Per.RULE: lambda _: (),
    Per.GPU: lambda offer: (("gpu", offer.gpu),),
    # Hostnodes of which the location is not told are not in one place: each stands for its own.
    Per.LOCATION: lambda offer: (
        ("location", offer.hostnode.location.id or f"of {offer.hostnode.id}"),
    ),
    Per.HOSTNODE: lambda offer: (("hostnode", offer.hostnode.id),),
}


def matches(rule: Rule, marketplace: str, index: OfferIndex) -> dict[Labels, Match]:
    """Return what `rule` sees: one `Match` for each set of labels that an offer meets it under."""
    label = _LABEL[rule.per]
    groups: dict[tuple[tuple[str, str], ...], list[Place]] = {}
    for place in index.matching(rule.conditions):
        groups.setdefault(label(index.offers[place]), []).append(place)
    common = ("marketplace", marketplace)  # sorts after the names in `_LABEL`
    found = (_match((*own, common), places, rule.shape, index) for own, places in groups.items())
    return {match.labels: match for match in found}


def _match(labels: Labels, places: list[Place], shape: Shape | None, index: OfferIndex) -> Match:
    """Sum up the offers at `places`, which stand cheapest per GPU first."""
    if shape is None:
        best = [_sighting(index.offers[place], None) for place in places[:MAX_BEST]]
    else:
        totals = index.totals(shape)
        cheapest = sorted(places, key=lambda place: _by_total(totals[place]))[:MAX_BEST]
        best = [_sighting(index.offers[place], totals[place]) for place in cheapest]
    return Match(
        labels=labels,
        value=index.offers[places[0]].price,
        offers=len(places),
        best=tuple(best),
        places=places,
        among=index.offers,
    )


def _by_total(total: NanoDollars | None) -> tuple[bool, int]:
    return (total is None, total or 0)


def _sighting(offer: Offer, total: NanoDollars | None) -> Sighting:
    node = offer.hostnode
    return Sighting(
        hostnode_id=node.id,
        gpu=offer.gpu,
        available=offer.available,
        price=offer.price,
        total=total,
        city=node.location.city,
        country=node.location.country,
        tier=node.location.tier,
        uptime=node.uptime,
    )
