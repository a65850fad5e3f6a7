"""Hostnodes as the marketplace writes them: the wire's names, one struct per JSON object.

`None` is left out when written. A recorded hostnode may lack anything but its id.
"""

from collections.abc import Iterable

import msgspec

Number = int | float

PRICE_DIGITS = 6
"""Decimal places of a listed price, as recorded."""


class GpuRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One offer: GPUs of one model, free now, each at `price` dollars per hour."""

    gpu: str = msgspec.field(name="v0Name")
    available: int | None = msgspec.field(name="availableCount", default=None)
    price: Number | None = msgspec.field(name="price_per_hr", default=None)


class ResourcesRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is free on a hostnode; `available_ports` is documented for one hostnode only."""

    gpus: tuple[GpuRow, ...]
    vcpu_count: int | None = None
    ram_gb: Number | None = None
    storage_gb: Number | None = None
    available_ports: tuple[int, ...] | None = None


class PricingRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Dollars per hour of one vCPU and of one gigabyte."""

    per_vcpu_hr: Number | None = None
    per_gb_ram_hr: Number | None = None
    per_gb_storage_hr: Number | None = None


class LocationRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a hostnode stands, and whose it is."""

    uuid: str | None = None
    city: str | None = None
    stateprovince: str | None = None
    country: str | None = None
    has_network_storage: bool | None = None
    network_speed_gbps: Number | None = None
    network_speed_upload_gbps: Number | None = None
    organization: str | None = None
    organizationName: str | None = None  # noqa: N815 - the wire's own name
    tier: int | None = None


class HostnodeRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One machine as `GET /hostnodes` lists it, its free ports beside it."""

    id: str
    location_id: str | None = None
    engine: str | None = None
    uptime_percentage: Number | None = None
    available_resources: ResourcesRow
    pricing: PricingRow | None = None
    location: LocationRow | None = None

    @property
    def gpus(self) -> tuple[GpuRow, ...]:
        """The hostnode's offers."""
        return self.available_resources.gpus

    def with_gpus(self, gpus: Iterable[GpuRow]) -> "HostnodeRow":
        """Return this hostnode with other offers."""
        return self.with_resources(msgspec.structs.replace(self.available_resources, gpus=(*gpus,)))

    def with_resources(self, resources: ResourcesRow) -> "HostnodeRow":
        """Return this hostnode with other free resources."""
        return msgspec.structs.replace(self, available_resources=resources)

    def without_ports(self) -> "HostnodeRow":
        """Return this hostnode as the list shows it."""
        if self.available_resources.available_ports is None:
            return self
        return self.with_resources(
            msgspec.structs.replace(self.available_resources, available_ports=None)
        )


def hostnode(
    hostnode_id: str,
    gpu: str = "h100-sxm5-80gb",
    *,
    price: float = 2.2,
    count: int = 8,
    city: str = "Dallas",
    state: str = "Texas",
    country: str = "United States",
    tier: int = 3,
    uptime: float = 99.79,
    vcpu_count: int = 208,
    ram_gb: int = 990,
    storage_gb: int = 14780,
) -> HostnodeRow:
    """Return a hostnode with one offer; what is not said is as in the documented example."""
    location_id = f"{hostnode_id}-location"
    return HostnodeRow(
        id=hostnode_id,
        location_id=location_id,
        engine="Narwhal",
        uptime_percentage=uptime,
        available_resources=ResourcesRow(
            gpus=(GpuRow(gpu=gpu, available=count, price=price),),
            vcpu_count=vcpu_count,
            ram_gb=ram_gb,
            storage_gb=storage_gb,
            available_ports=tuple(range(20000, 20009)),
        ),
        pricing=PricingRow(per_vcpu_hr=0.0015, per_gb_ram_hr=0.0007, per_gb_storage_hr=0.00005),
        location=LocationRow(
            uuid=location_id,
            city=city,
            stateprovince=state,
            country=country,
            has_network_storage=False,
            network_speed_gbps=10,
            network_speed_upload_gbps=10,
            organization=f"{hostnode_id}-organization",
            organizationName="Organization Name",
            tier=tier,
        ),
    )
