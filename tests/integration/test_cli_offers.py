"""`offers` of a recorded market: where, how large, at what total, and how it went."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.common import ago
from tests.integration.commands import RECORDED, Commands, Ran, configure


class Ask:
    """Runs `offers` on a monitor that knows the recorded market."""

    def __init__(self, commands: Commands, config: Path) -> None:
        self._commands = commands
        self._config = config

    def __call__(self, *arguments: str) -> Ran:
        return self._commands("offers", "-c", self._config, *arguments)

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("--json", *arguments).json()
        return found


@pytest.fixture
def ask(gpu_monitor: Commands, tmp_path: Path) -> Ask:
    config = configure(tmp_path, "http://127.0.0.1:1/", "json://127.0.0.1:9/")
    gpu_monitor("import", "-c", config, RECORDED)
    return Ask(gpu_monitor, config)


def test_only_where_it_is_asked_for(ask: Ask) -> None:
    found = ask.json("--country", "united s*", "--min-tier", "1", "--max-tier", "2")
    assert {each["country"] for each in found} == {"United States"}
    assert {each["tier"] for each in found} == {1, 2}


def test_a_shape_is_shown_at_its_total_and_only_where_it_fits(ask: Ask) -> None:
    found = ask.json("--gpu", "*4090*", "--vcpu", "8", "--ram", "32", "--storage", "100")
    assert found[0]["total_per_hour"] == pytest.approx(0.403)
    assert [each["total_per_hour"] for each in found] == sorted(
        each["total_per_hour"] for each in found
    )
    ran = ask("--gpu", "*4090*", "--gpus", "4")
    assert len(ran.out.splitlines()) - 1 == len(
        [each for each in ask.json("--gpu", "*4090*") if each["available"] >= 4]
    )
    assert "offers left out: too little free for the whole shape" in ran.err


def test_the_dearest_tier_first_and_then_the_cheapest(ask: Ask) -> None:
    found = ask.json("--sort", "tier")
    order = [(-each["tier"], each["price_per_gpu_hour"]) for each in found]
    assert order == sorted(order)


def test_the_day_before_is_drawn_where_it_is_known(ask: Ask) -> None:
    """Of 24 hours before the last look, the first sixteen were not polled."""
    header, first, *_ = ask("--gpu", "*4090*").out.splitlines()
    assert "last day" in header
    assert "········▄" in first


def test_another_marketplace_that_was_imported(ask: Ask) -> None:
    assert ask("--marketplace", "other").status == 1
    assert len(ask.json("--marketplace", "tensordock")) == len(ask.json())


def test_what_was_never_polled_is_told_with_what_may_be_meant(ask: Ask) -> None:
    """A slip must not look like a fact; that nothing is there is no failure all the same."""
    ran = ask("--country", "Untied States")
    assert (ran.status, ran.out) == (0, "")
    told = "no country that was ever polled fits 'Untied States'; did you mean `United States`?"
    assert told in ran.err
    assert "no hostnode that was ever polled fits 'nope'" in ask("--hostnode", "nope").err
    assert "ever polled" not in ask("--country", "united*").err


def test_tiers_of_which_none_is_both_are_a_wrong_command(ask: Ask) -> None:
    ran = ask("--min-tier", "5", "--max-tier", "1")
    assert ran.status == 2
    assert "is below --min-tier 5" in ran.err


def test_a_marketplace_that_is_not_known_is_told(ask: Ask) -> None:
    ran = ask("--marketplace", "tensordok")
    assert ran.status == 1
    assert "of a marketplace 'tensordok'; did you mean `tensordock`?" in ran.err


def test_a_poll_that_was_made_while_the_clock_was_ahead_is_yet_to_come() -> None:
    now = datetime(2026, 3, 21, 12, tzinfo=UTC)
    assert ago(now + timedelta(hours=1), now) == "yet to come"
    assert ago(now - timedelta(minutes=3), now) == "3 min ago"
