"""The daemon that buys: stopped halfway, forbidden to, asked, and two of them at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import monotonic
from tests.contract.conftest import Server, postgresql
from tests.integration.daemon import CHEAP_H100, Event, Site, site, until

__all__ = ["postgresql"]  # pytest finds the fixture here
pytestmark = pytest.mark.slow

PRESET = {
    "name": "box",
    "image": "ubuntu2404",
    "resources": {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 100},
    "ssh_key_id": "key",
}
LIVE = {
    "mode": "live",
    "max_instances": 3,
    "max_total_per_hour": 9,
    "max_spend_per_day": 90,
    "max_spend_per_month": 900,
    "max_creates_per_hour": 9,
}


def configure(place: Site, mode: str = "live", **grab: Any) -> None:
    """Let the rule buy one box, ever, with a folder of its own for the stop file."""
    wish = {"preset": "box", "cooldown": "0s", "time_to_live": "1h", **grab}
    rule = {**CHEAP_H100, "per": "rule", "grab": wish}
    stop = str(place.folder / "STOP")
    place.write(rules=[rule], presets=[PRESET], grab={**LIVE, "mode": mode, "stop_file": stop})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        configure(made)
        yield made


def grabs(place: Site) -> list[Event]:
    """Return what `grabs list --json` says, oldest first, without refusals."""
    listed: list[Event] = json.loads(place.ask("grabs", "list", "--json"))
    return [each for each in reversed(listed) if each["status"] != "refused"]


def creates(place: Site) -> list[str]:
    """Return the name in each request to create that arrived."""
    posts = [each for each in place.market.requests.last(1_000) if each.method == "POST"]
    return [json.loads(each.body)["data"]["attributes"]["name"] for each in posts]


def is_bought(place: Site) -> bool:
    return any(each["status"] in {"created", "running"} for each in grabs(place))


def is_sound(place: Site) -> None:
    """Assert that there is one instance, in one row, and that no name was sent twice."""
    (instance,) = place.market.market.all_instances()
    (grab,) = [each for each in grabs(place) if each["instance_id"]]
    assert (grab["instance_id"], grab["instance_name"]) == (instance.id, instance.name)
    sent = creates(place)
    assert len(sent) == len(set(sent))


def test_asked_to_stop_while_it_waits_for_the_answer_it_ends_in_time_and_loses_nothing(
    place: Site,
) -> None:
    """Until then a create that hangs delays no poll."""
    place.market.faults.on("acts-hangs", endpoint="create", times=1)
    with place.daemon() as daemon:
        until(place.market.market.living)
        daemon.wait_for("polled", len(daemon.events("polled")) + 3, outcome="ok")
        assert grabs(place)[0]["status"] == "submitted"
        assert daemon.stop(12) == 0
    with place.daemon():
        until(lambda: is_bought(place))
    is_sound(place)


def test_asked_to_stop_during_a_poll_it_buys_nothing(place: Site) -> None:
    place.market.faults.on("late", endpoint="hostnodes", seconds=2)
    with place.daemon() as daemon:
        until(lambda: place.market.requests.total)
        daemon.wait_for("serving")
        assert daemon.stop(12) == 0
        assert daemon.events("polled", outcome="ok")
    assert creates(place) == []
    assert grabs(place) == []


def test_nothing_is_bought_while_a_file_a_command_or_the_mode_forbids_it(place: Site) -> None:
    """Each of them is lifted in turn, while the daemon runs."""
    configure(place, mode="dry_run")
    stop = place.folder / "STOP"
    stop.touch()
    with place.daemon() as daemon:
        daemon.wait_for("grab changed", status="refused")
        place.ask("grabs", "pause")
        stop.unlink()
        daemon.wait_for("grab changed", 2, status="refused")
        place.ask("grabs", "resume")
        daemon.wait_for("grab changed", status="dry_run")
        refusals = daemon.events("grab changed", status="refused")
        told = [each["reason"].partition(":")[0] for each in refusals[:2]]
        assert told == ["stop_file", "paused"]
        assert creates(place) == []
        configure(place)
        daemon.hang_up()
        until(lambda: is_bought(place))
    is_sound(place)


def test_what_a_person_approves_by_a_command_is_bought_at_once(place: Site) -> None:
    configure(place, mode="approve")
    with place.daemon() as daemon:
        daemon.wait_for("grab changed", status="awaiting_approval")
        until(lambda: [title for title in place.titles() if title.startswith("to approve: ")])
        assert creates(place) == []
        asked = monotonic()
        place.ask("grabs", "approve", "1")
        daemon.wait_for("grab changed", status="created")
        assert monotonic() - asked < 5
        until(lambda: is_bought(place))
    is_sound(place)


def test_two_daemons_on_one_postgresql_buy_one_instance(tmp_path: Path, postgresql: Server) -> None:
    with site(tmp_path, postgresql.create()) as place:
        configure(place)
        place.write(marketplaces=[place.marketplace(timeout="1s")])
        with place.daemon() as one, place.daemon() as other:
            for daemon in (one, other):
                daemon.wait_for("serving")  # only then is SIGTERM an orderly end
            until(lambda: is_bought(place))
            for daemon in (one, other):
                assert daemon.stop() == 0
        is_sound(place)
        assert len(creates(place)) == 1
        assert place.claimed() == []
