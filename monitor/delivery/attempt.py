"""One attempt to deliver, bounded in time, whatever the receiver does."""

import threading
from collections.abc import Callable

from monitor.alerting.outbox import DestinationKey
from monitor.errors import DeliveryError, DeliveryUnknownError

Send = Callable[[], DeliveryError | None]
"""Sends once, and returns why that failed."""


class Attempts:
    """Makes attempts; may be used by several threads, for one destination by one at a time.

    One that outlasts `limit` seconds is left behind in a thread of its own, which ends with it
    and does not keep the process alive. Until then its destination is refused further ones with
    `busy`, so there is never more than one such thread for each.
    """

    def __init__(self, limit: float, *, busy: type[DeliveryError]) -> None:
        self._limit = limit
        self._busy = busy
        self._under_way: dict[DestinationKey, _Attempt] = {}
        self._lock = threading.Lock()

    def make(self, key: DestinationKey, send: Send) -> None:
        """Return when `send` has succeeded.

        Raises:
            DeliveryError: it has not, or nobody knows.
        """
        attempt = self._begin(key, send)
        attempt.join(self._limit)
        if attempt.is_alive():
            raise DeliveryUnknownError(f"no end within {self._limit:g} s")
        self._under_way.pop(key)
        if attempt.error is not None:
            raise attempt.error

    def _begin(self, key: DestinationKey, send: Send) -> "_Attempt":
        with self._lock:
            before = self._under_way.get(key)
            if before is not None and before.is_alive():
                raise self._busy("the attempt before this one is still under way")
            attempt = self._under_way[key] = _Attempt(send)
            attempt.start()
            return attempt


class _Attempt(threading.Thread):
    """A call of `send`; a thread, for nothing else ends one that drips on for ever."""

    def __init__(self, send: Send) -> None:
        super().__init__(name="delivery-attempt", daemon=True)
        self._send = send
        self.error: DeliveryError | None = DeliveryUnknownError("it broke off")

    def run(self) -> None:
        self.error = self._send()
