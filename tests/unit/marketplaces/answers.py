"""Answers of the marketplace, built from the documented example."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.market.snapshot import Issue, Snapshot
from monitor.marketplaces.tensordock.decode import decode_hostnodes

FIXTURES = Path(__file__).parents[2] / "fixtures"
SEED_LIST = (FIXTURES / "seed" / "list_hostnodes.response.json").read_bytes()
SEED_HOSTNODE = (FIXTURES / "seed" / "get_hostnode.response.json").read_bytes()
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()

Json = Any


def hostnode(hostnode_id: str = "hostnode-uuid") -> dict[str, Json]:
    """Return the documented hostnode under another id."""
    row: dict[str, Json] = copy.deepcopy(json.loads(SEED_LIST)["data"]["hostnodes"][0])
    return row | {"id": hostnode_id}


def changed(row: dict[str, Json], path: str, value: Json) -> dict[str, Json]:
    """Return `row` with another value at `location.tier` or `available_resources.gpus.0.v0Name`."""
    row = copy.deepcopy(row)
    *parents, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place: Json = row
    for key in parents:
        place = place[key]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return row


def listing(*rows: Json) -> bytes:
    """Return the answer of `GET /hostnodes` that lists `rows`."""
    return json.dumps({"data": {"hostnodes": list(rows)}}).encode()


def decoded(*rows: Json) -> Snapshot:
    """Return the snapshot of `rows`."""
    return decode_hostnodes(listing(*rows), marketplace="tensordock", at=AT)


def told(issues: tuple[Issue, ...]) -> list[tuple[str, str]]:
    """Return reason and path of each issue."""
    return [(issue.reason.value, issue.path) for issue in issues]
