"""All of one simulation: its market, faults and requests, its clock, and what moves it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import RLock
from typing import Protocol

from monitor.clock import utc_now
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.requests import RequestLog
from monitor.simulator.switchboard import Switchboard


class Course(Protocol):
    """Something that happens to a simulation over time."""

    def catch_up(self, elapsed: timedelta, now: datetime) -> None:
        """Do all that is due `elapsed` after the start and has not been done."""


class Simulation:
    """A market under its courses; time moves only when somebody looks.

    `token` is the bearer token to ask for, or `None` for any.
    """

    def __init__(
        self,
        market: SimulatedMarket | None = None,
        *,
        token: str | None = None,
        seed: int = 0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.market = SimulatedMarket() if market is None else market
        self.faults = Switchboard(seed)
        self.requests = RequestLog()
        self.token = token
        self._clock = clock
        self._ahead = timedelta(0)
        self._started_at = clock()
        self._courses: list[Course] = []
        self._lock = RLock()

    def follow(self, course: Course) -> None:
        """Let `course` happen, from the start on."""
        self._courses.append(course)

    def now(self) -> datetime:
        """Return the simulation's time."""
        return self._clock() + self._ahead

    def advance(self, by: timedelta) -> None:
        """Put the simulation's clock forward."""
        self._ahead += by

    def catch_up(self) -> datetime:
        """Let everything happen that is due, and return the time."""
        with self._lock:
            now = self.now()
            for course in self._courses:
                course.catch_up(now - self._started_at, now)
            return now
