"""Telling Alertmanagers the state of alerts, as Prometheus does: at each change, and again."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog

from monitor.alerting.outbox import DestinationKey, NotificationStatus
from monitor.delivery.alertmanager import BATCH, Alertmanager, AlertmanagerSender
from monitor.delivery.postable import RESEND_EVERY, RESOLVED_FOR, postable
from monitor.errors import DeliveryError
from monitor.jobs.shared import SECOND, Shared, job
from monitor.rules.alert import Alert, AlertState, Labels, RuleName
from monitor.rules.system import Trouble
from monitor.scheduler import Watch, Worker
from monitor.setup import Setup
from monitor.store import alerts
from monitor.store.deliveries import FORGOTTEN_AFTER, TRIES

log = structlog.get_logger("monitor.jobs")

_LOOK_EVERY = 15 * SECOND
"""How often something is tried again that was not accepted."""

_Life = tuple[RuleName, Labels, datetime]
"""One life of an alert, from its first sight."""


_Sent = tuple[AlertState, datetime]
"""The state of an alert that was accepted last, and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failures:
    """How often in a row something was not accepted, when last, and what is wrong."""

    count: int
    at: datetime
    trouble: Trouble


class Alertmanagers:
    """Sends every alert that fires, or was lately resolved, to the Alertmanagers of its rule.

    What was accepted is remembered only here: after a restart all is sent again, which changes
    nothing for an Alertmanager. Nothing is sent for want of a poll: an alert fires until its rule
    says otherwise, and ends by itself some minutes after we are gone.
    """

    def __init__(self, shared: Shared, watch: Watch) -> None:
        self._shared = shared
        self._sender = AlertmanagerSender()
        self._sent: dict[DestinationKey, dict[_Life, _Sent]] = {}
        self._failures: dict[DestinationKey, _Failures] = {}
        self._worker = Worker(job("alertmanagers", self._tell, _LOOK_EVERY, minutes=2), watch)
        self.start = self._worker.start
        self.wake = self._worker.wake
        self.leave = self._worker.leave

    def troubles(self, now: datetime) -> list[Trouble]:
        """Return the Alertmanagers that take nothing, by the measure of `deliveries.troubles`."""
        return [
            each.trouble
            for each in list(self._failures.values())
            if each.count >= TRIES and now - each.at < FORGOTTEN_AFTER
        ]

    def _tell(self, now: datetime) -> None:
        setup = self._shared.setup
        told = [each for each in setup.destinations.values() if isinstance(each, Alertmanager)]
        self._sent = {each.key: self._sent.get(each.key, {}) for each in told}
        if not told:
            return
        with self._shared.database.read() as connection:
            found = alerts.recent(connection, since=now - RESOLVED_FOR)
        known = _latest(found)
        with ThreadPoolExecutor(len(told), thread_name_prefix="alertmanagers") as pool:
            sendings = [pool.submit(self._tell_one, setup, each, known, now) for each in told]
        for sending in sendings:
            sending.result()

    def _tell_one(
        self, setup: Setup, to: Alertmanager, known: Iterable[Alert], now: datetime
    ) -> None:
        wanted = [alert for alert in known if _is_told(setup, to, alert)]
        sent = {life: self._sent[to.key].get(life) for life in map(_life, wanted)}
        due = iter([alert for alert in wanted if _is_due(sent[_life(alert)], alert, now)])
        self._sent[to.key] = {life: last for life, last in sent.items() if last is not None}
        while batch := list(islice(due, BATCH)):
            if not self._post(setup, to, batch, now):
                return
            self._sent[to.key].update({_life(alert): (alert.state, now) for alert in batch})

    def _post(self, setup: Setup, to: Alertmanager, batch: Iterable[Alert], now: datetime) -> bool:
        rules = setup.plan.every_rule
        told = [postable(each, rules[each.rule].severity, now, to.generator_url) for each in batch]
        try:
            self._sender.post(to, told)
        except DeliveryError as error:
            status, problem = NotificationStatus.QUEUED, str(error)
            log.warning("alerts not accepted", destination=to.key, alerts=len(told), error=problem)
            before = self._failures.get(to.key)
            self._failures[to.key] = _Failures(
                count=1 + (before.count if before else 0),
                at=now,
                trouble=Trouble(receiver=to.receiver, destination=to.key, error=problem),
            )
        else:
            status = NotificationStatus.SENT
            self._failures.pop(to.key, None)
            log.info("alerts sent", destination=to.key, alerts=len(told))
        self._shared.metrics.count_notification(to.receiver, status)
        return status is NotificationStatus.SENT


def _life(alert: Alert) -> _Life:
    return alert.rule, alert.labels, alert.active_at


def _latest(found: Sequence[Alert]) -> list[Alert]:
    """Return of each alert its last life that fires or fired; `found` has the newest first.

    An Alertmanager tells alerts apart by their labels, and an earlier life has the same: told
    beside the present one it would resolve that.
    """
    fired = (alert for alert in reversed(found) if alert.state is not AlertState.PENDING)
    return list({(alert.rule, alert.labels): alert for alert in fired}.values())


def _is_told(setup: Setup, to: Alertmanager, alert: Alert) -> bool:
    policy = setup.plan.policies.get(alert.rule)
    return policy is not None and to.receiver in policy.notify


def _is_due(last: _Sent | None, alert: Alert, now: datetime) -> bool:
    """Return whether an alert is sent now: its state is news, or was told a while ago."""
    if last is None:
        return True
    state, at = last
    return state is not alert.state or not timedelta(0) <= now - at < RESEND_EVERY
