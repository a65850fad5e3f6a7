"""`make day`: a day at sixty times its speed, killed twenty times.

Two daemons live through the same day of the same simulated market, one of them killed with SIGKILL
and started again and again: at moments drawn from the seed, and every other time as soon as the
next message arrives, for between sending and settling is where a message can double. Whatever is
a duration in their configuration is as many times shorter. What they did is compared.
"""

import json
import threading
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from rich.progress import Progress, TaskID

from monitor.cli.sending import notification_json
from monitor.clock import monotonic, utc_now
from monitor.history.window import Window
from monitor.market.snapshot import Outcome
from monitor.rules.system import is_system
from monitor.store import alerts, marketplaces, outbox, polls
from tests.integration.daemon import MARKET, Daemon, Site, site, until
from tests.proofs.day_compare import Found, Life, compare
from tests.proofs.day_market import DEAR, Pace, set_going, stock

FOR, KEEP, REPEAT, WINDOW = 5, 10, 240, 120
"""Minutes."""
REACH = FOR + KEEP + 10
"""For so many minutes after a downtime the clocks that it froze can still tell."""
STEADY_RULES = frozenset({"quick", "patient"})
DRIFTING_RULES = frozenset({"free", "free-patient"})
LIVES = ("undisturbed", "killed")

_WARM = 10
"""Polls before the day begins: all that is there at first fires by then."""
_DOWN = 5
"""Minutes at most between a death and the start of the next daemon."""
_NO_KILLS_FROM = 30
"""Minutes before the end."""
_SHOWN = 20
"""Differences that are printed; there is something to look into then."""
_DRAINED_WITHIN = 90
"""Seconds: a message that was claimed by the dead is sent again after a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is asked for. `hurried` lets the claims of the dead end at once, not in a minute."""

    pace: Pace
    kills: int
    seed: int
    hurried: bool = False


class Clock:
    """Minutes of the market since the beginning."""

    def __init__(self, pace: Pace, progress: Progress, task: TaskID) -> None:
        self._minute = pace.minute.total_seconds()
        self._progress, self._task = progress, task
        self._began_at = monotonic()

    def now(self) -> float:
        """Return the minute it is."""
        return (monotonic() - self._began_at) / self._minute

    def wait_until(self, minute: float) -> None:
        """Let the time until then pass."""
        pause = threading.Event()
        while (left := minute - self.now()) > 0:
            pause.wait(min(left * self._minute, 1))
            self._progress.update(self._task, completed=self.now())

    def count(self, kills: int) -> None:
        """Show how often it was killed by now."""
        self._progress.update(self._task, kills=kills)


def live(folder: Path, day: Day, progress: Progress) -> Found:
    """Live through a day twice at once, and compare."""
    with ExitStack() as stack:
        one, other = (_set_up(stack, folder / name, day) for name in LIVES)
        undisturbed, first = (stack.enter_context(place.daemon()) for place in (one, other))
        for daemon in (undisturbed, first):
            daemon.wait_for("polled", _WARM, outcome="ok")
        task = progress.add_task("a day", total=day.pace.minutes, kills=0)
        for place in (one, other):
            set_going(place.market.simulation, day.pace, day.seed)
        began_at, clock = utc_now(), Clock(day.pace, progress, task)
        deaths = _die_often(other, first, day, clock)
        until(lambda: _is_drained(one), _DRAINED_WITHIN)
        assert undisturbed.stop() == 0, undisturbed.output()
        lives = (
            _remains(one, LIVES[0], day, since=began_at, deaths=[]),
            _remains(other, LIVES[1], day, since=began_at, deaths=deaths),
        )
    return compare(lives, STEADY_RULES, DRIFTING_RULES, REACH * day.pace.minute)


def _set_up(stack: ExitStack, folder: Path, day: Day) -> Site:
    folder.mkdir()
    place = stack.enter_context(site(folder))
    takes = day.pace.takes
    waits = {"for": takes(FOR), "keep_firing_for": takes(KEEP)}
    steady = {"gpu": "steady-*", "max_price_per_gpu_hour": (DEAR - 1)}
    free = {"gpu": "*", "gpu_count": 4}
    low = {"gpu": "*", "below_median": {"window": takes(WINDOW), "percent": 0}}
    place.write(
        marketplaces=[place.marketplace(poll_interval=takes(1))],
        notifications={
            "notify": ["hook"],
            "group_by": ["rule", "gpu"],
            "group_interval": takes(1),
            "repeat_interval": takes(REPEAT),
        },
        rules=[
            {"name": "quick", "match": steady},
            {"name": "patient", "match": steady, **waits},
            {"name": "free", "match": free, "per": "hostnode"},
            {"name": "free-patient", "match": free, "per": "hostnode", **waits},
            {"name": "low", "match": low, "keep_firing_for": takes(KEEP)},
        ],
    )
    stock(place.market.simulation)
    return place


def _die_often(place: Site, first: Daemon, day: Day, clock: Clock) -> list[datetime]:
    """Kill one daemon after the other until the day is over; return when they were killed."""
    dice = Random(day.seed)  # noqa: S311 - dice are no secret
    slot = (day.pace.minutes - _NO_KILLS_FROM) / max(1, day.kills)
    deaths: list[datetime] = []
    with ExitStack() as stack:
        daemon = first
        for number in range(day.kills):
            clock.wait_until(slot * (number + dice.uniform(0.2, 0.7)))
            if number % 2:
                _await_a_message(place, slot / 4 * day.pace.minute)
            daemon.kill()
            deaths.append(utc_now())
            clock.count(len(deaths))
            clock.wait_until(clock.now() + dice.uniform(0, _DOWN))
            if day.hurried:
                place.let_claims_end()
            daemon = stack.enter_context(place.daemon())
        clock.wait_until(day.pace.minutes)
        until(lambda: _is_drained(place), _DRAINED_WITHIN)
        assert daemon.stop() == 0, daemon.output()
    return deaths


def _await_a_message(place: Site, patience: timedelta) -> None:
    count = len(place.receiver.received()) + 1
    with suppress(AssertionError):  # if nothing is told, this moment is as good as any
        place.receiver.wait_for(count, patience.total_seconds())


def _is_drained(place: Site) -> bool:
    with place.opened() as database, database.read() as connection:
        return not outbox.lengths(connection)


def _remains(place: Site, name: str, day: Day, *, since: datetime, deaths: list[datetime]) -> Life:
    """Read what a life has left in its database, and at its receiver."""
    rehearsed = json.loads(place.ask("backtest", "--json"))["rules"]
    with place.opened() as database, database.read() as connection:
        known = marketplaces.find(connection, MARKET)
        assert known is not None
        always = Window(datetime.min.replace(tzinfo=utc_now().tzinfo), utc_now())
        return Life(
            name=name,
            since=since,
            deaths=deaths,
            interval=day.pace.minute,
            transitions=[
                each
                for each in alerts.history(connection, always.since)
                if not is_system(each.rule)  # of the program itself no recording tells
            ],
            rehearsed=[each for found in rehearsed.values() for each in found["transitions"]],
            polled=[
                at for at, outcome in polls.made(connection, known, always) if outcome is Outcome.OK
            ],
            notifications=[notification_json(n) for n in outbox.listed(connection, limit=100_000)],
            arrived=Counter(place.titles()),
        )
