"""A large, seeded market for measuring: 10,000 hostnodes, about 12,600 offers, about 8 MB.

`body()` is one answer of `GET /hostnodes`, `changed()` the next one. `decode_documented()` is the
floor that decoding is measured against: msgspec's typed decoding of the documented shape.
"""

import json
import uuid
from random import Random
from typing import Any

import msgspec

JsonObject = dict[str, Any]

# Names as the marketplace writes them, with a price per GPU and hour about which offers spread.
_GPUS = (
    ("geforcertx4090-pcie-24gb", 0.40),
    ("geforcertx3090-pcie-24gb", 0.21),
    ("geforcertx4080-pcie-16gb", 0.29),
    ("geforcertx5090-pcie-32gb", 0.54),
    ("geforcertx3080ti-pcie-12gb", 0.16),
    ("geforcertx3060-pcie-12gb", 0.11),
    ("rtxa4000-pcie-16gb", 0.12),
    ("rtxa5000-pcie-24gb", 0.21),
    ("rtxa6000-pcie-48gb", 0.40),
    ("rtx5000ada-pcie-32gb", 0.55),
    ("rtx6000ada-pcie-48gb", 0.75),
    ("l4-pcie-24gb", 0.32),
    ("l40-pcie-48gb", 0.85),
    ("l40s-pcie-48gb", 0.98),
    ("a40-pcie-48gb", 0.42),
    ("a100-pcie-40gb", 0.80),
    ("a100-pcie-80gb", 1.10),
    ("a100-sxm4-80gb", 1.49),
    ("v100-sxm2-16gb", 0.19),
    ("v100-sxm3-32gb", 0.25),
    ("h100-sxm5-80gb", 2.20),
    ("t4-pcie-16gb", 0.14),
)
_CITIES = (
    ("Chubbuck", "Idaho", "United States"),
    ("Dallas", "Texas", "United States"),
    ("Wilmington", "Delaware", "United States"),
    ("Manassas", "Virginia", "United States"),
    ("Montréal", "Québec", "Canada"),
    ("Warszawa", "Mazowieckie", "Poland"),
    ("Düsseldorf", "Nordrhein-Westfalen", "Germany"),
    ("Sofia", "Sofia City", "Bulgaria"),
    ("Mumbai", "Maharashtra", "India"),
    ("東京", "東京都", "Japan"),
    ("São Paulo", "São Paulo", "Brazil"),
    ("Joplin", "Missouri", "United States"),
)
_ENGINES = ("Narwhal", "Narwhal", "Narwhal", "Kraken", "Beluga")
_OFFERS_PER_HOSTNODE = ((0, 1, 2, 3), (1, 75, 19, 5))
_LOCATIONS = 240
_COMPONENT_PRICES = 60


def body(hostnodes: int = 10_000, seed: int = 1) -> bytes:
    """Return an answer of `GET /hostnodes`: compact UTF-8 JSON, the same for the same arguments."""
    rng = Random(seed)  # noqa: S311  repeatable, not secret
    locations = [_location(rng) for _ in range(_LOCATIONS)]
    prices = [_component_prices(rng) for _ in range(_COMPONENT_PRICES)]
    rows = [_hostnode(rng, rng.choice(locations), rng.choice(prices)) for _ in range(hostnodes)]
    return _dump(rows)


def changed(body: bytes, share: float = 0.01, seed: int = 2) -> bytes:
    """Return the answer after `body`: in a `share` of the offers the price or the count moved."""
    rng = Random(seed)  # noqa: S311  repeatable, not secret
    rows = json.loads(body)["data"]["hostnodes"]
    offers = [gpu for row in rows for gpu in row["available_resources"]["gpus"]]
    for gpu in rng.sample(offers, k=round(len(offers) * share)):
        _move(rng, gpu)
    return _dump(rows)


def decode_documented(body: bytes) -> "_Answer":
    """Return `body` decoded by msgspec alone into the documented shape: the floor."""
    return _DECODER.decode(body)


