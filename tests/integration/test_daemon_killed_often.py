"""A daemon killed and started again and again goes through what an undisturbed one goes through.

The market is cheap and dear in turn; each price stays until both rules have followed it. Killed are
the daemons at their first poll of each price, and once both have followed. What can be compared is
each alert's course (which states, in which order, and why) and what was told of it; not the
instants, for clocks stand still while the program is down.

KILLS=20 kills twenty times; fewer are enough to keep the tests short.
"""

import os
from pathlib import Path

import pytest

from monitor.store import alerts
from tests.contract.cycles import LONG_AGO
from tests.integration.daemon import Daemon, Site, site, until

KILLS = int(os.environ.get("KILLS", "4"))
QUICK = {"name": "quick", "match": {"gpu": "h100-*", "max_price_per_gpu_hour": 2}}
PATIENT = {**QUICK, "name": "patient", "for": "500ms", "keep_firing_for": "500ms"}
Course = dict[str, list[tuple[str, str, str]]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60 + 20 * KILLS)]


def set_up(place: Site) -> None:
    place.write(
        marketplaces=[place.marketplace(poll_interval="250ms")],
        rules=[QUICK, PATIENT],
        notifications={"notify": ["hook"], "group_interval": "1ms"},
    )


def set_price(place: Site, number: int) -> str:
    """Make the H100s cheap and dear in turn; return the state the alerts are to reach."""
    cheap = number % 2 == 0
    place.market.market.set_offer("h100-*", price=1.5 if cheap else 5.0, count=4)
    return "firing" if cheap else "resolved"


def follow(daemon: Daemon, state: str, times: int) -> None:
    """Wait until both rules have followed the price `times` times in this life."""
    for rule in (QUICK, PATIENT):
        daemon.wait_for("alert changed", times, rule=rule["name"], after=state)


def course(place: Site) -> Course:
    found: Course = {}
    with place.opened() as database, database.read() as connection:
        for each in alerts.history(connection, since=LONG_AGO):
            change = (each.before.value, each.after.value, each.reason.value)
            found.setdefault(each.rule, []).append(change)
    return found


def undisturbed(place: Site, prices: int) -> None:
    with place.daemon() as daemon:
        for number in range(prices):
            follow(daemon, set_price(place, number), 1 + number // 2)
        assert daemon.stop() == 0


def killed(place: Site, prices: int) -> None:
    for number in range(prices):
        state = set_price(place, number)
        with place.daemon() as daemon:
            daemon.wait_for("polled", outcome="ok")
            daemon.kill()
        with place.daemon() as daemon:
            until_followed(place, state)
            daemon.kill()
    place.let_claims_end()
    with place.daemon() as daemon:
        daemon.wait_for("polled", 2, outcome="ok")
        assert daemon.stop() == 0


def until_followed(place: Site, state: str) -> None:
    def have_followed() -> bool:
        last = {rule: changes[-1][1] for rule, changes in course(place).items()}
        return [last.get("quick"), last.get("patient")] == [state, state]

    until(have_followed)


def test_kills_change_no_transition_and_lose_no_notification(tmp_path: Path) -> None:
    prices = KILLS // 2
    courses, reasons = [], []
    for live in (undisturbed, killed):
        folder = tmp_path / live.__name__
        folder.mkdir()
        with site(folder) as place:
            set_up(place)
            live(place, prices)
            courses.append(course(place))
            found = place.notifications()
            reasons.append(sorted((each["rule"], each["reason"]) for each in found))
            assert {each["status"] for each in found} == {"sent"}
            arrived = len(place.receiver.received())
            assert len(found) <= arrived <= len(found) + sum(e["unknown_attempts"] for e in found)
    assert courses[0] == courses[1]
    assert len(courses[0]["quick"]) == prices
    assert reasons[0] == reasons[1]
