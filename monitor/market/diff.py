"""What changed between two looks at the market. Pure comparison; the store makes intervals of it.

Facts are flat named tuples, not dataclasses: 12,600 offers are compared in each cycle, and tuples
compare in C.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[Key, Facts]):
    """How to get from one look to the next: what is new, what is other than before, what is gone.

    No key is in two of them.
    """

    begun: Mapping[Key, Facts]
    changed: Mapping[Key, Facts]
    ended: tuple[Key, ...]


def changes(known: Mapping[Key, Facts], seen: Mapping[Key, Facts]) -> Changes[Key, Facts]:
    """Return what must happen to `known` to become `seen`."""
    return Changes(
        begun={key: facts for key, facts in seen.items() if key not in known},
        changed={key: facts for key, facts in seen.items() if key in known and known[key] != facts},
        ended=tuple(key for key in known if key not in seen),
    )


def hostnode_facts(hostnodes: Iterable[Hostnode]) -> dict[HostnodeId, HostnodeFacts]:
    """Return the facts of each hostnode."""
    return {hostnode.id: _facts(hostnode) for hostnode in hostnodes}


def offer_facts(offers: Iterable[Offer]) -> dict[OfferKey, OfferFacts]:
    """Return the facts of each offer."""
    return {
        (offer.hostnode.id, offer.gpu): OfferFacts(offer.available, offer.price) for offer in offers
    }


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
