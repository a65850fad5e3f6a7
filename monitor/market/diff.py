"""What changed between two looks at the market. Pure comparison; the store makes intervals of it.

Facts are flat named tuples, not dataclasses: 12,600 offers are compared in each cycle, and tuples
compare in C.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from monitor.market.hostnode import (
    ComponentPrices,
    Hostnode,
    HostnodeId,
    Location,
    Resources,
)
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.value import value

OfferKey = tuple[HostnodeId, GpuModel]
Key = TypeVar("Key")
Facts = TypeVar("Facts")


class HostnodeFacts(NamedTuple):
    """What of a hostnode makes history; free ports do not."""

    location: Location
    engine: str | None
    uptime: float | None
    vcpu_count: int | None
    ram_gb: int | None
    storage_gb: int | None
    per_vcpu: NanoDollars | None
    per_gb_ram: NanoDollars | None
    per_gb_storage: NanoDollars | None

    def hostnode(self, key: HostnodeId) -> Hostnode:
        """Return the hostnode of which these are the facts; its ports are not known."""
        return Hostnode(
            id=key,
            location=self.location,
            resources=Resources(
                vcpu_count=self.vcpu_count, ram_gb=self.ram_gb, storage_gb=self.storage_gb
            ),
            prices=ComponentPrices(
                per_vcpu=self.per_vcpu,
                per_gb_ram=self.per_gb_ram,
                per_gb_storage=self.per_gb_storage,
            ),
            engine=self.engine,
            uptime=self.uptime,
        )


class OfferFacts(NamedTuple):
    """What of an offer makes history: GPUs free, nano-dollars per GPU and hour."""

    available: int
    price: NanoDollars | None


@value
class Changes(Generic[Key, Facts]):
    """How to get from one look to the next: what is new, what is other than before, what is gone.

    No key is in two of them.
    """

    begun: Mapping[Key, Facts]
    changed: Mapping[Key, Facts]
    ended: tuple[Key, ...]

    def applied(self, known: Mapping[Key, Facts]) -> dict[Key, Facts]:
        """Return what `known` has become."""
        after = {**known, **self.changed, **self.begun}
        for key in self.ended:
            del after[key]
        return after


def changes(known: Mapping[Key, Facts], seen: Iterable[tuple[Key, Facts]]) -> Changes[Key, Facts]:
    """Return what must happen to `known` to become `seen`, whose keys are unique.

    Facts that did not change are not kept, so that a look that changed nothing leaves nothing for
    the garbage collector to walk through.
    """
    begun: dict[Key, Facts] = {}
    changed: dict[Key, Facts] = {}
    left = dict.fromkeys(known)
    for key, facts in seen:
        if key not in left:
            begun[key] = facts
            continue
        del left[key]
        if known[key] != facts:
            changed[key] = facts
    return Changes(begun=begun, changed=changed, ended=tuple(left))


def hostnode_facts(hostnodes: Iterable[Hostnode]) -> Iterator[tuple[HostnodeId, HostnodeFacts]]:
    """Yield each hostnode's id and facts."""
    for hostnode in hostnodes:
        yield hostnode.id, _facts(hostnode)


def offer_facts(offers: Iterable[Offer]) -> Iterator[tuple[OfferKey, OfferFacts]]:
    """Yield each offer's key and facts."""
    for offer in offers:
        yield (offer.hostnode.id, offer.gpu), OfferFacts(offer.available, offer.price)


def _facts(hostnode: Hostnode) -> HostnodeFacts:
    free, prices = hostnode.resources, hostnode.prices
    return HostnodeFacts(
        hostnode.location,
        hostnode.engine,
        hostnode.uptime,
        free.vcpu_count,
        free.ram_gb,
        free.storage_gb,
        prices.per_vcpu,
        prices.per_gb_ram,
        prices.per_gb_storage,
    )
