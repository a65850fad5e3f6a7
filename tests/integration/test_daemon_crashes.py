"""kill -9 at each step from poll to delivery: what was to be told is told, and it is known how."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemon import CHEAP_H100, WAIT_FOR, Event, Site, site

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def crash(place: Site, step: str) -> None:
    """Run a daemon that dies at `step`."""
    with place.running("tests.integration.drivers", step, str(place.file)) as daemon:
        assert daemon.wait() == -9, daemon.output()


def recover(place: Site) -> Event:
    """Run an undisturbed daemon through some polls; return the only notification there is."""
    with place.daemon() as daemon:
        daemon.wait_for("notification sent")
        after = len(daemon.events("polled"))
        daemon.wait_for("polled", after + 2, outcome="ok")  # none of which tells anything again
        assert daemon.stop() == 0
    (notification,) = place.notifications()
    assert notification["status"] == "sent"
    return notification


def attempts(notification: Event) -> tuple[int, int]:
    """Return how many attempts there were, and of how many nobody knows how they ended."""
    return notification["attempts"], notification["unknown_attempts"]


def test_before_the_commit_nothing_has_happened(place: Site) -> None:
    """The alert fires in the first poll after the restart, and is told once."""
    crash(place, "before-commit")
    assert place.notifications() == []
    assert place.ask("alerts", "--json") == "[]\n"
    assert attempts(recover(place)) == (1, 0)
    assert len(place.titles()) == 1


def test_after_the_commit_the_notification_is_in_the_queue(place: Site) -> None:
    crash(place, "before-claiming")
    (queued,) = place.notifications()
    assert queued["status"] == "queued"
    assert attempts(recover(place)) == (1, 0)
    assert len(place.titles()) == 1


def test_a_notification_claimed_and_not_sent_is_sent_when_the_claim_ends(place: Site) -> None:
    crash(place, "before-sending")
    (claimed,) = place.notifications()
    assert claimed["status"] == "sending"
    place.let_claims_end()
    assert attempts(recover(place)) == (2, 1)
    assert len(place.titles()) == 1


def test_a_notification_sent_and_not_settled_is_sent_again_and_that_is_recorded(
    place: Site,
) -> None:
    crash(place, "before-settling")
    assert len(place.titles()) == 1
    place.let_claims_end()
    assert attempts(recover(place)) == (2, 1)
    first, second = place.titles()
    assert first == second


def test_an_alert_survives_and_is_not_told_twice(place: Site) -> None:
    """What fired before a kill -9 still fires after it, and its end is told."""
    place.write(rules=[{**CHEAP_H100, "keep_firing_for": "0s"}])
    with place.daemon() as daemon:
        daemon.wait_for("notification sent")
        daemon.kill()
    with place.daemon() as daemon:
        daemon.wait_for("polled", 2, outcome="ok")
        assert daemon.events("alert changed") == []
        place.market.market.set_offer("h100-*", price=2.49)
        place.receiver.wait_for(2, WAIT_FOR)
        assert daemon.stop() == 0
    first, end = place.titles()
    assert end.startswith("resolved: ")
    assert not first.startswith("resolved: ")
