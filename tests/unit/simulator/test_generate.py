"""Made-up markets: repeatable, and like the recorded one."""

from statistics import fmean

from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket


def test_the_same_seed_makes_the_same_bytes() -> None:
    bodies = [SimulatedMarket(generate(hostnodes=50, seed=7)).list_body() for _ in range(2)]
    assert bodies[0] == bodies[1]


def test_another_seed_makes_another_market() -> None:
    assert generate(hostnodes=5, seed=1) != generate(hostnodes=5, seed=2)


def test_a_market_is_like_the_recorded_one() -> None:
    """Of the size of the recording: 36-40 offers, 139-149 GPUs, no id twice, everything told."""
    rows = generate(hostnodes=1000, seed=0)
    gpus = [gpu for row in rows for gpu in row.gpus]
    assert len({row.id for row in rows}) == 1000
    assert 1.1 < len(gpus) / len(rows) < 1.4
    assert 3.5 < fmean(gpu.available or 0 for gpu in gpus) < 5.5
    assert all(0.05 < (gpu.price or 0) < 3 for gpu in gpus)
    assert all((row.available_resources.vcpu_count or 0) % 2 == 0 for row in rows)
    assert all(90 <= (row.uptime_percentage or 0) <= 100 for row in rows)
    assert all((row.available_resources.available_ports or (0,))[0] >= 20000 for row in rows)
