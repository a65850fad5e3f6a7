"""What the faults make of a body: a good answer's bytes in, a strange one's out.

Bodies are taken apart as plain JSON here, as a strange one fits no type.
"""

from collections.abc import Callable
from itertools import cycle
from typing import Any

import msgspec

_Json = dict[str, Any]


def hostnodes_by_id(body: bytes) -> bytes:
    """Return the hostnodes as an object keyed by id."""
    return _with_hostnodes(body, lambda rows: {row.get("id", ""): row for row in rows})


def all_broken(body: bytes) -> bytes:
    """Return the list with no hostnode that can be read."""
    return _with_hostnodes(body, lambda rows: [_break(row, n) for n, row in enumerate(rows)])


def some_broken(body: bytes) -> bytes:
    """Return the list with every third hostnode unreadable."""
    return _with_hostnodes(
        body,
        lambda rows: [_break(row, n // 3) if n % 3 == 0 else row for n, row in enumerate(rows)],
    )


def prices_broken(body: bytes) -> bytes:
    """Return the list with no offer that has a price."""
    wrong = cycle((None, 0, -1.5, "call us", msgspec.UNSET))

    def spoil(rows: list[_Json]) -> list[_Json]:
        for gpu in _gpus(rows):
            gpu["price_per_hr"] = next(wrong)
            if gpu["price_per_hr"] is msgspec.UNSET:
                del gpu["price_per_hr"]
        return rows

    return _with_hostnodes(body, spoil)


def extra_fields(body: bytes) -> bytes:
    """Return hostnodes with the optional fields that were seen, and floats where they were."""
    parsed = msgspec.json.decode(body)
    data = parsed["data"]
    for row in data.get("hostnodes", [data]):
        free = row["available_resources"]
        free.update(
            max_vcpus_per_gpu=16,
            max_ram_per_gpu=64,
            max_vcpus=free.get("vcpu_count"),
            max_ram_gb=free.get("ram_gb"),
            max_storage_gb=free.get("storage_gb"),
            has_public_ip_available=True,
        )
        free["storage_gb"] = (free.get("storage_gb") or 0) + 0.5
        location = row.get("location") or {}
        for key in {"network_speed_gbps", "network_speed_upload_gbps"} & location.keys():
            location[key] = location[key] + 0.5
    return msgspec.json.encode(parsed)


def dearer(body: bytes) -> bytes:
    """Return one hostnode with every price 10 % higher."""
    parsed = msgspec.json.decode(body)
    for gpu in _gpus([parsed["data"]]):
        gpu["price_per_hr"] = round((gpu.get("price_per_hr") or 0) * 1.1, 6)
    return msgspec.json.encode(parsed)


def instances_wrapped(body: bytes) -> bytes:
    """Return the list of instances in its second shape, `data.instances[]`."""
    return msgspec.json.encode({"data": {"instances": _instances(body)}})


def instances_flat(body: bytes) -> bytes:
    """Return the list of instances in its third shape, `data[]`, fields beside the id."""
    rows = [
        {key: value for key, value in row.items() if key != "attributes"} | row["attributes"]
        for row in _instances(body)
    ]
    return msgspec.json.encode({"data": rows})


def odd_statuses(body: bytes) -> bytes:
    """Return every status in another case."""
    odd = cycle((str.upper, str.title))

    def respell(status: str) -> str:
        return next(odd)(status)

    return _with_statuses(body, respell)


def stopped(body: bytes) -> bytes:
    """Return every instance as stopped, in the one status of two words."""
    return _with_statuses(body, lambda _status: "StoppedDisassociated")


def rate_zero(body: bytes) -> bytes:
    """Return one instance with a rate of 0."""
    return msgspec.json.encode({**msgspec.json.decode(body), "rateHourly": 0})


def _with_hostnodes(body: bytes, change: Callable[[list[_Json]], object]) -> bytes:
    rows = msgspec.json.decode(body)["data"]["hostnodes"]
    return msgspec.json.encode({"data": {"hostnodes": change(rows)}})


def _break(row: _Json, way: int) -> object:
    broken: tuple[object, ...] = (
        None,
        "maintenance",
        {**row, "id": None},
        {**row, "available_resources": None},
        {key: value for key, value in row.items() if key != "id"},
    )
    return broken[way % len(broken)]


def _gpus(rows: list[_Json]) -> list[_Json]:
    return [gpu for row in rows for gpu in row["available_resources"]["gpus"]]


def _instances(body: bytes) -> list[_Json]:
    rows: list[_Json] = msgspec.json.decode(body)["data"]["attributes"]["instances"]
    return rows


def _with_statuses(body: bytes, change: Callable[[str], str]) -> bytes:
    parsed = msgspec.json.decode(body)
    for row in _having_status(parsed):
        row["status"] = change(row["status"])
    return msgspec.json.encode(parsed)


def _having_status(parsed: object) -> list[_Json]:
    """Return every object in `parsed`, at any depth, that has a status in words."""
    match parsed:
        case dict():
            here = [parsed] if isinstance(parsed.get("status"), str) else []
            return here + [row for value in parsed.values() for row in _having_status(value)]
        case list():
            return [row for value in parsed for row in _having_status(value)]
        case _:
            return []
