"""SIGTERM: the daemon ends within ten seconds, well, and leaves nothing claimed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemon import WAIT_FOR, Site, site, until
from tests.integration.receivers import HANG

pytestmark = pytest.mark.slow
WITHIN = 10.0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def test_an_idle_daemon_ends_at_once(place: Site) -> None:
    place.write(marketplaces=[place.marketplace(poll_interval="1h")])
    with place.daemon() as daemon:
        daemon.wait_for("notification sent")
        until(lambda: place.claimed() == ["poll:sim"])  # or the last line would prove nothing
        assert daemon.stop(3) == 0
        assert daemon.events("stopped", abandoned=[])
    assert place.claimed() == []


def test_a_poll_in_flight_is_finished_and_recorded(place: Site) -> None:
    place.market.faults.on("late", seconds=2)
    with place.daemon() as daemon:
        until(lambda: place.market.requests.total)
        daemon.wait_for("serving")
        assert daemon.stop(WITHIN) == 0
        assert daemon.events("polled", outcome="ok")
        assert daemon.events("stopped", abandoned=[])
    assert place.claimed() == []


def test_a_poll_that_hangs_does_not_hold_up_the_end(place: Site) -> None:
    place.market.faults.on("hang")
    with place.daemon() as daemon:
        until(lambda: place.market.requests.total)
        daemon.wait_for("serving")
        until(lambda: place.claimed() == ["poll:sim"])
        assert daemon.stop(WITHIN) == 0
        assert daemon.events("stopped", abandoned=["poll:sim"])
    assert place.claimed() == []


def test_a_delivery_in_flight_is_settled(place: Site) -> None:
    """The receiver read the message and never answers: it is written down that nobody knows."""
    place.receiver.answers(HANG)
    with place.daemon() as daemon:
        place.receiver.wait_for(1, WAIT_FOR)
        daemon.wait_for("serving")
        until(lambda: len(place.claimed()) == 2)
        assert daemon.stop(WITHIN) == 0
    assert place.claimed() == []
    (notification,) = place.notifications()
    assert notification["status"] == "unknown"
