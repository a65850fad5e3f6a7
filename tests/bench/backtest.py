"""How fast a backtest is over a four-week recording, against msgspec's decoding of the file."""

import gzip
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from monitor.backtest.result import results
from monitor.backtest.run import Backtest, usual_interval
from monitor.marketplaces.recording import polls
from monitor.marketplaces.replay import BadLine, open_replay
from tests.bench import rules
from tests.bench.figures import Figure, medians

RECORDED = Path(__file__).parents[1] / "fixtures" / "replay" / "h100-pcie-2025-10.jsonl.gz"
PLAN = rules.plan(
    [
        {
            "name": f"h100-{cap}-{per}-{hold}",
            "match": {"gpu": "h100-*", "max_price_per_gpu_hour": cap},
            "per": per,
            "for": hold,
            "keep_firing_for": "1h",
        }
        for cap, per, hold in product(
            (1.89, 1.9, 2.35, 2.39, 2.49), ("gpu", "hostnode"), ("0s", "30m")
        )
    ]
)


class _Gpu(msgspec.Struct):
    v0Name: str  # noqa: N815  the API's own name
    availableCount: int  # noqa: N815  likewise
    price_per_hr: float


class _Resources(msgspec.Struct):
    gpus: list[_Gpu]


class _Hostnode(msgspec.Struct):
    id: str
    available_resources: _Resources
    location: dict[str, Any]
    pricing: dict[str, Any] | None


class _Line(msgspec.Struct):
    at: str
    hostnodes: list[_Hostnode]


_DECODER = msgspec.json.Decoder(_Line)


def backtest(rounds: int) -> list[Figure]:
    """Measure 20 rules over 957 recorded polls, the file read and the result summed up."""
    floor, measured = medians(rounds, lambda: _decode, lambda: _backtest)
    what = f"a backtest of {_decode()} polls with {len(PLAN.rules)} rules"
    return [Figure(what=what, unit="ms", measured=measured, floor=floor, at_most=20)]


def _decode() -> int:
    with gzip.open(RECORDED) as lines:
        return len([_DECODER.decode(line) for line in lines])


def _backtest() -> object:
    with open_replay(RECORDED) as lines:
        interval = usual_interval(line.at for line in lines if not isinstance(line, BadLine))
    run = Backtest(PLAN, "tensordock", interval=interval)
    with open_replay(RECORDED) as lines:
        run.feed(polls(lines, "tensordock"))
    return results(PLAN.rules, run.ledger)
