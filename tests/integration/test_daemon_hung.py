"""A job that hangs: it is logged, shown and told, once, and all other jobs go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemon import WAIT_FOR, Site, site, until

pytestmark = pytest.mark.slow
OVERDUE = 'gpu_monitor_job_overdue{name="poll:sim"}'


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def test_a_poll_that_hangs_is_told_to_the_operators(place: Site) -> None:
    place.write(rules=[])
    place.market.faults.on("late", seconds=5, times=1)
    with place.running("tests.integration.drivers", "short-deadlines", str(place.file)) as daemon:
        daemon.wait_for("job hangs", job="poll:sim")
        until(lambda: daemon.metric(OVERDUE) == 1)
        told = place.receiver.wait_for(1, WAIT_FOR)[0].json()
        assert told["title"] == "gpu-monitor: the job poll:sim hangs"
        assert daemon.events("polled") == []
        daemon.wait_for("polled", 2, outcome="ok")  # it came to its end after all
        assert daemon.metric(OVERDUE) == 0
        assert daemon.stop() == 0
    (notification,) = place.notifications()
    assert (notification["reason"], notification["status"]) == ("system", "sent")
