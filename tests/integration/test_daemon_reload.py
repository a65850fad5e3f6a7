"""SIGHUP: the configuration is swapped as a whole, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemon import CHEAP_H100, WAIT_FOR, Daemon, Site, site, until

pytestmark = pytest.mark.slow
ANY_L40 = {"name": "any-l40", "match": {"gpu": "l40*"}}
RELOADED = "gpu_monitor_config_last_reload_successful"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


@pytest.fixture
def daemon(place: Site) -> Iterator[Daemon]:
    with place.daemon() as running:
        running.wait_for("serving")
        place.receiver.wait_for(1, WAIT_FOR)
        yield running


def refuse(daemon: Daemon) -> None:
    """Ask for a reload that is refused, and let some polls go by."""
    daemon.hang_up()
    until(lambda: daemon.metric(RELOADED) == 0)
    daemon.wait_for("polled", len(daemon.events("polled")) + 2, outcome="ok")


def test_a_good_configuration_is_in_force_at_once(place: Site, daemon: Daemon) -> None:
    """A new rule fires, the old one is not told again, another receiver is told."""
    place.write(rules=[CHEAP_H100, ANY_L40])
    daemon.hang_up()
    daemon.wait_for("configuration reloaded", rules=2)
    place.receiver.wait_for(2, WAIT_FOR)
    assert place.titles()[1].startswith("any-l40: ")
    assert daemon.metric(RELOADED) == 1
    daemon.wait_for("polled", len(daemon.events("polled")) + 2, outcome="ok")
    assert len(place.titles()) == 2


def test_a_bad_configuration_changes_nothing_and_is_told_whole(place: Site, daemon: Daemon) -> None:
    """Each mistake is a line in the log; a good configuration is taken again later."""
    bad = {"name": "bad", "match": {"gpus": "*"}, "for": "soon"}
    place.write(rules=[CHEAP_H100, ANY_L40, bad])
    refuse(daemon)
    problems = [str(line["problem"]) for line in daemon.events("configuration not reloaded")]
    assert len(problems) == 2
    assert any("rules[2].match" in problem and "gpus" in problem for problem in problems)
    assert any("rules[2].for" in problem for problem in problems)
    assert len(place.titles()) == 1
    place.write(rules=[CHEAP_H100, ANY_L40])
    daemon.hang_up()
    place.receiver.wait_for(2, WAIT_FOR)
    until(lambda: daemon.metric(RELOADED) == 1)


@pytest.mark.parametrize("table", ["database", "server"])
def test_what_needs_a_restart_refuses_the_whole(place: Site, daemon: Daemon, table: str) -> None:
    other = {
        "database": {"url": f"sqlite:///{place.folder / 'other.db'}"},
        "server": {"listen": "127.0.0.2:0"},
    }
    key = {"database": "database.url", "server": "server.listen"}[table]
    place.write(rules=[CHEAP_H100, ANY_L40], **{table: other[table]})
    refuse(daemon)
    (line,) = daemon.events("configuration not reloaded")
    assert line["problem"] == f"restart to change {key}"
    assert len(place.titles()) == 1
    assert not (place.folder / "other.db").exists()
