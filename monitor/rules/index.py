"""The offers of one snapshot, laid out so that a thousand rules read them in one look each.

Offers stand in order of their price, and a set of offers is an integer with one bit for each.
What one condition accepts is computed once, however many rules share it; a rule is an `and` of a
few such integers, and the lowest bits of the result are its cheapest offers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import and_

from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
from monitor.market.quote import Shape, lacks, quote
from monitor.rules.conditions import (
    READ,
    AtLeast,
    AtMost,
    Attribute,
    Condition,
    Fits,
    OnAttribute,
    OnShape,
    TotalAtMost,
    Value,
)

Bits = int


class OfferIndex:
    """Finds the offers that meet conditions, cheapest first (unpriced ones last)."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        self.offers = sorted(offers, key=_by_price)
        self._prices = [offer.price for offer in self.offers if offer.price is not None]
        self._everything = (1 << len(self.offers)) - 1
        self._priced = (1 << len(self._prices)) - 1
        self._accepted: dict[OnAttribute, Bits] = {}
        self._places: dict[Attribute, dict[Value, list[int]]] = {}
        self._totals: dict[Shape, dict[int, NanoDollars | None]] = {}

    def matching(self, conditions: Iterable[Condition]) -> list[Offer]:
        """Return the offers that meet all `conditions`, cheapest per GPU first."""
        on_shape = [c for c in conditions if isinstance(c, Fits | TotalAtMost)]
        on_attribute = [c for c in conditions if not isinstance(c, Fits | TotalAtMost)]
        bits = reduce(and_, map(self._accepting, on_attribute), self._everything)
        return [
            self.offers[place]
            for place in _places(bits)
            if all(self._meets(condition, place) for condition in on_shape)
        ]

    def _accepting(self, condition: OnAttribute) -> Bits:
        bits = self._accepted.get(condition)
        if bits is None:
            bits = self._accepted[condition] = self._find(condition)
        return bits

    def _find(self, condition: OnAttribute) -> Bits:
        match condition:
            case AtMost(attribute=Attribute.PRICE):
                return (1 << bisect_right(self._prices, condition.limit)) - 1
            case AtLeast(attribute=Attribute.PRICE):
                cheaper = (1 << bisect_left(self._prices, condition.limit)) - 1
                return self._priced & ~cheaper
            case _:
                values = self._places_by_value(condition.attribute)
                return self._bits(values[value] for value in values if condition.accepts(value))

    def _places_by_value(self, attribute: Attribute) -> dict[Value, list[int]]:
        places = self._places.get(attribute)
        if places is None:
            places = self._places[attribute] = {}
            read = READ[attribute]
            for place, offer in enumerate(self.offers):
                places.setdefault(read(offer), []).append(place)
        return places

    def _bits(self, groups: Iterable[list[int]]) -> Bits:
        octets = bytearray((len(self.offers) + 7) // 8)
        for places in groups:
            for place in places:
                octets[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(octets, "little")

    def _meets(self, condition: OnShape, place: int) -> bool:
        match condition:
            case Fits():
                return lacks(self.offers[place], condition.shape) is None
            case TotalAtMost():
                total = self._total(condition.shape, place)
                return total is not None and total <= condition.limit

    def _total(self, shape: Shape, place: int) -> NanoDollars | None:
        totals = self._totals.setdefault(shape, {})
        if place not in totals:
            totals[place] = quote(self.offers[place], shape)
        return totals[place]


def _by_price(offer: Offer) -> tuple[bool, int]:
    return (offer.price is None, offer.price or 0)


def _places(bits: Bits) -> Iterator[int]:
    text = bin(bits)[:1:-1]
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)
