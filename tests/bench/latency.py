"""How long a buyer waits: from the marketplace's answer to the notification about it."""

import json
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import median

from tests.bench.daemon import answering, daemon
from tests.bench.figures import Figure
from tests.bench.market import body
from tests.integration.receivers import http_receiver

_HOSTNODES = 200
_COLD = 2
"""Notifications that are not counted: the first ones make connections and load modules."""
_CAP = 1.5
"""Dollars per hour for an H100: none of the seeded market's is as cheap."""


def latency(notifications: int) -> list[Figure]:
    """Measure a rule that fires at every other poll of the daemon and is resolved in between."""
    with tempfile.TemporaryDirectory() as folder:
        waits = _waits(Path(folder), _COLD + notifications)[_COLD:]
    what = "from the answer's last byte to the notification's first, 200 hostnodes"
    return [
        Figure(what=f"{what}, median of {notifications}", unit="ms", measured=median(waits)),
        Figure(what=f"{what}, worst of {notifications}", unit="ms", measured=max(waits)),
    ]


def _waits(folder: Path, count: int) -> list[float]:
    """Return the milliseconds between each notification and the last answer before it."""
    with (
        http_receiver() as receiver,
        answering(_answers()) as marketplace,
        daemon(folder, _config(marketplace.url, receiver.port)),
    ):
        told = receiver.wait_for(count, within=60 + count)[:count]
        answered = marketplace.answered.all()
    return [1000 * (each.at - answered[bisect_left(answered, each.at) - 1]) for each in told]


def _answers() -> Iterator[bytes]:
    dear = body(_HOSTNODES)
    rows = json.loads(dear)
    offers = (
        offer for row in rows["data"]["hostnodes"] for offer in row["available_resources"]["gpus"]
    )
    next(offer for offer in offers if offer["v0Name"].startswith("h100-"))["price_per_hr"] = 1.2
    return cycle((json.dumps(rows).encode(), dear))


def _config(marketplace: str, receiver: int) -> dict[str, object]:
    return {
        "marketplaces": [
            {
                "name": "tensordock",
                "kind": "tensordock",
                "base_url": marketplace,
                "token": "made-up",
                "poll_interval": "250ms",
            }
        ],
        "receivers": [{"name": "chat", "urls": [f"json://127.0.0.1:{receiver}"]}],
        "notifications": {"notify": ["chat"], "group_interval": "1ms"},
        "rules": [{"name": "cheap", "match": {"gpu": "h100-*", "max_price_per_gpu_hour": _CAP}}],
    }
