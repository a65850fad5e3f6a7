"""How a made-up market moves by itself."""

from datetime import UTC, datetime, timedelta

from monitor.simulator.drift import Drift
from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import GpuRow

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
STEP = timedelta(seconds=60)


def _moved(hostnodes: int, steps: int, *, at_once: bool = True) -> SimulatedMarket:
    market = SimulatedMarket(generate(hostnodes=hostnodes, seed=3))
    drift = Drift(market, step=STEP, seed=3)
    for step in [steps] if at_once else range(steps + 1):
        drift.catch_up(STEP * step, NOON)
    return market


def _offers(market: SimulatedMarket) -> dict[tuple[str, str], GpuRow]:
    return {(row.id, gpu.gpu): gpu for row in market.hostnodes() for gpu in row.gpus}


def test_the_same_seed_makes_the_same_moves_however_often_one_looks() -> None:
    assert _moved(200, 30).list_body() == _moved(200, 30, at_once=False).list_body()


def test_nothing_moves_before_the_first_step() -> None:
    assert (
        _moved(200, 0).list_body() == SimulatedMarket(generate(hostnodes=200, seed=3)).list_body()
    )


def test_it_moves_as_the_recorded_market_did() -> None:
    """Recorded per 40 offers: 2 counts in 10 minutes; in 40 hours 4 prices, by at most 1.4 %."""
    before, after = _offers(_moved(3000, 0)), _offers(_moved(3000, 10))
    both = [(before[key], after[key]) for key in before.keys() & after.keys()]
    counts = sum(old.available != new.available for old, new in both)
    prices = [
        abs((new.price or 0) / (old.price or 1) - 1) for old, new in both if old.price != new.price
    ]
    assert 0.7 < counts / (len(before) * 2 / 40) < 1.3
    assert 0 < len(prices) < 10
    assert max(prices) < 0.0145
    assert 0 < len(before.keys() - after.keys()) < 20


def test_what_left_comes_back() -> None:
    """After a day the market is about as large as it was: it does not run dry."""
    assert len(_offers(_moved(50, 24 * 60))) > 0.9 * len(_offers(_moved(50, 0)))
