"""Scenarios: what happens when, and what is wrong with a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.simulator.faults import Endpoint
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import hostnode
from monitor.simulator.scenario import Scenario, Script, load_scenario
from monitor.simulator.simulation import Simulation

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
EXAMPLES = sorted((Path(__file__).parents[3] / "config" / "scenarios").glob("*.yaml"))


class _Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class _Stage:
    """A simulation with one hostnode, on which a scenario is played."""

    def __init__(self, scenario: Scenario) -> None:
        self._clock = _Clock()
        self.simulation = Simulation(
            SimulatedMarket([hostnode("hn-1", price=2.2, count=8)]), clock=self._clock
        )
        self.simulation.follow(Script(self.simulation, scenario))

    def at(self, seconds: float) -> dict[str, tuple[float | None, int | None]]:
        """Return price and count by hostnode, so many seconds after the start."""
        self._clock.now = NOON + timedelta(seconds=seconds)
        self.simulation.catch_up()
        rows = self.simulation.market.hostnodes()
        return {row.id: (row.gpus[0].price, row.gpus[0].available) for row in rows}

    def faults(self) -> list[str]:
        struck = self.simulation.faults.strike(Endpoint.HOSTNODES, now=self._clock.now)
        return [switched.fault.name for switched in struck]


def _load(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_played_to_its_end(path: Path) -> None:
    stage = _Stage(load_scenario(path))
    assert stage.at(3600)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_offers_change_when_they_are_due(tmp_path: Path) -> None:
    text = 'steps: [{at: 10s, offer: {gpu: "h100-*", price: 1.5}}, {at: 20s, offer: {count: 0}}]'
    stage = _Stage(_load(tmp_path, text))
    assert [stage.at(seconds)["hn-1"] for seconds in (9, 10, 20)] == [(2.2, 8), (1.5, 8), (1.5, 0)]


def test_hostnodes_come_and_go(tmp_path: Path) -> None:
    text = 'steps: [{at: 1s, remove: "*", add: {id: new, price: 1, count: 2}}]'
    assert _Stage(_load(tmp_path, text)).at(1) == {"new": (1, 2)}


def test_a_fault_lasts_from_when_it_was_due_not_from_when_somebody_looked(tmp_path: Path) -> None:
    stage = _Stage(_load(tmp_path, "steps: [{at: 10s, fault: {name: empty, for: 30s}}]"))
    stage.at(39)
    assert stage.faults() == ["empty"]
    stage.at(40)
    assert stage.faults() == []


def test_a_fault_is_cleared(tmp_path: Path) -> None:
    text = "steps: [{at: 0s, fault: {name: empty}}, {at: 5s, clear: empty}]"
    stage = _Stage(_load(tmp_path, text))
    stage.at(4)
    assert stage.faults() == ["empty"]
    stage.at(5)
    assert stage.faults() == []


def test_steps_happen_in_the_order_of_their_times(tmp_path: Path) -> None:
    text = "steps: [{at: 2s, offer: {count: 2}}, {at: 1s, offer: {count: 1}}]"
    assert _Stage(_load(tmp_path, text)).at(5)["hn-1"] == (2.2, 2)


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    text = """\
steps:
  - at: 10
    offer: {gpu: h100-*, price: -1}
  - at: 5s
    ofer: {count: 1}
  - fault: {name: throtled}
  - at: 1s
    fault: {name: empty, endpoint: create, until: 5s}
  - at: 1s
    fault: {name: empty, probability: 2}
"""
    with pytest.raises(ConfigError) as raised:
        _load(tmp_path, text)
    told = [f"{it.line}:{it.column} {it.where}: {it.what}" for it in raised.value.problems]
    assert "2:9 steps[0].at: a duration needs a unit, such as 10s or 10m" in told
    assert any(line.startswith("3:33 steps[0].offer.price") for line in told)
    assert "5:5 steps[1].ofer: is not a key; did you mean `offer`?" in told
    assert any("steps[2].at" in line for line in told)
    assert any("did you mean 'throttled'?" in line for line in told)
    assert any(line.startswith("8:44 steps[3].fault.until: is not a key") for line in told)
    assert any(line.startswith("10:39 steps[4].fault.probability") for line in told)


def test_a_fault_where_it_cannot_strike_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not strike 'create', only: hostnodes"):
        _load(tmp_path, "steps: [{at: 1s, fault: {name: empty, endpoint: create}}]")


@pytest.mark.parametrize("text", ["", "steps: [", "steps: 5", "- at: 1s"])
def test_what_is_no_scenario_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        _load(tmp_path, text)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_bytes(b"steps:\n  - at: \xff")
    with pytest.raises(ConfigError, match=r"2:9.*not UTF-8"):
        load_scenario(path)
