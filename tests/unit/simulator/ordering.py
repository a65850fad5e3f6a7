"""Bodies of creates: the documented example with something changed."""

import json
from pathlib import Path
from typing import Any

from monitor.simulator.orders import Order, read_order

SEED = Path(__file__).parents[2] / "fixtures" / "seed"
GPU = "geforcertx4090-pcie-24gb"
"""What the documented example orders, one of it."""


def documented(name: str) -> Any:
    """Return a documented example as JSON."""
    return json.loads((SEED / f"{name}.json").read_text(encoding="utf-8"))


def create_body(**attributes: object) -> dict[str, Any]:
    """Return the documented create with other attributes; `None` leaves one out."""
    body: dict[str, Any] = documented("create_instance.request")
    merged = body["data"]["attributes"] | attributes
    body["data"]["attributes"] = {key: value for key, value in merged.items() if value is not None}
    return body


def an_order(*, gpu: str = GPU, gpus: int = 1, **attributes: object) -> Order:
    """Return the order in such a create."""
    resources = {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 300, "gpus": {gpu: {"count": gpus}}}
    body = create_body(**{"resources": resources, **attributes})
    order = read_order(json.dumps(body).encode())
    assert isinstance(order, Order)
    return order
