"""What history knows of hostnodes, as `GET /hostnodes` lists them: the way back of `decode`.

Keys and values stand in one order, so that the same history gives the same bytes. Free ports are
not part of history, and prices are numbers that read back to the same nano-dollars.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from monitor.market.diff import HostnodeFacts, OfferFacts, OfferKey
from monitor.market.hostnode import HostnodeId, Location
from monitor.market.money import NanoDollars, dollars

_encoder = msgspec.json.Encoder()


def encode_hostnodes(
    hostnodes: Mapping[HostnodeId, HostnodeFacts], offers: Mapping[OfferKey, OfferFacts]
) -> bytes:
    """Return hostnodes and what they offer as a JSON array, in the order of their names."""
    gpus: defaultdict[HostnodeId, list[dict[str, Any]]] = defaultdict(list)
    for (hostnode, gpu), facts in sorted(offers.items()):
        price = _dollars(facts.price)
        gpus[hostnode].append(
            {"v0Name": gpu, "availableCount": facts.available, "price_per_hr": price}
        )
    rows = [_row(key, facts, gpus[key]) for key, facts in sorted(hostnodes.items())]
    return _encoder.encode(rows)


def _row(key: HostnodeId, facts: HostnodeFacts, gpus: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": key,
        "location_id": facts.location.id,
        "engine": facts.engine,
        "uptime_percentage": facts.uptime,
        "available_resources": {
            "gpus": gpus,
            "vcpu_count": facts.vcpu_count,
            "ram_gb": facts.ram_gb,
            "storage_gb": facts.storage_gb,
        },
        "pricing": {
            "per_vcpu_hr": _dollars(facts.per_vcpu),
            "per_gb_ram_hr": _dollars(facts.per_gb_ram),
            "per_gb_storage_hr": _dollars(facts.per_gb_storage),
        },
        "location": _location(facts.location),
    }


def _location(place: Location) -> dict[str, Any]:
    return {
        "uuid": place.id,
        "city": place.city,
        "stateprovince": place.state,
        "country": place.country,
        "has_network_storage": place.network_storage,
        "network_speed_gbps": place.network_gbps,
        "network_speed_upload_gbps": place.network_upload_gbps,
        "organization": place.organization_id,
        "organizationName": place.organization,
        "tier": place.tier,
    }


def _dollars(amount: NanoDollars | None) -> float | None:
    return None if amount is None else dollars(amount)
