"""The same market by location, as `GET /locations` shows it: prices averaged over hostnodes."""

from collections.abc import Iterable
from statistics import fmean
from typing import Any

import msgspec

from monitor.simulator.rows import PRICE_DIGITS, GpuRow, HostnodeRow, LocationRow


def by_location(hostnodes: Iterable[HostnodeRow]) -> dict[str, Any]:
    """Return the answer: each location with the GPU models that can be had there."""
    at: dict[str, list[HostnodeRow]] = {}
    for row in hostnodes:
        at.setdefault(row.location_id or row.id, []).append(row)
    shown = [_location(location_id, rows) for location_id, rows in at.items()]
    return {"data": {"locations": [location for location in shown if location["gpus"]]}}


def _location(location_id: str, rows: list[HostnodeRow]) -> dict[str, Any]:
    place = rows[0].location or LocationRow()
    models = dict.fromkeys(gpu.gpu for row in rows for gpu in row.gpus if gpu.available)
    return {
        "id": location_id,
        "city": place.city,
        "stateprovince": place.stateprovince,
        "country": place.country,
        "tier": place.tier,
        "gpus": [_gpu(model, rows) for model in models],
    }


def _gpu(model: str, rows: list[HostnodeRow]) -> dict[str, Any]:
    having = [(row, gpu) for row in rows for gpu in row.gpus if gpu.gpu == model and gpu.available]
    largest, _ = max(having, key=_available)
    free = largest.available_resources
    return {
        "v0Name": model,
        "max_count": max(gpu.available or 0 for _, gpu in having),
        "price_per_hr": round(fmean(gpu.price or 0 for _, gpu in having), PRICE_DIGITS),
        "resources": {
            "max_vcpus": free.vcpu_count,
            "max_ram_gb": free.ram_gb,
            "max_storage_gb": free.storage_gb,
        },
        "pricing": msgspec.to_builtins(largest.pricing),
        "network_features": {"dedicated_ip_available": True},
    }


def _available(having: tuple[HostnodeRow, GpuRow]) -> int:
    return having[1].available or 0
