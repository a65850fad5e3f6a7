"""A hostnode: one machine of the marketplace, with what it has free and what its parts cost."""

from typing import NewType

from monitor.market.money import NanoDollars
from monitor.market.value import value

HostnodeId = NewType("HostnodeId", str)
LocationId = NewType("LocationId", str)


@value
class Location:
    """Where a hostnode stands and who runs it; `None` is "not told"."""

    id: LocationId | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    organization_id: str | None = None
    organization: str | None = None
    tier: int | None = None
    network_gbps: float | None = None
    network_upload_gbps: float | None = None
    network_storage: bool | None = None


@value
class Resources:
    """What is free on a hostnode beside GPUs: virtual CPUs, gigabytes; `None` is "not told"."""

    vcpu_count: int | None = None
    ram_gb: int | None = None
    storage_gb: int | None = None


@value
class ComponentPrices:
    """Nano-dollars per hour for one vCPU and one gigabyte; `None` is "not told", never free."""

    per_vcpu: NanoDollars | None = None
    per_gb_ram: NanoDollars | None = None
    per_gb_storage: NanoDollars | None = None


@value
class Hostnode:
    """One machine in one poll.

    `uptime` is a percentage from 0 to 100. `ports` are the free external ports, `None` where the
    marketplace did not list them.
    """

    id: HostnodeId
    location: Location
    resources: Resources
    prices: ComponentPrices
    engine: str | None = None
    uptime: float | None = None
    ports: tuple[int, ...] | None = None
