"""Polling: a job for each marketplace that takes the lease to poll it, and runs a cycle."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from monitor.cycle import Buyer, run_cycle
from monitor.errors import StoreError
from monitor.grab.wish import Buying
from monitor.jobs.shared import SECOND, Shared
from monitor.jobs.telling import Telling
from monitor.reporting import log_cycle
from monitor.rules.alert import AlertState
from monitor.scheduler import Job
from monitor.store import alerts, leases
from monitor.web.readiness import Polling as Polled

log = structlog.get_logger("monitor.jobs")


class Polling:
    """Polls each marketplace that is configured.

    `wake` is called when a cycle queued messages, `evaluated` after each cycle; `buyer` gives who
    buys at a poll.
    """

    def __init__(
        self,
        shared: Shared,
        telling: Telling,
        *,
        wake: Callable[[], None],
        evaluated: Callable[[], None],
        buyer: Callable[[Buying], Buyer | None],
    ) -> None:
        self._shared = shared
        self._telling = telling
        self._wake = wake
        self._evaluated = evaluated
        self._buyer = buyer
        self._last_polls: dict[str, datetime] = {}

    def jobs(self) -> list[Job]:
        """Return a job for each marketplace."""
        return [
            Job(
                name=f"poll:{name}",
                act=lambda now, name=name: self._poll(name, now),  # type: ignore[misc]  # mypy cannot type the bound name
                every=config.poll_interval,
                deadline=max(2 * config.poll_interval, config.timeout + 30 * SECOND),
                jitter=min(config.poll_interval / 20, 3 * SECOND),
            )
            for name, (config, _) in self._shared.setup.marketplaces.items()
        ]

    def pollings(self) -> list[Polled]:
        """Return how each marketplace is polled, for the readiness check."""
        return [
            Polled(
                marketplace=name,
                interval=config.poll_interval,
                timeout=config.timeout,
                last_at=self._last_polls.get(name),
            )
            for name, (config, _) in self._shared.setup.marketplaces.items()
        ]

    def count_alerts(self, now: datetime) -> None:
        """Show in the metrics how many alerts are pending and firing."""
        with self._shared.database.read() as connection:
            active = alerts.recent(connection, since=now)
        self._shared.metrics.set_alerts(
            Counter((a.rule, a.state) for a in active if a.state is not AlertState.RESOLVED)
        )

    def release(self) -> None:
        """Let another process poll at once; where that fails, it does when the leases end."""
        try:
            with self._shared.database.transaction() as connection:
                for name in self._shared.setup.marketplaces:
                    leases.release(connection, f"poll:{name}", holder=self._shared.holder)
        except StoreError as error:
            log.warning("leases not released", error=str(error))

    def _poll(self, name: str, now: datetime) -> None:
        shared = self._shared
        setup = shared.setup
        if shared.stopping.is_set() or name not in setup.marketplaces:
            return
        config, marketplace = setup.marketplaces[name]
        if not self._leads(name, now, 2 * config.poll_interval + config.timeout):
            log.debug("another process polls", marketplace=name)
            self._last_polls[name] = now
            shared.metrics.stand_by(name)
            self.count_alerts(now)
            return
        report = run_cycle(
            marketplace,
            setup.plan,
            shared.ledgers,
            interval=config.poll_interval,
            now=now,
            buyer=self._buyer(setup.buying),
        )
        if report.queued:
            self._wake()
        self._evaluated()
        log_cycle(report)
        shared.metrics.count_template_failures(each.receiver for each in report.faults)
        self._last_polls[name] = now
        if name not in shared.setup.marketplaces:  # removed by a reload meanwhile
            self._telling.forget_unconfigured(shared.setup, now)
            return
        shared.metrics.observe_poll(report.poll)
        self.count_alerts(now)

    def _leads(self, name: str, now: datetime, lease_for: timedelta) -> bool:
        with self._shared.database.transaction() as connection:
            return leases.acquire(
                connection,
                f"poll:{name}",
                holder=self._shared.holder,
                now=now,
                lease_for=lease_for,
            )
