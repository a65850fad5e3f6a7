"""Telling what waits for its time, ending what is no longer configured, and telling operators."""

from collections.abc import Callable
from datetime import datetime

from monitor.alerting.notice import NotifyReason
from monitor.alerting.render import render_system
from monitor.jobs.shared import SECOND, Shared, job
from monitor.reporting import log_faults
from monitor.rules.system import PROGRAM
from monitor.scheduler import Job
from monitor.setup import Setup
from monitor.store import alerts, groups, outbox
from monitor.telling import forget, tell


class Telling:
    """Queues what is to be told outside of a cycle; `wake` is called when it has."""

    def __init__(self, shared: Shared, wake: Callable[[], None]) -> None:
        self._shared = shared
        self._wake = wake

    def jobs(self) -> list[Job]:
        """Return the job that tells what waited for a time to come, or for one to end."""
        return [job("tell", self._tell_waiting, SECOND, minutes=1)]

    def tell_operators(self, title: str, body: str, now: datetime) -> None:
        """Queue a message about the program itself."""
        plan = self._shared.setup.plan
        message = render_system(title, body)
        with self._shared.database.transaction() as connection:
            outbox.enqueue(
                connection, plan.drafts(plan.operators, message, NotifyReason.SYSTEM), now
            )
        self._wake()

    def forget_unconfigured(self, setup: Setup, now: datetime) -> None:
        """End the alerts of marketplaces that `setup` does not have; nothing is told."""
        with self._shared.database.read() as connection:
            known = {alert.marketplace for alert in alerts.recent(connection, since=now)}
            known |= groups.marketplaces(connection)
        for name in known - setup.marketplaces.keys() - {PROGRAM}:
            with self._shared.ledgers.ledger(name) as ledger:
                forget(ledger, now)

    def _tell_waiting(self, now: datetime) -> None:
        setup = self._shared.setup
        with self._shared.database.read() as connection:
            due = groups.due(connection, now)
        for marketplace in due & {*setup.marketplaces, PROGRAM}:
            with self._shared.ledgers.ledger(marketplace) as ledger:
                told = tell(ledger, setup.plan, marketplace, ledger.alerts(), now)
            log_faults(told.faults)
            self._shared.metrics.count_template_failures(each.receiver for each in told.faults)
            if told.queued:
                self._wake()
