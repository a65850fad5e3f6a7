"""Many firings in a market that refuses most requests and loses the answers to others."""

import pytest

from tests.bench.firings import INSTANCES, run


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_bought_twice_in_excess_or_lost(seed: int) -> None:
    tally = run(firings=100, seed=seed)
    assert tally.well, tally
    assert tally.most == INSTANCES
    assert min(tally.fates.values()) > 0
    assert tally.billed <= tally.reckoned <= tally.billed + tally.fates.total()
