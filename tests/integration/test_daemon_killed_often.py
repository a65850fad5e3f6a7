"""A daemon killed and started again and again does what an undisturbed one does."""

from pathlib import Path

import pytest
from rich.progress import Progress

from tests.proofs.day import Day, live
from tests.proofs.day_market import Pace

THREE_HOURS = Pace(speed=240, minutes=180)
"""`make day` takes a day at a quarter of the speed, and kills twenty times."""


@pytest.mark.slow
def test_kills_change_no_transition_and_lose_no_notification(tmp_path: Path) -> None:
    day = Day(pace=THREE_HOURS, kills=3, seed=1, hurried=True)
    found = live(tmp_path, day, Progress(disable=True))
    assert found.wrong == []
    assert found.courses.same > 0
    assert len(found.lives[1].deaths) == day.kills
