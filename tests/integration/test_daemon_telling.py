"""Quiet hours, escalation and the digest of a running daemon, as who is told sees them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import utc_now
from tests.integration.daemon import CHEAP_H100, Site, site, until

pytestmark = pytest.mark.slow

URGENT = {**CHEAP_H100, "name": "urgent-h100", "severity": "critical"}
HOUR = timedelta(hours=1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def configure(place: Site, *rules: dict[str, Any], **notifications: Any) -> None:
    """Let the receiver `hook` be told, and `boss` where it is named; each has its own path."""
    url = f"json://127.0.0.1:{place.receiver.port}"
    place.write(
        receivers=[{"name": name, "urls": [f"{url}/{name}"]} for name in ("hook", "boss")],
        rules=list(rules),
        notifications={"notify": ["hook"], "group_interval": "100ms", **notifications},
    )


def told(place: Site, receiver: str) -> list[str]:
    """Return the titles that a receiver was sent, in order of arrival."""
    requests = place.receiver.received()
    return [str(each.json()["title"]) for each in requests if each.path == f"/{receiver}"]


def clock(at: datetime) -> str:
    return f"{at:%H:%M}"


def quiet(since: datetime, until_: datetime) -> dict[str, Any]:
    hours = {"from": clock(since), "to": clock(until_), "tz": "UTC"}
    return {"quiet_hours": {**hours, "urgent": ["critical"]}}


def test_in_quiet_hours_only_what_is_urgent_is_told_and_the_rest_when_they_are_over(
    place: Site,
) -> None:
    now = utc_now()
    configure(place, CHEAP_H100, URGENT, **quiet(now - HOUR, now + HOUR))
    with place.daemon() as daemon:
        until(lambda: told(place, "hook"))
        daemon.wait_for("polled", len(daemon.events("polled")) + 3, outcome="ok")
        (title,) = told(place, "hook")
        assert title.startswith("urgent-h100: ")
        configure(place, CHEAP_H100, URGENT, **quiet(now - 2 * HOUR, now - HOUR))
        daemon.hang_up()
        until(lambda: len(told(place, "hook")) > 1)
        _, held = told(place, "hook")
        assert held.startswith("after quiet hours: ")
        assert daemon.stop() == 0


def test_what_nobody_acknowledges_is_told_to_the_second_receiver_once_and_its_end_too(
    place: Site,
) -> None:
    configure(place, CHEAP_H100, escalate={"after": "1s", "notify": ["boss"]})
    with place.daemon() as daemon:
        until(lambda: told(place, "boss"))
        first = daemon.events("notification sent")[0]
        assert first["receiver"] == "hook"
        daemon.wait_for("polled", len(daemon.events("polled")) + 4, outcome="ok")
        (title,) = told(place, "boss")
        assert title.startswith("unanswered: ")
        place.market.market.set_offer("h100-*", price=5.0)
        until(lambda: len(told(place, "boss")) > 1)
        assert told(place, "boss")[1].startswith("resolved: ")
        assert daemon.stop() == 0


def test_what_is_acknowledged_is_not_escalated(place: Site) -> None:
    configure(place, CHEAP_H100, escalate={"after": "3s", "notify": ["boss"]})
    with place.daemon() as daemon:
        until(lambda: told(place, "hook"))
        place.ask("alerts", "ack", str(CHEAP_H100["name"]), "--comment", "on it")
        acknowledged_at = utc_now()
        until(lambda: utc_now() > acknowledged_at + timedelta(seconds=4))
        daemon.wait_for("polled", len(daemon.events("polled")) + 2, outcome="ok")
        assert told(place, "boss") == []


def test_the_digest_of_the_day_comes_once_though_the_daemon_is_killed(place: Site) -> None:
    configure(place, CHEAP_H100)
    with place.daemon() as daemon:
        until(lambda: told(place, "hook"))
        daemon.kill()
    digest = {"at": clock(utc_now()), "tz": "UTC", "notify": ["boss"]}
    configure(place, CHEAP_H100, digest=digest)
    with place.daemon() as daemon:
        until(lambda: told(place, "boss"))
        daemon.kill()
    (title,) = told(place, "boss")
    assert title.startswith("digest: ")
    with place.daemon() as daemon:
        daemon.wait_for("polled", 4, outcome="ok")
        assert daemon.stop() == 0
    days = [each for each in place.notifications() if each["reason"] == "digest"]
    assert len(days) == 1
