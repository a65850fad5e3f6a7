"""When a failed notification is tried again, and when it is given up. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerting.outbox import NotificationStatus, Settlement
from monitor.errors import DeliveryError, DeliveryRefusedError, DeliveryUnknownError

_MESSAGE_REFUSED = frozenset({400, 413, 415, 422})
"""HTTP statuses that speak of the message, not of the receiver or of the moment (RFC 9110)."""
_DOUBLINGS = 32  # more would outgrow any cap, and a timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, as in AWS's "Exponential Backoff And Jitter".

    The pause before the next attempt is a random part of `base`, doubled with each attempt up to
    `cap`; a receiver that asks for a longer one gets it, up to `longest_asked`. After `attempts`
    in all a notification is dead; after `attempts_if_message_refused` if the receiver objects to
    the message itself, for a destination is told in order, and it holds up all others. With the
    defaults a receiver can be down for some twelve hours and nothing is lost, and is told again
    within minutes of its return.
    """

    base: timedelta = timedelta(seconds=5)
    cap: timedelta = timedelta(minutes=5)
    longest_asked: timedelta = timedelta(minutes=15)
    attempts: int = 300
    attempts_if_message_refused: int = 3

    def ceiling(self, attempts: int) -> timedelta:
        """Return the longest pause that jitter can make after `attempts` failures."""
        return min(self.base * (1 << min(attempts - 1, _DOUBLINGS)), self.cap)

    def settle(
        self, attempts: int, error: DeliveryError, now: datetime, jitter: float
    ) -> Settlement:
        """Return how a failed attempt ends, the `attempts`-th; `jitter` is from 0 to 1."""
        if attempts >= self._limit(error):
            return Settlement(status=NotificationStatus.DEAD, at=now, error=str(error))
        unknown = isinstance(error, DeliveryUnknownError)
        return Settlement(
            status=NotificationStatus.UNKNOWN if unknown else NotificationStatus.QUEUED,
            at=now,
            retry_at=now + max(self.ceiling(attempts) * jitter, self._asked(error)),
            error=str(error),
        )

    def _limit(self, error: DeliveryError) -> int:
        if isinstance(error, DeliveryRefusedError) and error.status in _MESSAGE_REFUSED:
            return self.attempts_if_message_refused
        return self.attempts

    def _asked(self, error: DeliveryError) -> timedelta:
        if isinstance(error, DeliveryRefusedError) and error.retry_after is not None:
            return min(error.retry_after, self.longest_asked)
        return timedelta(0)
