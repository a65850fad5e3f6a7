"""From the offers of a snapshot to what each rule sees of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from operator import is_

from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
from monitor.market.quote import Shape
from monitor.market.value import value
from monitor.rules.alert import Labels, Sighting
from monitor.rules.index import OfferIndex, Place, sighting
from monitor.rules.rule import Per, Rule

MAX_BEST = 5
"""How many of the matching offers an alert remembers."""


@value
class Match:
    """What one alert's worth of offers came to: the best of them, how many, the lowest price.

    `met` are all of them, cheapest per GPU first, for who wants to buy.
    `detail` is a sentence about what else met the rule, where it is not about offers.
    """

    labels: Labels
    value: NanoDollars | None
    offers: int
    best: tuple[Sighting, ...]
    met: Sequence[Offer] = field(default=(), compare=False, repr=False)
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


Matches = Mapping[Labels, Match]


def matches(rule: Rule, marketplace: str, index: OfferIndex) -> Matches:
    """Return what `rule` sees: one `Match` for each set of labels that an offer meets it under."""
    return matches_at(index.matching(rule.conditions), rule, marketplace, index, {})


def matches_at(
    places: Iterable[Place], rule: Rule, marketplace: str, index: OfferIndex, before: Matches
) -> Matches:
    """Return what `rule` sees, by where the offers that meet its conditions stand.

    What the very same offers came to `before` is that again.
    """
    label, offers = _LABEL[rule.per], index.offers
    groups: dict[tuple[tuple[str, str], ...], list[Place]] = {}
    for place in places:
        own = label(offers[place])
        if own in groups:
            groups[own].append(place)
        else:
            groups[own] = [place]
    common = (("marketplace", marketplace),)  # sorts after the names in `_LABEL`
    found: dict[Labels, Match] = {}
    for own, group in groups.items():
        labels, met = own + common, [offers[place] for place in group]
        known = before.get(labels)
        if known is None or not are_same(known.met, met):
            known = _match(labels, group, met, rule.shape, index)
        found[labels] = known
    return found


def are_same(some: Sequence[Offer], others: Sequence[Offer]) -> bool:
    """Return whether these are the very same objects in the same order."""
    return len(some) == len(others) and all(map(is_, some, others))


def _match(
    labels: Labels,
    places: Sequence[Place],
    met: Sequence[Offer],
    shape: Shape | None,
    index: OfferIndex,
) -> Match:
    """Sum up the offers at `places`, which stand cheapest per GPU first."""
    if shape is None:
        best = tuple(map(index.sighting, places[:MAX_BEST]))
    else:
        totals = index.totals(shape)
        cheapest = sorted(places, key=lambda place: _by_total(totals[place]))[:MAX_BEST]
        best = tuple(sighting(index.offers[place], totals[place]) for place in cheapest)
    return Match(labels=labels, value=met[0].price, offers=len(met), best=best, met=met)


def _by_total(total: NanoDollars | None) -> tuple[bool, int]:
    return (total is None, total or 0)
