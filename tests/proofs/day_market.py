"""What happens on the market of `make day`, the same for the same seed.

A made-up market drifts as the recorded one did. Beside it three hostnodes become cheap and dear as
a scenario says, and nothing lasts too short there to be seen by a program that is down for some
seconds and whose rules wait: what is told of these must be the same however often it is killed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from monitor.simulator.drift import Drift
from monitor.simulator.rows import HostnodeRow, hostnode
from monitor.simulator.scenario import Scenario, Script
from monitor.simulator.simulation import Course, Simulation

STEADY = ("steady-1", "steady-2", "steady-3")
"""The hostnodes of the scenario, each with a model of its own name; the last one is cheap long."""
CHEAP, DEAR = 1.5, 5.0
SHORTEST, LONGEST = 60, 90
"""Minutes that a price of the first two lasts."""
LONG = ((60, CHEAP), (720, DEAR), (780, CHEAP))
"""From which minute on the last one has which price: twice long enough for two repeats."""
QUIET_AT_THE_END = 40
"""Minutes at the end in which nothing of the scenario happens: all has followed by then."""
FAILING = 5
"""Minutes for which polls fail, now and then."""

_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a day is lived: so many times as fast, for so many minutes of the market."""

    speed: int
    minutes: int

    @property
    def minute(self) -> timedelta:
        """Return how long a minute of the market takes."""
        return timedelta(minutes=1) / self.speed

    def takes(self, minutes: float) -> str:
        """Return how long so many minutes take, as a configuration writes it."""
        return f"{round(minutes * 60_000 / self.speed)}ms"


class Weather:
    """Lets all but the hostnodes of the scenario drift, a step a minute."""

    def __init__(self, simulation: Simulation, pace: Pace) -> None:
        self._market = simulation.market
        self._pace = pace
        self._drift = Drift(simulation.market, step=pace.minute, seed=_SEED)
        self._steps = 0

    def catch_up(self, elapsed: timedelta, now: datetime) -> None:
        """Make the moves that are due."""
        del now
        while self._steps < elapsed // self._pace.minute:
            self._steps += 1
            self._market.evolve(self._step)

    def _step(self, rows: list[HostnodeRow]) -> list[HostnodeRow]:
        steady = [row for row in rows if row.id in STEADY]
        return [*self._drift.step([row for row in rows if row.id not in STEADY]), *steady]


class FromNowOn:
    """Lets something happen from the first look on, not from the simulation's beginning."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._began: timedelta | None = None

    def catch_up(self, elapsed: timedelta, now: datetime) -> None:
        """Do all that is due since the first look."""
        self._began = elapsed if self._began is None else self._began
        self._course.catch_up(elapsed - self._began, now)


def stock(simulation: Simulation) -> None:
    """Add the hostnodes of the scenario, which are dear at first."""
    for name in STEADY:
        simulation.market.add(hostnode(name, f"{name}-pcie-80gb", price=DEAR))


def set_going(simulation: Simulation, pace: Pace, seed: int) -> None:
    """Let a day begin."""
    simulation.follow(FromNowOn(Weather(simulation, pace)))
    simulation.follow(FromNowOn(Script(simulation, scenario(pace, seed))))
    simulation.catch_up()


def scenario(pace: Pace, seed: int) -> Scenario:
    """Return what happens to the hostnodes of the scenario, and when polls fail."""
    dice = Random(seed)  # noqa: S311 - dice are no secret
    last = pace.minutes - QUIET_AT_THE_END
    prices = [
        *((at, name, price) for name in STEADY[:2] for at, price in _changing(dice, last)),
        *((at, STEADY[2], price) for at, price in LONG if at < last),
    ]
    failures = range(dice.randint(30, 90), last, 240)
    steps = [
        *(
            {"at": pace.takes(at), "offer": {"hostnode": name, "price": price}}
            for at, name, price in prices
        ),
        *({"at": pace.takes(at), "fault": _failure(pace)} for at in failures),
    ]
    return Scenario.model_validate({"steps": steps})


def _step(pace: Pace, at: float, **what: Any) -> dict[str, Any]:
    return {"at": pace.takes(at), **what}


def _changing(dice: Random, last: int) -> Iterator[tuple[float, float]]:
    at, number = dice.uniform(5, 20), 0
    while at < last:
        yield at, DEAR if number % 2 else CHEAP
        at, number = at + dice.uniform(SHORTEST, LONGEST), number + 1


def _failure(pace: Pace) -> dict[str, str]:
    return {"name": "error-500", "endpoint": "hostnodes", "for": pace.takes(FAILING)}
