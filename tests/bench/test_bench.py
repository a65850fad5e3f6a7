"""The bounds on speed, in a few rounds and with slack: CI's machines are noisy."""

import pytest

from tests.bench.__main__ import BENCHES, QUICK

SLACK = 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["decode", "cycle", "rules", "delivery", "scrape", "room", "year"])
def test_keeps_to_twice_its_bound(name: str) -> None:
    for figure in BENCHES[name](QUICK):
        assert figure.within(SLACK), figure
