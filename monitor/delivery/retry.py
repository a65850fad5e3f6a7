"""When a failed notification is tried again, and when it is given up. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerting.outbox import NotificationStatus, Settlement
from monitor.errors import DeliveryError, DeliveryRefusedError, DeliveryUnknownError

_MESSAGE_REFUSED = frozenset({400, 413, 415, 422})
"""HTTP statuses that speak of the message, not of the receiver or of the moment (RFC 9110)."""
RELOADED_WITHIN = timedelta(minutes=15)
"""By then all processes on one database have read a new configuration."""
_ASK_AGAIN = timedelta(seconds=30)
_DOUBLINGS = 32  # more would outgrow any cap, and a timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, as in AWS's "Exponential Backoff And Jitter".

    The pause before the next attempt is a random part of `base`, doubled with each attempt up to
    `cap`; a receiver that asks for a longer one gets it, up to `longest_asked`. After `attempts`
    in all a notification is dead. With the defaults a receiver can be down for some twelve hours
    and nothing is lost, and is told again within minutes of its return.

    Two kinds of attempts are bounded by themselves. If the receiver objects to the message itself
    it is given up after `attempts_if_message_refused` such answers, for a destination is told in
    order, and it holds up all others. What may have arrived each time is given up after
    `attempts_if_unknown`, with pauses up to `cap_if_unknown`: a receiver that takes messages and
    answers too late would be told the same for half a day.
    """

    base: timedelta = timedelta(seconds=5)
    cap: timedelta = timedelta(minutes=5)
    cap_if_unknown: timedelta = timedelta(minutes=15)
    longest_asked: timedelta = timedelta(minutes=15)
    attempts: int = 300
    attempts_if_message_refused: int = 3
    attempts_if_unknown: int = 12

    def ceiling(self, attempts: int, *, unknown: bool = False) -> timedelta:
        """Return the longest pause that jitter can make after `attempts` failures."""
        cap = self.cap_if_unknown if unknown else self.cap
        return min(self.base * (1 << min(attempts - 1, _DOUBLINGS)), cap)

    def settle(
        self, attempts: int, error: DeliveryError, now: datetime, jitter: float, *, alike: int = 1
    ) -> Settlement:
        """Return how a failed attempt ends, the `attempts`-th; `jitter` is from 0 to 1.

        `alike` is how many of them, this one included, refused the message or were unknown as
        this one was.
        """
        if attempts >= self.attempts or alike >= self._most_alike(error):
            return Settlement(status=NotificationStatus.DEAD, at=now, error=str(error))
        unknown = isinstance(error, DeliveryUnknownError)
        pause = self.ceiling(attempts, unknown=unknown) * jitter
        return Settlement(
            status=NotificationStatus.UNKNOWN if unknown else NotificationStatus.QUEUED,
            at=now,
            retry_at=now + max(pause, self._asked(error)),
            error=str(error),
        )

    def _most_alike(self, error: DeliveryError) -> int:
        if isinstance(error, DeliveryUnknownError):
            return self.attempts_if_unknown
        return self.attempts_if_message_refused if refuses_message(error) else self.attempts

    def _asked(self, error: DeliveryError) -> timedelta:
        if isinstance(error, DeliveryRefusedError) and error.retry_after is not None:
            return min(error.retry_after, self.longest_asked)
        return timedelta(0)


def refuses_message(error: DeliveryError) -> bool:
    """Return whether a receiver objects to the message, not to the sender or the moment."""
    return isinstance(error, DeliveryRefusedError) and error.status in _MESSAGE_REFUSED


def settle_unconfigured(queued_at: datetime, now: datetime) -> Settlement:
    """Return what becomes of a message whose destination this process does not know.

    Another one on the same database may have queued it by a configuration that is yet to be
    reloaded here; what nobody has sent after a while is to a destination that is gone.
    """
    if timedelta(0) <= now - queued_at < RELOADED_WITHIN:
        return Settlement(
            status=NotificationStatus.QUEUED,
            at=now,
            retry_at=now + _ASK_AGAIN,
            error="its destination is not configured here",
        )
    reason = "its destination is no longer configured"
    return Settlement(status=NotificationStatus.DEAD, at=now, error=reason)
