"""A made-up market that looks like the recorded one, the same for the same seed.

GPU models, their proportions and prices, places, tiers and prices of parts are those of March 2026
(docs/simulator.md names the recording); what was not recorded (uptime, ports, networks) is chosen.
"""

from dataclasses import dataclass
from random import Random
from uuid import UUID

from monitor.simulator.rows import (
    PRICE_DIGITS,
    GpuRow,
    HostnodeRow,
    LocationRow,
    PricingRow,
    ResourcesRow,
)

FIRST_PORT = 20000
PER_HOSTNODE_MAX = 8
"""GPUs of one model in one machine, at most."""


@dataclass(frozen=True, slots=True)
class _Model:
    """A GPU model: its share of all GPUs in the recording, and its lowest and highest price."""

    name: str
    share: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of the recording and its tier."""

    city: str
    state: str
    country: str
    tier: int


_MODELS = (
    _Model("rtxa4000-pcie-16gb", 25, 0.08, 0.22),
    _Model("v100-sxm3-32gb", 23, 0.29, 0.29),
    _Model("geforcertx4090-pcie-24gb", 20, 0.322, 0.40),
    _Model("geforcertx3090-pcie-24gb", 19, 0.19, 0.22),
    _Model("rtxa6000-pcie-48gb", 9, 0.40, 0.45),
    _Model("v100-sxm2-16gb", 9, 0.19, 0.19),
    _Model("a100-sxm4-80gb", 8, 0.85, 0.90),
    _Model("h100-sxm5-80gb", 8, 1.99, 2.25),
    _Model("rtx6000ada-pcie-48gb", 8, 0.70, 0.75),
    _Model("l40s-pcie-48gb", 6, 0.45, 0.60),
    _Model("geforcertx5090-pcie-32gb", 2, 0.45, 0.54),
    _Model("geforcertx4080-pcie-16gb", 2, 0.16, 0.20),
    _Model("l4-pcie-24gb", 2, 0.225, 0.25),
    _Model("a40-pcie-48gb", 2, 0.33, 0.35),
    _Model("rtxa5000-pcie-24gb", 2, 0.21, 0.23),
    _Model("rtx5000ada-pcie-32gb", 1, 0.55, 0.55),
    _Model("a100-pcie-80gb", 1, 0.80, 0.95),
    _Model("a100-pcie-40gb", 1, 0.60, 0.70),
    _Model("a100-nvlink-40gb", 1, 0.60, 0.70),
    _Model("l40-pcie-48gb", 1, 0.45, 0.55),
    _Model("v100-pcie-16gb", 1, 0.15, 0.19),
    _Model("t4-pcie-16gb", 1, 0.08, 0.12),
    _Model("geforcertx3080ti-pcie-12gb", 1, 0.12, 0.14),
    _Model("geforcertx3060-pcie-12gb", 1, 0.07, 0.09),
)

_PLACES = (
    _Place("Chubbuck", "Idaho", "United States", 1),
    _Place("Dallas", "Texas", "United States", 2),
    _Place("Dallas", "Texas", "United States", 3),
    _Place("Delaware", "Wilmington", "United States", 1),
    _Place("Manassas", "Virginia", "United States", 1),
    _Place("Mischii", "Dolj", "Romania", 3),
    _Place("Mölln", "Hamburg", "Germany", 3),
    _Place("Mumbai", "Maharashtra", "India", 4),
    _Place("New York City", "New York", "United States", 3),
    _Place("Orlando", "Florida", "United States", 1),
    _Place("Ottawa", "Ontario", "Canada", 0),
    _Place("Prague", "Prague", "Czech Republic", 3),
    _Place("Raleigh", "North Carolina", "United States", 0),
    _Place("Seattle", "Washington", "United States", 3),
    _Place("Southfield", "Michigan", "United States", 2),
    _Place("Tallinn", "Harjumaa", "Estonia", 0),
    _Place("Tallinn", "Harjumaa", "Estonia", 0),
    _Place("Texas", "Texas", "United States", 3),
    _Place("Vancouver", "British Columbia", "Canada", 0),
    _Place("Winnipeg", "Manitoba", "Canada", 0),
    _Place("Winnipeg", "Manitoba", "Canada", 0),
    _Place("Wolverhampton", "Midlands", "United Kingdom", 4),
)

_USUAL_PRICING = PricingRow(per_vcpu_hr=0.003, per_gb_ram_hr=0.002, per_gb_storage_hr=0.00005)
_CHEAP_PRICING = PricingRow(per_vcpu_hr=0.0015, per_gb_ram_hr=0.0007, per_gb_storage_hr=0.00005)


def generate(*, hostnodes: int = 30, seed: int = 0) -> list[HostnodeRow]:
    """Return `hostnodes` machines with about 1.26 offers each; the same for the same arguments."""
    rng = Random(seed)
    locations = [_location(rng, place) for place in _PLACES]
    return [_hostnode(rng, rng.choice(locations)) for _ in range(hostnodes)]


def unique_id(rng: Random) -> str:
    """Return a UUID drawn from `rng`."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def _location(rng: Random, place: _Place) -> LocationRow:
    speed = rng.choice((1, 2.5, 10, 25))
    organization = unique_id(rng)
    return LocationRow(
        uuid=unique_id(rng),
        city=place.city,
        stateprovince=place.state,
        country=place.country,
        has_network_storage=rng.choices((True, False), weights=(1, 4))[0],
        network_speed_gbps=speed,
        network_speed_upload_gbps=speed,
        organization=organization,
        organizationName=f"Hosting {organization[:4].upper()}",
        tier=place.tier,
    )


def _hostnode(rng: Random, location: LocationRow) -> HostnodeRow:
    offers = rng.choices((1, 2, 3), weights=(79, 16, 5))[0]
    names = rng.choices(_MODELS, weights=[model.share for model in _MODELS], k=offers)
    gpus = tuple(_offer(rng, model) for model in dict.fromkeys(names))
    free = sum(gpu.available or 0 for gpu in gpus)
    return HostnodeRow(
        id=unique_id(rng),
        location_id=location.uuid,
        engine="Narwhal",
        uptime_percentage=max(90.0, round(100 - rng.expovariate(2), 2)),
        available_resources=ResourcesRow(
            gpus=gpus,
            vcpu_count=2 * rng.randint(4 * free, 13 * free),
            ram_gb=rng.randint(24 * free, 125 * free),
            storage_gb=10 * rng.randint(30 * free, 300 * free),
            available_ports=_ports(rng),
        ),
        pricing=rng.choices((_USUAL_PRICING, _CHEAP_PRICING), weights=(4, 1))[0],
        location=location,
    )


def _offer(rng: Random, model: _Model) -> GpuRow:
    return GpuRow(
        gpu=model.name,
        available=rng.randint(1, PER_HOSTNODE_MAX),
        price=round(rng.uniform(model.low, model.high), rng.choice((2, 3, PRICE_DIGITS))),
    )


def _ports(rng: Random) -> tuple[int, ...]:
    ports = range(FIRST_PORT, FIRST_PORT + 12)
    return tuple(sorted(rng.sample(ports, rng.randint(8, len(ports)))))
