"""How much memory the daemon takes on a large market, and whether that grows."""

import tempfile
from itertools import accumulate, cycle
from pathlib import Path
from statistics import median

from tests.bench import rules
from tests.bench.daemon import Daemon, answering, daemon
from tests.bench.figures import Figure
from tests.bench.market import changed
from tests.bench.scrape import fetch_metrics
from tests.bench.speed import market, market_body
from tests.integration.receivers import http_receiver

_BODIES = 6
_PATIENCE = 60.0
_ROUND = 5
"""Cycles whose memory is taken together."""


def memory(early: int, late: int) -> list[Figure]:
    """Measure the daemon after `late` cycles, each scraped once, against `early` cycles."""
    with tempfile.TemporaryDirectory() as folder:
        resident, highest = _run(Path(folder), late)
    before, after = (median(resident[cycles - _ROUND : cycles]) for cycles in (early, late))
    return [
        Figure(
            what=f"memory of the daemon in {late} such cycles, at its highest",
            unit="MB",
            measured=highest,
            at_most=350,
        ),
        Figure(
            what=f"memory after {late} cycles, against after {early}",
            unit="MB",
            measured=after,
            floor=before,
            at_most=1.1,
        ),
    ]


def _run(folder: Path, cycles: int) -> tuple[list[float], float]:
    """Return what was resident after each cycle, and the most there ever was, in megabytes."""
    resident = []
    with (
        http_receiver() as receiver,
        answering(cycle(_there_and_back())) as marketplace,
        daemon(folder, _config(marketplace.url, receiver.port)) as running,
    ):
        for done in range(1, cycles + 1):
            marketplace.asked.wait_for(done + 1, within=_PATIENCE)  # so the one before is over
            resident.append(_status(running, "VmRSS"))
            fetch_metrics(running.url)
        return resident, _status(running, "VmHWM")


def _there_and_back() -> list[bytes]:
    """Return answers of which each is 1 % other than the one before, the first too."""
    steps = range(1, _BODIES)
    bodies = list(
        accumulate(steps, lambda last, seed: changed(last, seed=seed), initial=market_body())
    )
    return [*bodies, *bodies[-2:0:-1]]


def _config(marketplace: str, receiver: int) -> dict[str, object]:
    return {
        "marketplaces": [
            {
                "name": "tensordock",
                "kind": "tensordock",
                "base_url": marketplace,
                "token": "made-up",
                "poll_interval": "1s",
            }
        ],
        "receivers": [{"name": "chat", "urls": [f"json://127.0.0.1:{receiver}"]}],
        "notifications": {"notify": ["chat"]},
        "rules": rules.documents(market(), 100),
    }


def _status(running: Daemon, key: str) -> float:
    lines = Path(f"/proc/{running.pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith(f"{key}:"))
    return int(kilobytes) / 1024
