"""The offers of one snapshot, laid out so that a thousand rules read them in one look each.

Offers stand in order of their price, and a set of offers is an integer with one bit for each.
What one condition accepts is computed once, however many rules share it; a rule is an `and` of a
few such integers, and the lowest bits of the result are its cheapest offers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import and_, is_

from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.quote import Shape, quote
from monitor.rules.against import Against, bound
from monitor.rules.alert import Sighting
from monitor.rules.conditions import (
    READ,
    AtLeast,
    AtMost,
    Attribute,
    Condition,
    Fits,
    OnAttribute,
    TotalAtMost,
    Value,
)
from monitor.rules.past import Past

Bits = int
Place = int
"""Where an offer stands in the order of prices."""

_FREE: Mapping[str, Callable[[Offer], int | None]] = {
    "gpu_count": lambda offer: offer.available,
    "vcpu_count": lambda offer: offer.hostnode.resources.vcpu_count,
    "ram_gb": lambda offer: offer.hostnode.resources.ram_gb,
    "storage_gb": lambda offer: offer.hostnode.resources.storage_gb,
}
"""What is free of each part of a shape."""

_PRICE = Attribute.PRICE
_DIGITS = bytes.maketrans(b"\x00\x01", b"01")


@dataclass(slots=True, kw_only=True)
class Finds:
    """What an index found at one poll, for that of the next poll to go on from.

    What was accepted by a condition, and the sighting of an offer, stand by the id of that object,
    and with it, so that no other one gets its id.
    """

    offers: list[Offer]
    columns: dict[Attribute, list[Value]] = field(default_factory=dict)
    accepted: dict[int, tuple[Condition, Bits]] = field(default_factory=dict)
    sightings: dict[int, tuple[Offer, Sighting]] = field(default_factory=dict)


class OfferIndex:
    """Finds the offers that meet conditions, cheapest first (unpriced ones last).

    What meets the very same condition, the same object, is found once: to compare conditions
    takes longer than to find what meets one in a small market. `View` sees to it.
    `past` is that of their marketplace up to the poll that saw them, `before` what was found at
    the poll before. `moved` are the offers that did not stand at their places then.
    """

    def __init__(
        self, offers: Iterable[Offer], past: Past | None = None, before: Finds | None = None
    ) -> None:
        self.offers = sorted(offers, key=_by_price)
        self._past = Past() if past is None else past
        self._prices = [offer.price for offer in self.offers if offer.price is not None]
        self._everything = (1 << len(self.offers)) - 1
        self._priced = (1 << len(self._prices)) - 1
        self.finds = Finds(offers=self.offers)
        self._before = before or Finds(offers=[])
        self.moved = self._everything & ~_bits(map(is_, self.offers, self._before.offers))
        self._accepted = self.finds.accepted
        self._distinct: dict[Attribute, set[Value]] = {}
        self._free: dict[str, list[int]] = {}
        self._with_free: dict[tuple[str, int], Bits] = {}
        self._totals: dict[Shape, Totals] = {}

    def matching(self, conditions: Iterable[Condition]) -> list[Place]:
        """Return the places of the offers that meet all `conditions`, cheapest per GPU first."""
        return self.places(self.meeting(conditions), conditions)

    def meeting(self, conditions: Iterable[Condition]) -> Bits:
        """Return the offers that meet all `conditions`, perhaps but for one on their totals."""
        bits = self._everything
        for condition in conditions:
            if type(condition) is AtMost and condition.attribute is _PRICE:
                bits &= self._priced_at_most(condition.limit)
                continue
            known = self._accepted.get(id(condition))
            bits &= self._accepting(condition) if known is None else known[1]
        return bits

    def places(self, meeting: Bits, conditions: Iterable[Condition]) -> list[Place]:
        """Return the places of those `meeting` the conditions, totals included."""
        places = _places(meeting)
        for condition in conditions:
            if isinstance(condition, TotalAtMost):
                places = self._affordable(condition, places)
        return places

    def sighting(self, place: Place) -> Sighting:
        """Return the offer at a place as an alert remembers it, without a total."""
        offer = self.offers[place]
        sightings = self.finds.sightings
        known = sightings.get(id(offer))
        if known is None:
            known = self._before.sightings.get(id(offer)) or (offer, sighting(offer, None))
            sightings[id(offer)] = known
        return known[1]

    def totals(self, shape: Shape) -> "Totals":
        """Return what `shape` costs on each offer."""
        if shape not in self._totals:
            self._totals[shape] = Totals(self.offers, shape, self._tariffs)
        return self._totals[shape]

    @cached_property
    def _tariffs(self) -> list[Offer]:
        """One offer for each different set of prices beside the GPU's, of which there are few."""
        by_object = {id(offer.hostnode.prices): offer for offer in self.offers}
        return list({offer.hostnode.prices: offer for offer in by_object.values()}.values())

    @cached_property
    def _of_model(self) -> dict[GpuModel, Bits]:
        """The offers of each GPU model."""
        flags: dict[GpuModel, bytearray] = {}
        for place, offer in enumerate(self.offers):
            if offer.gpu not in flags:
                flags[offer.gpu] = bytearray(len(self.offers))
            flags[offer.gpu][place] = 1
        return {gpu: _bits(found) for gpu, found in flags.items()}

    def _accepting(self, condition: Condition) -> Bits:
        found = self._find(condition)
        self._accepted[id(condition)] = condition, found
        return found

    def _find(self, condition: Condition) -> Bits:
        match condition:
            case AtLeast() if condition.attribute is _PRICE:
                cheaper = (1 << bisect_left(self._prices, condition.limit)) - 1
                return self._priced & ~cheaper
            case Fits():
                return self._fitting(condition.shape)
            case TotalAtMost():
                return self._perhaps_affordable(condition)
            case Against():
                return self._low(condition)
            case _:
                return self._accepted_by(condition)

    def _low(self, condition: Against) -> Bits:
        low = 0
        for gpu, offers in self._of_model.items():
            limit = bound(condition, self._past.look(gpu, condition.window)).limit
            if limit is not None:
                low |= offers & self._priced_at_most(limit)
        return low

    def _priced_at_most(self, limit: float) -> Bits:
        return (1 << bisect_right(self._prices, limit)) - 1

    def _accepted_by(self, condition: OnAttribute) -> Bits:
        attribute = condition.attribute
        column = self._column(attribute)
        known = self._before.accepted.get(id(condition))
        if known is not None and column == self._before.columns.get(attribute):
            return known[1]
        if attribute not in self._distinct:
            self._distinct[attribute] = set(column)
        accepted = {value for value in self._distinct[attribute] if condition.accepts(value)}
        return _bits(map(accepted.__contains__, column))  # in C: it is done for each offer

    def _column(self, attribute: Attribute) -> list[Value]:
        columns = self.finds.columns
        if attribute not in columns:
            columns[attribute] = list(map(READ[attribute], self.offers))
        return columns[attribute]

    def _fitting(self, shape: Shape) -> Bits:
        """Return the offers of which `lacks` says nothing; many shapes share their parts."""
        wanted = ((part, getattr(shape, part)) for part in _FREE)
        parts = (self._having_free(part, count) for part, count in wanted if count)
        return reduce(and_, parts, self._everything)

    def _having_free(self, part: str, count: int) -> Bits:
        bits = self._with_free.get((part, count))
        if bits is None:
            if part not in self._free:
                read = _FREE[part]
                self._free[part] = [read(offer) or 0 for offer in self.offers]
            bits = _bits(map(count.__le__, self._free[part]))
            self._with_free[part, count] = bits
        return bits

    def _perhaps_affordable(self, condition: TotalAtMost) -> Bits:
        """Return the offers whose GPUs are within what the cheapest other parts leave of the limit.

        Of these few the totals are worked out.
        """
        least, gpus = self.totals(condition.shape).least_for_parts, condition.shape.gpu_count
        if least is None or least > condition.limit:
            return 0
        left = condition.limit - least
        return self._priced_at_most(left // gpus) if gpus else self._everything

    def _affordable(self, condition: TotalAtMost, places: Iterable[Place]) -> list[Place]:
        totals, limit = self.totals(condition.shape), condition.limit
        return [
            place for place in places if (total := totals[place]) is not None and total <= limit
        ]


class Totals(dict[Place, NanoDollars | None]):
    """What one shape costs on the offer at a place, all parts; worked out when first asked for.

    What the parts beside the GPUs come to is worked out once for all offers that share the very
    same prices, as most hostnodes do.
    """

    def __init__(self, offers: Sequence[Offer], shape: Shape, tariffs: Iterable[Offer]) -> None:
        super().__init__()
        self._offers = offers
        self._gpus = shape.gpu_count
        self._parts = replace(shape, gpu_count=0)
        self._parts_at: dict[int, NanoDollars | None] = {}
        quotes = (quote(offer, self._parts) for offer in tariffs)
        self.least_for_parts = min((part for part in quotes if part is not None), default=None)

    def __missing__(self, place: Place) -> NanoDollars | None:
        offer = self._offers[place]
        prices = id(offer.hostnode.prices)
        if prices not in self._parts_at:
            self._parts_at[prices] = quote(offer, self._parts)
        total, price = self._parts_at[prices], offer.price
        if total is not None and self._gpus:
            total = None if price is None else NanoDollars(self._gpus * price + total)
        self[place] = total
        return total


def sighting(offer: Offer, total: NanoDollars | None) -> Sighting:
    """Return an offer as an alert remembers it."""
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


def _by_price(offer: Offer) -> tuple[bool, int]:
    return (offer.price is None, offer.price or 0)


def _bits(flags: Iterable[int]) -> Bits:
    return int(bytes(flags).translate(_DIGITS)[::-1] or b"0", 2)


def _places(bits: Bits) -> list[Place]:
    places = []
    text = bin(bits)[:1:-1]
    place = text.find("1")
    while place >= 0:
        places.append(place)
        place = text.find("1", place + 1)
    return places
