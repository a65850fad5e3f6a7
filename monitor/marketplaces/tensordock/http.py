"""One request to the marketplace, and what became of it; the only place that knows httpx."""

import email.utils
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx

from monitor.clock import monotonic, utc_now
from monitor.errors import (
    MalformedError,
    MarketError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from monitor.marketplaces.tensordock import excerpt

MAX_BODY = 64 * 2**20
"""Bytes: eight times the largest market imagined; a longer body is not the documented answer."""
_RETRIES = 3
_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_OK = 200
_CLIENT_ERROR = 400
_THROTTLED = 429
_SERVER_ERROR = 500


class Http:
    """Reads from the API with a bearer token, within a budget of time and of size.

    `timeout` bounds a whole read: connecting, waiting, the body however slowly it drips, and the
    retries. `sleep`, `jitter` (0 to 1), `seconds` (a clock that never goes back) and `now` are the
    world's, so that tests need not wait.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        timeout: timedelta,
        user_agent: str,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        seconds: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._budget = timeout.total_seconds()
        self._sleep = sleep
        self._jitter = jitter
        self._seconds = seconds
        self._now = now
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers={"authorization": f"Bearer {token}", "user-agent": user_agent},
            timeout=self._budget,
            transport=transport,
        )

    def get(self, path: str) -> bytes:
        """Return the body of a 200, retrying what may pass: the network, a 5xx, a 429.

        Raises:
            UnreachableError, RefusedError, ThrottledError, MalformedError.
        """
        deadline = self._seconds() + self._budget
        for attempt in range(_RETRIES):
            try:
                return self._get_once(path, deadline)
            except (UnreachableError, ThrottledError) as error:
                pause = self._pause(error, attempt)
                if attempt == _RETRIES - 1 or self._seconds() + pause >= deadline:
                    raise
                self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _get_once(self, path: str, deadline: float) -> bytes:
        left = max(deadline - self._seconds(), 0.001)
        with _translated(), self._client.stream("GET", path.lstrip("/"), timeout=left) as response:
            body = self._body(response, deadline)
        if response.status_code == _OK:
            return body
        raise self._refusal(response, body)

    def _body(self, response: httpx.Response, deadline: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MAX_BODY:
                raise MalformedError(f"the answer is longer than {MAX_BODY >> 20} MiB")
            if self._seconds() > deadline:
                raise UnreachableError(
                    f"the answer was not whole within {self._budget:g} s ({size} bytes came)"
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def _refusal(self, response: httpx.Response, body: bytes) -> MarketError:
        status = response.status_code
        said = f"HTTP {status}: {excerpt.of_body(body)}"
        if status == _THROTTLED:
            return ThrottledError(said, retry_after=self._retry_after(response))
        if status >= _SERVER_ERROR:
            return UnreachableError(said)
        if status >= _CLIENT_ERROR:
            return RefusedError(said, status=status)
        return MalformedError(f"{said}; a 200 was expected")

    def _retry_after(self, response: httpx.Response) -> timedelta | None:
        """Return the pause asked for, given in seconds or as a date (RFC 9110, 10.2.3)."""
        value = response.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return timedelta(seconds=min(int(value), 86_400))
        try:
            at = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(at - self._now(), timedelta(0))

    def _pause(self, error: MarketError, attempt: int) -> float:
        """Return the seconds before the next attempt: what was asked for, else a jittered one."""
        if isinstance(error, ThrottledError) and error.retry_after is not None:
            return error.retry_after.total_seconds()
        return min(_PAUSE * 2**attempt, _LONGEST_PAUSE) * self._jitter()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn httpx's errors into ours; their texts hold no header, so no token."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise UnreachableError(f"no answer in time ({type(error).__name__})") from error
    except httpx.DecodingError as error:
        raise MalformedError(f"the answer's encoding cannot be undone: {error}") from error
    except httpx.HTTPError as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from error
    except httpx.InvalidURL as error:
        raise UnreachableError(f"the address cannot be used: {error}") from error
