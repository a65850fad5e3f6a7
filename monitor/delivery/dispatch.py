"""From the outbox to the receivers: claim, send, settle.

The order is what makes delivery at-least-once: a notification is claimed (its attempt counted) and
committed before it is sent, and settled after. A process that dies in between leaves a claim whose
lease ends, and the notification is sent again. What is claimed of a destination is a run of its
oldest notifications, sent one after the other: each is told in order, and none waits for another.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import groupby
from threading import Event
from typing import Protocol

import structlog

from monitor.alerting.formats import Format
from monitor.alerting.outbox import (
    Claimed,
    DestinationKey,
    NotificationId,
    NotificationStatus,
    RateLimit,
    Settlement,
)
from monitor.delivery.destination import Destination
from monitor.delivery.drain import AttemptOutcome, Drain, DrainReport, RunOver
from monitor.delivery.retry import RetryPolicy, refuses_message, settle_unconfigured
from monitor.errors import DeliveryError, DeliveryUnknownError, StoreError

PARALLEL = 8
"""How many destinations are sent to at once."""
RUN = 16
"""How many notifications to one destination are claimed together."""
RUN_FOR = timedelta(seconds=20)
"""After this the rest of a run is given back unsent: its lease must outlast the send in flight."""
LEASE_FOR = timedelta(seconds=60)
"""Longer than a run and a send can take, with room for a settling that waits for the database."""
_GOES_ON = frozenset({NotificationStatus.SENT, NotificationStatus.DEAD})
"""After these a destination can be told the next one."""

_log = structlog.get_logger("monitor.delivery")


class Outbox(Protocol):
    """The queue of notifications; each method is a transaction of its own."""

    def claim(
        self,
        now: datetime,
        *,
        token: str,
        lease_for: timedelta,
        limit: int,
        run: int,
        rates: Mapping[DestinationKey, RateLimit],
    ) -> list[Claimed]:
        """Claim what is due for up to `limit` destinations, up to `run` for each, in order."""
        ...

    def settle(self, ended: Sequence[tuple[Claimed, Settlement]]) -> int:
        """Write how attempts ended; return how many claims were still ours."""
        ...

    def release(self, unsent: Sequence[Claimed]) -> int:
        """Give back what was claimed and not sent; return how many."""
        ...


class Sender(Protocol):
    """Delivers one message, once, within a few seconds; raises `DeliveryError`."""

    def send(self, destination: Destination, title: str, body: str, form: Format) -> None:
        """Return when the receiver has accepted the message, whose body is in `form`."""
        ...


_OUTCOMES = {
    NotificationStatus.SENT: AttemptOutcome.SENT,
    NotificationStatus.QUEUED: AttemptOutcome.REFUSED,
    NotificationStatus.UNKNOWN: AttemptOutcome.UNKNOWN,
    NotificationStatus.DEAD: AttemptOutcome.DEAD,
}


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
        self._refusals: Counter[NotificationId] = Counter()
        """How often each message was refused for itself, since the program started."""

    def drain(self, stop: Event) -> DrainReport:
        """Send what is due until nothing is, or until `stop`; then no claim is left behind.

        What is being sent when `stop` is set is finished and settled. A database that is busy
        ends the drain early; what it could not settle is sent again when the lease ends.

        Attempts are settled while the next ones are made: all that ended during one commit is
        written by the next. So a process that dies leaves more than one unsettled only if its
        database is slower than the receiver.
        """
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="deliver") as pool:
            drain = Drain(stop=stop)
            while True:
                self._write(drain)
                for run in self._runs(drain):
                    drain.began(pool.submit(self._deliver, run, drain))
                if not drain.under_way:
                    break
                drain.wait()
        return drain.report()

    def _runs(self, drain: Drain) -> Iterator[list[Claimed]]:
        """Claim for the destinations that nothing is being sent to, if there may be any."""
        if drain.is_over() or not drain.may_claim or drain.under_way >= PARALLEL:
            return
        claimed = self._claim(drain.token, PARALLEL - drain.under_way)
        for _, run in groupby(
            sorted(claimed, key=lambda each: each.destination), lambda each: each.destination
        ):
            yield list(run)

    def _deliver(self, run: Sequence[Claimed], drain: Drain) -> None:
        """Send a run one after the other, until one fails; what is left is given back."""
        left = deque(run)
        give_up_at = self._now() + RUN_FOR
        try:
            while left and not drain.is_over() and self._now() < give_up_at:
                claimed = left.popleft()
                settlement = self._attempt(claimed)
                drain.results.put((claimed, settlement))
                if settlement.status not in _GOES_ON:
                    break
        finally:
            drain.results.put(RunOver(unsent=tuple(left)))

    def _write(self, drain: Drain) -> None:
        """Settle what has ended, and give back what will not be sent."""
        ended, unsent = drain.taken()
        if ended and not self._settle(ended):
            drain.halted.set()  # what follows must not overtake what may be sent again
        for claimed, settlement in ended:
            outcome = _OUTCOMES[settlement.status]
            drain.outcomes[outcome] += 1
            _tell(claimed, settlement, outcome)
            self._on_outcome(claimed.receiver, settlement.status)
        if unsent:
            drain.released += self._release(unsent)

    def _attempt(self, claimed: Claimed) -> Settlement:
        destination = self.destinations.get(claimed.destination)
        if destination is None:
            return settle_unconfigured(claimed.created_at, self._now())
        try:
            self._sender.send(destination, claimed.title, claimed.body, claimed.format)
        except DeliveryError as error:
            settlement = self._failed(claimed, error)
        else:
            settlement = Settlement(status=NotificationStatus.SENT, at=self._now())
        if settlement.status in _GOES_ON:
            self._refusals.pop(claimed.id, None)
        return settlement

    def _failed(self, claimed: Claimed, error: DeliveryError) -> Settlement:
        alike = 1
        if isinstance(error, DeliveryUnknownError):
            # After a `resend` attempts are counted anew, and those of unknown end are not.
            alike = min(claimed.unknown_attempts + 1, claimed.attempts)
        elif refuses_message(error):
            self._refusals[claimed.id] += 1
            alike = self._refusals[claimed.id]
        return self._policy.settle(
            claimed.attempts, error, self._now(), self._jitter(), alike=alike
        )

    def _claim(self, token: str, limit: int) -> list[Claimed]:
        rates = {key: each.rate_limit for key, each in self.destinations.items() if each.rate_limit}
        try:
            return self._outbox.claim(
                self._now(), token=token, lease_for=LEASE_FOR, limit=limit, run=RUN, rates=rates
            )
        except StoreError as error:
            _log.warning("notifications not claimed", error=str(error))
            return []

    def _settle(self, ended: Sequence[tuple[Claimed, Settlement]]) -> bool:
        """Write how attempts ended; return whether that holds for all of them."""
        try:
            lost = len(ended) - self._outbox.settle(ended)
            error = "leases had ended" if lost else ""
        except StoreError as failure:
            lost, error = len(ended), str(failure)
        if lost:
            ids = [claimed.id for claimed, _ in ended]
            _log.warning(
                "notifications not settled, may be sent again", count=lost, of=ids, error=error
            )
        return not lost

    def _release(self, unsent: Sequence[Claimed]) -> int:
        try:
            return self._outbox.release(unsent)
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
