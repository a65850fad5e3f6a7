"""Offers to test rules against: made by hand, and by Hypothesis."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from monitor.market.hostnode import (
    ComponentPrices,
    Hostnode,
    HostnodeId,
    Location,
    LocationId,
    Resources,
)
from monitor.market.money import NanoDollars, nano
from monitor.market.offer import GpuModel, Offer

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)


def an_offer(
    *,
    host: str = "hn-1",
    gpu: str = "h100-sxm5-80gb",
    available: int = 1,
    price: float | None = 2.0,
    uptime: float | None = 99.5,
    location: Location | None = None,
    resources: Resources | None = None,
    prices: ComponentPrices | None = None,
) -> Offer:
    node = Hostnode(
        id=HostnodeId(host),
        location=location or Location(id=LocationId("loc-1"), country="United States", tier=3),
        resources=resources or Resources(vcpu_count=64, ram_gb=256, storage_gb=2000),
        prices=prices
        or ComponentPrices(
            per_vcpu=nano(0.003), per_gb_ram=nano(0.002), per_gb_storage=nano(0.00005)
        ),
        uptime=uptime,
    )
    dearness = None if price is None else nano(price)
    return Offer(hostnode=node, gpu=GpuModel(gpu), available=available, price=dearness)


def _told(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


GPUS = ("h100-sxm5-80gb", "l4-pcie-24gb", "l40-pcie-48gb", "l40s-pcie-48gb", "H100-PCIE-80GB")
COUNTRIES = ("United States", "Canada", "Österreich")

offers = st.builds(
    Offer,
    gpu=st.sampled_from(GPUS).map(GpuModel),
    available=st.integers(0, 8),
    price=_told(st.integers(1, 6).map(lambda dollars: NanoDollars(dollars * 500_000_000))),
    hostnode=st.builds(
        Hostnode,
        id=st.sampled_from(["a", "b", "c"]).map(HostnodeId),
        location=st.builds(
            Location,
            id=_told(st.sampled_from(["here", "there"])),
            country=_told(st.sampled_from(COUNTRIES)),
            tier=_told(st.integers(0, 4)),
            network_gbps=_told(st.floats(0, 100)),
            network_storage=_told(st.booleans()),
        ),
        resources=st.builds(
            Resources,
            vcpu_count=_told(st.integers(0, 16)),
            ram_gb=_told(st.integers(0, 64)),
            storage_gb=_told(st.integers(0, 500)),
        ),
        prices=st.builds(
            ComponentPrices,
            per_vcpu=_told(st.integers(1, 5_000_000)),
            per_gb_ram=_told(st.integers(1, 5_000_000)),
            per_gb_storage=_told(st.integers(1, 100_000)),
        ),
        uptime=_told(st.sampled_from([0.0, 98.7, 99.0, 100.0])),
    ),
)