def decode_recorded(line: bytes) -> "_Recorded":
    """Return a line of a recording decoded by msgspec alone: the floor of an import."""
    return _RECORDED_DECODER.decode(line)


class _Gpu(msgspec.Struct):
    v0Name: str  # noqa: N815  the API's own name
    availableCount: int  # noqa: N815  likewise
    price_per_hr: float


class _Resources(msgspec.Struct):
    gpus: list[_Gpu]
    vcpu_count: int
    ram_gb: int
    storage_gb: int
    available_ports: list[int] | None = None


class _Pricing(msgspec.Struct):
    per_vcpu_hr: float
    per_gb_ram_hr: float
    per_gb_storage_hr: float


class _Location(msgspec.Struct):
    uuid: str
    city: str
    stateprovince: str
    country: str
    has_network_storage: bool
    network_speed_gbps: float
    network_speed_upload_gbps: float
    organization: str
    organizationName: str  # noqa: N815  the API's own name
    tier: int


class _Hostnode(msgspec.Struct):
    id: str
    location_id: str
    engine: str
    uptime_percentage: float
    available_resources: _Resources
    pricing: _Pricing
    location: _Location


class _Data(msgspec.Struct):
    hostnodes: list[_Hostnode]


class _Answer(msgspec.Struct):
    data: _Data


class _Recorded(msgspec.Struct):
    at: str
    hostnodes: list[_Hostnode]


_RECORDED_DECODER = msgspec.json.Decoder(_Recorded)
_DECODER = msgspec.json.Decoder(_Answer)


def _dump(rows: list[JsonObject]) -> bytes:
    answer = {"data": {"hostnodes": rows}}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _location(rng: Random) -> JsonObject:
    city, state, country = rng.choice(_CITIES)
    return {
        "uuid": _uuid(rng),
        "city": city,
        "stateprovince": state,
        "country": country,
        "has_network_storage": rng.random() < 0.2,
        "network_speed_gbps": rng.choice((1, 2.5, 10, 25)),
        "network_speed_upload_gbps": rng.choice((0.5, 1, 10)),
        "organization": _uuid(rng),
        "organizationName": f"{city} Compute {rng.randrange(100)}",
        "tier": rng.randint(0, 4),
    }


def _component_prices(rng: Random) -> JsonObject:
    return {
        "per_vcpu_hr": rng.randint(4, 16) / 4000,
        "per_gb_ram_hr": rng.randint(5, 25) / 10_000,
        "per_gb_storage_hr": rng.choice((5e-05, 7.5e-05, 0.0001)),
    }


def _hostnode(rng: Random, location: JsonObject, prices: JsonObject) -> JsonObject:
    (offers,) = rng.choices(*_OFFERS_PER_HOSTNODE)
    first_port = rng.randrange(20_000, 60_000)
    return {
        "id": _uuid(rng),
        "location_id": location["uuid"],
        "engine": rng.choice(_ENGINES),
        "uptime_percentage": round(100 - rng.expovariate(1.5), 2) if rng.random() < 0.95 else 100,
        "available_resources": {
            "gpus": [_gpu(rng, *model) for model in rng.sample(_GPUS, k=offers)],
            "vcpu_count": 2 * rng.randrange(1, 128),
            "ram_gb": rng.randrange(8, 2048),
            "storage_gb": rng.randrange(100, 40_000),
            "available_ports": [first_port + step for step in range(rng.randrange(22))],
        },
        "pricing": prices,
        "location": location,
    }


def _gpu(rng: Random, name: str, price: float) -> JsonObject:
    return {
        "v0Name": name,
        "availableCount": rng.choice((1, 1, 1, 2, 2, 3, 4, 6, 8)),
        "price_per_hr": round(price * rng.uniform(0.9, 1.4), rng.choice((2, 2, 6))),
    }


def _move(rng: Random, gpu: JsonObject) -> None:
    if rng.random() < 0.5:
        gpu["price_per_hr"] = round(gpu["price_per_hr"] * rng.choice((0.97, 0.99, 1.02)), 6)
    else:
        gpu["availableCount"] += rng.choice((1, 2))
