"""The last requests, for tests and the curious; a token is never kept."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

KEPT = 1000
BODY_KEPT = 20_000


@dataclass(slots=True, kw_only=True)
class Request:
    """One request and what came of it; `status` is `None` while, or because, none was sent."""

    at: datetime
    method: str
    path: str
    body: str
    authorized: bool
    status: int | None = None
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class RequestLog:
    """The last `KEPT` requests to the documented API, oldest first."""

    _lock: Lock = field(default_factory=Lock)
    _kept: deque[Request] = field(default_factory=lambda: deque(maxlen=KEPT))
    total: int = 0

    def add(self, request: Request) -> None:
        """Keep `request`."""
        with self._lock:
            self._kept.append(request)
            self.total += 1

    def last(self, count: int = KEPT) -> list[Request]:
        """Return the last `count` requests, oldest first."""
        with self._lock:
            return list(self._kept)[-count:]

    def since(self, at: datetime) -> int:
        """Return how many of the requests kept came after `at`."""
        with self._lock:
            return sum(request.at > at for request in self._kept)
