"""Delivery: drains the outbox on a thread of its own, woken as soon as something is queued."""

import random
from collections.abc import Mapping
from datetime import datetime

from monitor.alerting.outbox import DestinationKey
from monitor.clock import utc_now
from monitor.delivery.destination import Destination
from monitor.delivery.dispatch import Dispatcher
from monitor.delivery.senders import Senders
from monitor.jobs.shared import SECOND, Shared, job
from monitor.scheduler import Watch, Worker
from monitor.store import outbox
from monitor.store.dispatch import Outbox


class Delivery:
    """Sends what is queued; receivers that are slow or dead keep nobody else waiting."""

    def __init__(self, shared: Shared, watch: Watch) -> None:
        self._shared = shared
        self._dispatcher = Dispatcher(
            outbox=Outbox(shared.database),
            sender=Senders(utc_now),
            destinations=shared.setup.destinations,
            now=utc_now,
            jitter=random.random,
            on_outcome=shared.metrics.count_notification,
        )
        self._worker = Worker(job("deliver", self._deliver, 2 * SECOND, minutes=60), watch)
        self.start = self._worker.start
        self.wake = self._worker.wake
        self.leave = self._worker.leave

    def redirect(self, destinations: Mapping[DestinationKey, Destination]) -> None:
        """Send to these destinations from the next attempt on."""
        self._dispatcher.destinations = destinations

    def _deliver(self, _: datetime) -> None:
        self._dispatcher.drain(self._shared.stopping)
        with self._shared.database.read() as connection:
            self._shared.metrics.set_outbox(outbox.lengths(connection))
