"""The conditions of a rule's `match`, each a value that can test one offer and say what it lacks.

A condition on something the marketplace did not tell (an uptime that is null, an unpriced offer)
is not met: nothing fires, and nothing is bought, on a guess.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

from monitor.market.money import NanoDollars, show
from monitor.market.offer import Offer
from monitor.market.quote import Shape, lacks, quote
from monitor.market.value import value
from monitor.rules.against import Against, bound
from monitor.rules.past import Past

Value = str | float | bool | None


class Attribute(StrEnum):
    """What of an offer a condition can look at; `match` names most of them the same."""

    GPU = "gpu"
    COUNTRY = "country"
    CITY = "city"
    STATE = "state"
    LOCATION_ID = "location_id"
    HOSTNODE_ID = "hostnode_id"
    ORGANIZATION = "organization"
    ENGINE = "engine"
    AVAILABLE = "available"
    PRICE = "price"
    UPTIME = "uptime"
    TIER = "tier"
    NETWORK_GBPS = "network_gbps"
    NETWORK_STORAGE = "network_storage"


READ: Mapping[Attribute, Callable[[Offer], Value]] = {
    Attribute.GPU: lambda offer: offer.gpu,
    Attribute.COUNTRY: lambda offer: offer.hostnode.location.country,
    Attribute.CITY: lambda offer: offer.hostnode.location.city,
    Attribute.STATE: lambda offer: offer.hostnode.location.state,
    Attribute.LOCATION_ID: lambda offer: offer.hostnode.location.id,
    Attribute.HOSTNODE_ID: lambda offer: offer.hostnode.id,
    Attribute.ORGANIZATION: lambda offer: offer.hostnode.location.organization,
    Attribute.ENGINE: lambda offer: offer.hostnode.engine,
    Attribute.AVAILABLE: lambda offer: offer.available,
    Attribute.PRICE: lambda offer: offer.price,
    Attribute.UPTIME: lambda offer: offer.hostnode.uptime,
    Attribute.TIER: lambda offer: offer.hostnode.location.tier,
    Attribute.NETWORK_GBPS: lambda offer: offer.hostnode.location.network_gbps,
    Attribute.NETWORK_STORAGE: lambda offer: offer.hostnode.location.network_storage,
}


@value
class OneOf:
    """A name that fits one of `globs`, whole and whatever its case: `l4-*` does not fit `l40-…`."""

    attribute: Attribute
    globs: tuple[str, ...]

    def accepts(self, value: Value) -> bool:
        """Return whether `value` meets the condition."""
        return isinstance(value, str) and _fits(value, self.globs)

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        return " or ".join(self.globs)


@value
class AtLeast:
    """A number that is told and not below `limit` (prices in nano-dollars)."""

    attribute: Attribute
    limit: float

    def accepts(self, value: Value) -> bool:
        """Return whether `value` meets the condition."""
        return isinstance(value, int | float) and value >= self.limit

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        return _shown(self.attribute, self.limit)


@value
class Below:
    """A number that is told and below `limit`."""

    attribute: Attribute
    limit: float

    def accepts(self, value: Value) -> bool:
        """Return whether `value` meets the condition."""
        return isinstance(value, int | float) and value < self.limit

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        return f"below {_shown(self.attribute, self.limit)}"


@value
class AtMost:
    """A number that is told and not above `limit` (prices in nano-dollars)."""

    attribute: Attribute
    limit: float

    def accepts(self, value: Value) -> bool:
        """Return whether `value` meets the condition."""
        return isinstance(value, int | float) and value <= self.limit

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        return f"at most {_shown(self.attribute, self.limit)}"


@value
class Equals:
    """A yes or no that is told and is `flag`."""

    attribute: Attribute
    flag: bool

    def accepts(self, value: Value) -> bool:
        """Return whether `value` meets the condition."""
        return value is self.flag

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        return _shown(self.attribute, self.flag)


@value
class Fits:
    """A hostnode that has all of `shape` free."""

    shape: Shape


@value
class TotalAtMost:
    """A price per hour of the whole `shape`, all parts priced, not above `limit` nano-dollars."""

    shape: Shape
    limit: NanoDollars


OnAttribute = OneOf | AtLeast | AtMost | Below | Equals
OnShape = Fits | TotalAtMost
Condition = OnAttribute | OnShape | Against

_NO_PAST = Past()


def told(condition: Condition) -> str:
    """Return what a condition asks for, in words that a person would use."""
    match condition:
        case Fits():
            return f"room for {_parts(condition.shape)}"
        case TotalAtMost():
            return f"at most {show(condition.limit)} $/h in total"
        case Against():
            return condition.wanted
        case _:
            return _asked(condition)


def _asked(condition: OnAttribute) -> str:
    name, wanted = condition.attribute.replace("_", " "), condition.wanted
    least = isinstance(condition, AtLeast)
    match condition.attribute:
        case Attribute.PRICE:
            return f"{'at least ' if least else ''}{wanted} $/h per GPU"
        case Attribute.AVAILABLE:
            return f"at least {wanted} free"
        case _:
            return f"{name} {'at least ' if least else ''}{wanted}"


def _parts(shape: Shape) -> str:
    parts = (
        (shape.gpu_count, "GPUs" if shape.gpu_count > 1 else "GPU"),
        (shape.vcpu_count, "vCPUs"),
        (shape.ram_gb, "GB of RAM"),
        (shape.storage_gb, "GB of disk"),
    )
    return ", ".join(f"{count} {name}" for count, name in parts if count)


def lack(condition: Condition, offer: Offer, past: Past = _NO_PAST) -> str | None:
    """Return what `offer` lacks to meet `condition`, in a few words for a person, or `None`.

    `past` is that of the offer's marketplace, up to the poll that saw the offer.
    """
    match condition:
        case Against():
            return _lack_of_lowness(condition, offer, past)
        case Fits():
            return lacks(offer, condition.shape)
        case TotalAtMost():
            return _lack_of_total(quote(offer, condition.shape), condition.limit)
        case _:
            value = READ[condition.attribute](offer)
            return None if condition.accepts(value) else _unlike(condition, value)


def _lack_of_total(total: NanoDollars | None, limit: NanoDollars) -> str | None:
    if total is None:
        return "a part of the total has no price"
    return None if total <= limit else f"{_apart(total, limit)} $/h too dear in total"


def _lack_of_lowness(condition: Against, offer: Offer, past: Past) -> str | None:
    found = bound(condition, past.look(offer.gpu, condition.window))
    if offer.price is None:
        return "price not told"
    if found.limit is None:
        return found.why
    if offer.price <= found.limit:
        return None
    if offer.price == found.below:
        return f"not {condition.wanted}"
    wanted = found.below or found.limit
    return f"{_apart(offer.price, wanted)} $/h too dear to be {condition.wanted}"


def _unlike(condition: OnAttribute, value: Value) -> str:
    if condition.attribute is Attribute.PRICE and isinstance(value, int):
        match condition:
            case AtMost():
                return f"{_apart(value, condition.limit)} $/h too dear"
            case AtLeast():
                return f"{_apart(condition.limit, value)} $/h too cheap to be trusted"
            case _:
                pass
    name = condition.attribute.replace("_", " ")
    return f"{name} {_shown(condition.attribute, value)}, wanted {condition.wanted}"


@lru_cache(maxsize=65_536)
def _fits(name: str, globs: tuple[str, ...]) -> bool:
    folded = name.casefold()
    return any(fnmatchcase(folded, glob.casefold()) for glob in globs)


def _apart(higher: float, lower: float) -> str:
    return show(NanoDollars(int(higher - lower)))


def _shown(attribute: Attribute, value: Value) -> str:
    match value:
        case None:
            return "not told"
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case _:
            return show(NanoDollars(int(value))) if attribute is Attribute.PRICE else f"{value:g}"
