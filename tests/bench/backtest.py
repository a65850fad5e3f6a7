"""How fast a backtest is over a four-week recording, against decoding the same file."""

from itertools import product
from pathlib import Path

import msgspec

from monitor.backtest.result import results
from monitor.backtest.run import Backtest, usual_interval
from monitor.marketplaces.recording import polls
from monitor.marketplaces.replay import BadLine, RecordedHostnodes, open_replay
from monitor.marketplaces.tensordock import wire
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


_DECODER = msgspec.json.Decoder(wire.ListAnswer)


def backtest(rounds: int) -> list[Figure]:
    """Measure 20 rules over 957 recorded polls, the file read and the result summed up.

    The floor reads the same file once, and decodes what each poll answered into the wire's structs.
    """
    floor, measured = medians(rounds, lambda: _decode, lambda: _backtest)
    what = f"a backtest of {_decode()} polls with {len(PLAN.rules)} rules"
    return [Figure(what=what, unit="ms", measured=measured, floor=floor, at_most=20)]


def _decode() -> int:
    with open_replay(RECORDED) as lines:
        recorded = (line for line in lines if isinstance(line, RecordedHostnodes))
        return len([_DECODER.decode(line.body) for line in recorded])


def _backtest() -> object:
    with open_replay(RECORDED) as lines:
        interval = usual_interval(line.at for line in lines if not isinstance(line, BadLine))
    run = Backtest(PLAN, "tensordock", interval=interval)
    with open_replay(RECORDED) as lines:
        run.feed(polls(lines, "tensordock"))
    return results(PLAN.rules, run.ledger)
