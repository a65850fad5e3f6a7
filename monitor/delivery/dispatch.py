"""From the outbox to the receivers: claim, send, settle.

The order is what makes delivery at-least-once: a notification is claimed (its attempt counted) and
committed before it is sent, and settled after. A process that dies in between leaves a claim whose
lease ends, and the notification is sent again. A destination has at most one notification claimed
at a time, so each is told in order, and none waits for another.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Event
from typing import Protocol
from uuid import uuid4

import structlog

from monitor.alerting.formats import Format
from monitor.alerting.outbox import Claimed, DestinationKey, NotificationStatus, Settlement
from monitor.delivery.destination import Destination
from monitor.delivery.retry import RetryPolicy
from monitor.errors import DeliveryError, StoreError

PARALLEL = 8
"""How many destinations are sent to at once."""
LEASE_FOR = timedelta(seconds=60)
"""Longer than a send can take, with room for a settling that waits for the database."""
_LOOK_AGAIN = 0.25
"""Seconds after which new notifications are looked for while some destination keeps us waiting."""

_log = structlog.get_logger("monitor.delivery")


class Outbox(Protocol):
    """The queue of notifications; each method is a transaction of its own."""

    def claim(
        self, now: datetime, *, token: str, lease_for: timedelta, limit: int
    ) -> list[Claimed]:
        """Claim up to `limit` that are due, oldest first, at most one for each destination."""
        ...

    def settle(self, claimed: Claimed, settlement: Settlement) -> bool:
        """Write how an attempt ended; `False` if the claim was no longer ours."""
        ...

    def release(self, token: str) -> int:
        """Give back what `token` claimed and did not send; return how many."""
        ...


class Sender(Protocol):
    """Delivers one message, once, within a few seconds; raises `DeliveryError`."""

    def send(self, destination: Destination, title: str, body: str, form: Format) -> None:
        """Return when the receiver has accepted the message, whose body is in `form`."""
        ...


class AttemptOutcome(StrEnum):
    """How one attempt to deliver ended; a `DEAD` one is the last of its notification."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    DEAD = "dead"


_OUTCOMES = {
    NotificationStatus.SENT: AttemptOutcome.SENT,
    NotificationStatus.QUEUED: AttemptOutcome.REFUSED,
    NotificationStatus.UNKNOWN: AttemptOutcome.UNKNOWN,
    NotificationStatus.DEAD: AttemptOutcome.DEAD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainReport:
    """What one drain came to: attempts by outcome, and claims given back unsent."""

    sent: int = 0
    refused: int = 0
    unknown: int = 0
    dead: int = 0
    released: int = 0


class Dispatcher:
    """Drains the outbox to the configured destinations.

    `destinations` may be replaced at any time, and counts from the next attempt on: a reload must
    not take a new destination for one that is gone. `now` is the wall clock, `jitter` returns a
    number from 0 to 1, `on_outcome` is told the receiver and the status after every attempt, from
    several threads.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        sender: Sender,
        destinations: Mapping[DestinationKey, Destination],
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        on_outcome: Callable[[str, NotificationStatus], None],
        policy: RetryPolicy | None = None,
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self.destinations = destinations
        self._now = now
        self._jitter = jitter
        self._on_outcome = on_outcome
        self._policy = policy or RetryPolicy()

    def drain(self, stop: Event) -> DrainReport:
        """Send what is due until nothing is, or until `stop`; then no claim is left behind.

        What is being sent when `stop` is set is finished and settled. A database that is busy
        ends the drain early; what it could not settle is sent again when the lease ends.
        """
        outcomes: Counter[AttemptOutcome | None] = Counter()
        token = uuid4().hex
        under_way: set[Future[AttemptOutcome | None]] = set()
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="deliver") as pool:
            while not stop.is_set():
                for claimed in self._claim(token, PARALLEL - len(under_way)):
                    under_way.add(pool.submit(self._deliver, claimed, stop))
                if not under_way:
                    break
                done, under_way = wait(under_way, _LOOK_AGAIN, FIRST_COMPLETED)
                outcomes.update(future.result() for future in done)
        outcomes.update(future.result() for future in under_way)
        released = self._release(token) if outcomes.pop(None, 0) else 0
        counts = {outcome.value: count for outcome, count in outcomes.items() if outcome}
        return DrainReport(**counts, released=released)

    def _deliver(self, claimed: Claimed, stop: Event) -> AttemptOutcome | None:
        """Send and settle one notification; `None` if it was too late to begin."""
        if stop.is_set():
            return None
        settlement = self._attempt(claimed)
        outcome = _OUTCOMES[settlement.status]
        self._settle(claimed, settlement)
        _tell(claimed, settlement, outcome)
        self._on_outcome(claimed.receiver, settlement.status)
        return outcome

    def _attempt(self, claimed: Claimed) -> Settlement:
        destination = self.destinations.get(claimed.destination)
        if destination is None:
            reason = "its destination is no longer configured"
            return Settlement(status=NotificationStatus.DEAD, at=self._now(), error=reason)
        try:
            self._sender.send(destination, claimed.title, claimed.body, claimed.format)
        except DeliveryError as error:
            return self._policy.settle(claimed.attempts, error, self._now(), self._jitter())
        return Settlement(status=NotificationStatus.SENT, at=self._now())

    def _claim(self, token: str, limit: int) -> list[Claimed]:
        if limit <= 0:
            return []
        try:
            return self._outbox.claim(self._now(), token=token, lease_for=LEASE_FOR, limit=limit)
        except StoreError as error:
            _log.warning("notifications not claimed", error=str(error))
            return []

    def _settle(self, claimed: Claimed, settlement: Settlement) -> None:
        try:
            held = self._outbox.settle(claimed, settlement)
            error = "" if held else "its lease had ended"
        except StoreError as failure:
            error = str(failure)
        if error:
            _log.warning("notification not settled, may be sent again", id=claimed.id, error=error)

    def _release(self, token: str) -> int:
        try:
            return self._outbox.release(token)
        except StoreError as error:
            _log.warning("notifications not released, leases will end", error=str(error))
            return 0


def _tell(claimed: Claimed, settlement: Settlement, outcome: AttemptOutcome) -> None:
    facts = {
        "id": claimed.id,
        "receiver": claimed.receiver,
        "destination": claimed.destination,
        "attempt": claimed.attempts,
    }
    event = f"notification {outcome.value}"
    if outcome is AttemptOutcome.SENT:
        _log.info(event, **facts)
    elif settlement.retry_at is None:
        _log.error(event, **facts, error=settlement.error)
    else:
        retry_at = settlement.retry_at.isoformat(timespec="seconds")
        _log.warning(event, **facts, error=settlement.error, retry_at=retry_at)
