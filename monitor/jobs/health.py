"""The program's own health: late polls, receivers that take nothing, a disk that runs full."""

import shutil
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from monitor.config.model import MarketplaceConfig
from monitor.jobs.shared import SECOND, Shared, job
from monitor.reporting import log_transitions
from monitor.rules.alert import RuleName
from monitor.rules.evaluate import evaluate
from monitor.rules.lifecycle import outage
from monitor.rules.system import PROGRAM, Disk, System, Trouble, seen_late, seen_of_program
from monitor.rules.view import Seen
from monitor.scheduler import Job
from monitor.store import alerts, deliveries, marketplaces
from monitor.telling import tell
from monitor.web.readiness import TIMEOUTS_ALLOWED

_LOOK_EVERY = 10 * SECOND
_NOTHING = timedelta(0)


class Health:
    """Evaluates what no poll can tell; `wake` is called when messages were queued.

    `untold` returns the destinations that are told past the outbox, and take nothing.
    """

    def __init__(
        self,
        shared: Shared,
        wake: Callable[[], None],
        untold: Callable[[datetime], Iterable[Trouble]],
    ) -> None:
        self._shared = shared
        self._wake = wake
        self._untold = untold
        self._started_at: datetime | None = None
        self._looked_at: datetime | None = None

    def begin(self, now: datetime) -> None:
        """Begin to look: what the program was down for is no evidence about it.

        Until when it ran, the last poll tells, whoever made it.
        """
        self._started_at = now
        with self._shared.database.read() as connection:
            known = [
                marketplaces.find(connection, each) for each in self._shared.setup.marketplaces
            ]
        polled = [each.last_poll_at for each in known if each and each.last_poll_at]
        self._looked_at = max(polled, default=None)

    def jobs(self) -> list[Job]:
        """Return the job that looks after the program's health."""
        return [job("health", self._look, _LOOK_EVERY, minutes=1)]

    def _look(self, now: datetime) -> None:
        self._started_at = self._started_at or now
        for config, _ in self._shared.setup.marketplaces.values():
            self._look_at_polls(config, self._started_at, now)
        self._look_at_program(now)

    def _look_at_polls(
        self, config: MarketplaceConfig, started_at: datetime, now: datetime
    ) -> None:
        """Fire where polls are late; the next poll, whatever comes of it, ends that."""
        with self._shared.database.read() as connection:
            found = marketplaces.find(connection, config.name)
        last_at = None if found is None else found.last_poll_at
        since = started_at if last_at is None else max(last_at, started_at)
        seen = seen_late(
            config.name,
            since,
            now,
            interval=config.poll_interval,
            allowed=TIMEOUTS_ALLOWED * config.timeout,
        )
        if seen:
            # That nobody polled while the program was down is what it tells of: it counts.
            self._evaluate(config.name, seen, {RuleName(System.LATE)}, now)

    def _look_at_program(self, now: datetime) -> None:
        setup = self._shared.setup
        with self._shared.database.read() as connection:
            found = [*deliveries.troubles(connection, now), *self._untold(now)]
            active = alerts.load(connection, PROGRAM)
        seen = seen_of_program(
            setup.plan.system.values(),
            [each for each in found if each.destination in setup.destinations],
            self._disk(),
            least_free=setup.config.system.disk.min_free,
        )
        unknown = self._unknown(now)
        if seen or active:
            known = {rule for rule, _ in active} | setup.plan.system.keys()
            self._evaluate(PROGRAM, seen, known, now, unknown)

    def _unknown(self, now: datetime) -> timedelta:
        """Return for how long nobody has looked at the program, if that is longer than usual."""
        intervals = (config.poll_interval for config, _ in self._shared.setup.marketplaces.values())
        looked_at, self._looked_at = self._looked_at, now
        return outage(looked_at, now, max(_LOOK_EVERY, *intervals), failed_since=False)

    def _evaluate(
        self,
        marketplace: str,
        seen: Seen,
        concerned: Collection[RuleName],
        now: datetime,
        unknown: timedelta = _NOTHING,
    ) -> None:
        plan = self._shared.setup.plan
        rules = [rule for name, rule in plan.system.items() if name in concerned]
        with self._shared.ledgers.ledger(marketplace) as ledger:
            before = ledger.alerts()
            found = evaluate(
                rules,
                {name: met for name, met in seen.items() if name in plan.system},
                {key: alert for key, alert in before.items() if alert.rule in concerned},
                now=now,
                unknown=unknown,
            )
            ledger.save(found.changed, found.transitions)
            others = {key: alert for key, alert in before.items() if alert.rule not in concerned}
            told = tell(ledger, plan, marketplace, {**others, **found.active}, now)
        log_transitions(found.transitions)
        if told.queued:
            self._wake()

    def _disk(self) -> Disk | None:
        """Return how full the disk of the database is, if it is one of ours."""
        file = self._shared.database.file
        if file is None:
            return None
        usage = shutil.disk_usage(file.parent)
        return Disk(folder=str(file.parent), free=usage.free, size=usage.total)
