"""How fast the daemon buys: from the list of hostnodes to the request to create.

Measured where the marketplace is: from the last byte of the list to the first byte of the request,
with the intent committed and the hostnode read again in between. The floor is a bare loop that
gets the list, reads its JSON, gets the hostnode and posts, as a process of its own too; between the
same two points, which is what counts. What that loop takes as a whole, from the first byte of its
request for the list on, is shown beside it.
"""

import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.clock import monotonic
from monitor.simulator.app import PREFIX, create_app
from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import HostnodeRow, hostnode
from monitor.simulator.simulation import Simulation
from monitor.web.server import Server
from tests.bench.daemon import ROOT, daemon
from tests.bench.figures import Figure
from tests.integration.receivers import Record

_HOSTNODES = 200
_COLD = 3
"""Purchases that are not counted: the first ones make connections and load modules."""
_FEW = 10
"""Purchases of one daemon that are counted."""
_CHEAPEST = "hn-cheap"
_GPU = "h100-sxm5-80gb"
_AT_MOST = 3
_WORST = 250

_BARE_LOOP = """\
import json, sys, time
import httpx
base, hostnode, body, rounds = *sys.argv[1:4], int(sys.argv[4])
with httpx.Client(base_url=base, headers={"Authorization": "Bearer made-up"}) as client:
    for _ in range(rounds):
        found = json.loads(client.get("/hostnodes").content)
        assert any(each["id"] == hostnode for each in found["data"]["hostnodes"])
        json.loads(client.get(f"/hostnodes/{hostnode}").content)
        client.post("/instances", content=body).raise_for_status()
        time.sleep(0.1)
"""
_BODY = """\
{"data": {"type": "virtualmachine", "attributes": {"name": "bare", "type": "virtualmachine",
 "image": "ubuntu2404", "hostnode_id": "hn-cheap", "ssh_key_id": "key",
 "resources": {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 100,
  "gpus": {"h100-sxm5-80gb": {"count": 1}}},
 "port_forwards": [{"internal_port": 22, "external_port": 20000}]}}}"""


class _Shop:
    """The simulator with a clock at its door: when lists and creates are asked for, lists out."""

    def __init__(self) -> None:
        rows = [*generate(hostnodes=_HOSTNODES - 1, seed=1), _endless()]
        app = create_app(Simulation(SimulatedMarket(rows, seed=1)))
        self.begun: Record[float] = Record()
        self.listed: Record[float] = Record()
        self.asked: Record[float] = Record()
        app.add_middleware(_Clocked, shop=self)
        self._server = Server(app, host="127.0.0.1", port=0)
        self.base_url = f"{self._server.url}{PREFIX}"

    @contextmanager
    def open(self) -> Iterator["_Shop"]:
        with self._server.in_background():
            yield self

    def waits(self) -> list[float]:
        """Return the milliseconds between each create and the last list before it."""
        return self._since(self.listed.all())

    def loops(self) -> list[float]:
        """Return the milliseconds between each create and the last request for a list before it."""
        return self._since(self.begun.all())

    def _since(self, lists: list[float]) -> list[float]:
        return [1000 * (at - lists[bisect_left(lists, at) - 1]) for at in self.asked.all()]


class _Clocked:
    """Notes the monotonic second of what goes out and comes in."""

    def __init__(self, app: ASGIApp, shop: _Shop) -> None:
        self._app = app
        self._shop = shop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def note_end(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._shop.listed.add(monotonic())

        if scope["path"] == f"{PREFIX}/hostnodes":
            self._shop.begun.add(monotonic())
            await self._app(scope, receive, note_end)
            return
        if scope["method"] == "POST":
            self._shop.asked.add(monotonic())
        await self._app(scope, receive, send)


def purchase(rounds: int) -> list[Figure]:
    """Measure a rule that fires and buys at each poll of the daemon, against the bare loop.

    A daemon buys a few and is followed by another with an empty database: who buys by limits of a
    few instances has a small book. Both contestants take turns.
    """
    floor: list[float] = []
    whole: list[float] = []
    bought: list[float] = []
    while len(bought) < rounds:
        count = min(_FEW, rounds - len(bought))
        waits, loops = _bare(_COLD + count)
        floor += waits[_COLD:]
        whole += loops[_COLD:]
        with tempfile.TemporaryDirectory() as folder:
            bought += _daemon(Path(folder), _COLD + count)[_COLD:]
    what = f"from the list's last byte to the create's first, {_HOSTNODES} hostnodes"
    return [
        Figure(
            what=f"{what}, median of {rounds}",
            unit="ms",
            measured=median(bought),
            floor=median(floor),
            at_most=_AT_MOST,
        ),
        Figure(
            what=f"the same, against the whole bare loop: get, json, get, post; of {rounds}",
            unit="ms",
            measured=median(bought),
            floor=median(whole),
        ),
        Figure(what=f"{what}, worst of {rounds}", unit="ms", measured=max(bought), at_most=_WORST),
    ]


def _endless() -> HostnodeRow:
    """Return the cheapest hostnode, which has room for every purchase."""
    row = hostnode(_CHEAPEST, _GPU, price=0.5, count=1_000, vcpu_count=10_000, ram_gb=10_000)
    room = row.available_resources
    ports = tuple(range(20_000, 21_000))
    return row.with_resources(
        msgspec.structs.replace(room, storage_gb=1_000_000, available_ports=ports)
    )


def _bare(count: int) -> tuple[list[float], list[float]]:
    with _Shop().open() as shop:
        command = [sys.executable, "-c", _BARE_LOOP, shop.base_url, _CHEAPEST, _BODY, str(count)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=60 + count)
        return shop.waits(), shop.loops()


def _daemon(folder: Path, count: int) -> list[float]:
    with _Shop().open() as shop, daemon(folder, _config(shop.base_url, folder)):
        shop.asked.wait_for(count, within=60 + count)
        return shop.waits()[:count]


def _config(base_url: str, folder: Path) -> dict[str, Any]:
    plenty = 1_000_000
    return {
        "marketplaces": [
            {
                "name": "sim",
                "kind": "tensordock",
                "base_url": base_url,
                "token": "made-up",
                "poll_interval": "400ms",
            }
        ],
        "rules": [
            {
                "name": "cheap",
                "match": {"gpu": "h100-*", "max_price_per_gpu_hour": 0.6},
                "grab": {"preset": "box", "max_instances": plenty, "cooldown": "0s"},
            }
        ],
        "presets": [
            {
                "name": "box",
                "image": "ubuntu2404",
                "resources": {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 100},
                "ssh_key_id": "key",
                "port_forwards": [22],
            }
        ],
        "grab": {
            "mode": "live",
            "max_instances": plenty,
            "max_total_per_hour": plenty,
            "max_spend_per_day": plenty,
            "max_spend_per_month": plenty,
            "max_creates_per_hour": plenty,
            "stop_file": str(folder / "STOP"),
        },
    }
