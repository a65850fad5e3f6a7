"""Killed at each step of a purchase: what was bought is known, and bought once."""

from pathlib import Path

import pytest

from tests.proofs.kills import STEPS, draw, run

SEEDS = 2
"""`make kills` takes twenty."""


@pytest.mark.slow
def test_killed_at_any_step_nothing_is_bought_twice_in_excess_or_lost(tmp_path: Path) -> None:
    results = run(tmp_path, [draw(step, seed) for step in STEPS for seed in range(SEEDS)])
    assert {each.case.name: each.wrong for each in results if each.wrong} == {}
    assert len(results) == SEEDS * len(STEPS)
    assert all(each.instances == each.case.instances for each in results)
