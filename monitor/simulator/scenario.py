"""A scenario: what happens to a simulation over time, read from a YAML file and checked whole."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.document import Document, read_document
from monitor.config.names import did_you_mean
from monitor.config.syntax import not_utf8, unreadable
from monitor.config.values import Duration, Text
from monitor.errors import ConfigError, Problem
from monitor.simulator.actions import Action, AddHostnode, SetOffer, SwitchOn, known_fault
from monitor.simulator.simulation import Simulation


class Step(Action):
    """What happens `at` a time after the start, in the order of the keys here."""

    at: Duration
    remove: Text | None = None
    add: AddHostnode | None = None
    offer: SetOffer | None = None
    clear: Annotated[Text, AfterValidator(known_fault)] | None = None
    fault: SwitchOn | None = None

    def apply(self, simulation: Simulation, started_at: datetime) -> None:
        """Do it all."""
        if self.remove is not None:
            simulation.market.remove(self.remove)
        if self.add is not None:
            self.add.apply(simulation)
        if self.offer is not None:
            self.offer.apply(simulation)
        if self.clear is not None:
            simulation.faults.off(self.clear)
        if self.fault is not None:
            self.fault.apply(simulation, started_at + self.at)


class Scenario(Action):
    """All that happens."""

    steps: tuple[Step, ...]


class Script:
    """Lets a scenario happen to a simulation, each step once, when it is due."""

    def __init__(self, simulation: Simulation, scenario: Scenario) -> None:
        self._simulation = simulation
        self._steps = deque(sorted(scenario.steps, key=lambda step: step.at))

    def catch_up(self, elapsed: timedelta, now: datetime) -> None:
        """Do the steps that are due."""
        while self._steps and self._steps[0].at <= elapsed:
            self._steps.popleft().apply(self._simulation, now - elapsed)


def load_scenario(path: Path) -> Scenario:
    """Return the scenario in the YAML file `path`.

    Raises:
        ConfigError: with every mistake in it, in file order, or why it cannot be read.
    """
    document = read_document(str(path), _text(path), {})
    try:
        scenario = Scenario.model_validate(document.root)
    except ValidationError as error:
        document.problems += _problems(document, error)
    else:
        if not document.problems:
            return scenario
    raise ConfigError(tuple(sorted(document.problems, key=lambda problem: problem.line)))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(str(path), f"cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(str(path), content, error) from None


def _problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    for details in error.errors(include_url=False):
        unknown = details["type"] == "extra_forbidden"
        yield document.problem(details["loc"], _sentence(details), at_key=unknown)


def _sentence(details: ErrorDetails) -> str:
    if details["type"] == "extra_forbidden":
        return f"is not a key{did_you_mean(str(details['loc'][-1]), _KEYS)}"
    return str(details.get("ctx", {}).get("error", details["msg"]))


_KEYS = {
    field.alias or name
    for table in (Scenario, Step, SetOffer, AddHostnode, SwitchOn)
    for name, field in table.model_fields.items()
}
