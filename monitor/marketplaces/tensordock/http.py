"""HTTP to the marketplace: one place that sends, bounds, retries, and names what went wrong.

Every failure is a `MarketError`, whatever httpx calls it. Only reads are ever sent again, and what
certainly was not sent is told apart (`UnsentError`) from what may have been.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from random import Random

import httpx

from monitor.clock import monotonic
from monitor.errors import (
    MalformedError,
    RefusedError,
    ThrottledError,
    UnreachableError,
    UnsentError,
)
from monitor.marketplaces.tensordock import excerpt

ATTEMPTS = 4
"""A read is sent at most this often, as long as its time allows."""

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
"""Seconds; before attempt n+1 the pause is a random part of 0.5, 1, 2, … up to 8 (full jitter)."""

MOST_BYTES = 64 * 2**20
"""Of an answer, decompressed: eight times the body of 10,000 hostnodes."""

_CONNECT_WITHIN = 5.0  # seconds; a host that is up answers a SYN at once, so try again early
_SHORTEST_TRY = 0.1  # seconds; with less left, another try would only hide why the last one failed
_SHORTEST_SECRET = 8  # characters; blotting out shorter tokens would spoil innocent words
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""What httpx raises before the first byte of a request: a request that acts cannot have acted."""
_OWN_MACHINE = ("all://localhost", "all://127.0.0.1", "all://[::1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer of the marketplace, with any status, and without our token in its body."""

    status: int
    headers: httpx.Headers
    body: bytes


class Http:
    """A connection to one marketplace's API below `base_url`.

    `token` is asked for on every call, and is never part of an error or a `repr`; `write_token` is
    the one for calls that act, if it is another one. `timeout` is what a read may take in all,
    with its retries and pauses; a body that trickles in is cut off then, at the first piece that
    comes too late (headers that trickle in are not: httpx offers no place to look, so the
    scheduler's watch is what notices them). A pause ends early when `close()` is called.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: str | Callable[[], str],
        write_token: str | None = None,
        timeout: timedelta,
        version: str,
        most_bytes: int = MOST_BYTES,
        transport: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = monotonic,
        sleep: Callable[[float], object] | None = None,
        random: Random | None = None,
    ) -> None:
        self._token = token if callable(token) else lambda: token
        self._write_token = self._token if write_token is None else lambda: write_token
        self._timeout = timeout.total_seconds()
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._random = random or Random()  # noqa: S311 - jitter is no secret
        self._client = httpx.Client(
            base_url=base_url,
            headers={"User-Agent": f"gpu-monitor/{version}", "Accept": "application/json"},
            transport=transport,
            # Redirects are not followed: the token would go along. Proxies of the environment are
            # used, but not to reach the simulator on this machine.
            follow_redirects=False,
            mounts=dict.fromkeys(_OWN_MACHINE),
        )

    def get(self, path: str) -> bytes:
        """Return the body of a 200; try again after a failure that may pass.

        Raises:
            MarketError: the last failure, once the attempts or the time are used up.
        """
        deadline = self._monotonic() + self._timeout
        attempt = 0
        while True:
            try:
                answer = self._exchange("GET", path, self._token(), deadline)
                return judged(answer, f"GET {path}")
            except (UnreachableError, ThrottledError) as error:
                attempt += 1
                pause = self._pause(attempt, error)
                too_late = self._monotonic() + pause + _SHORTEST_TRY >= deadline
                if attempt == ATTEMPTS or too_late:
                    raise
            self._sleep(pause)

    def act(
        self, method: str, path: str, *, content: bytes | None = None, within: timedelta
    ) -> Answer:
        """Send one request that changes something, once; return whatever answer it has.

        `content` is JSON; `within` is what sending and answer may take in all.

        Raises:
            UnsentError: nothing was sent.
            UnreachableError: without a whole answer in time: it may have acted, or may yet.
            MalformedError: for an answer that is too large, or compressed wrongly; likewise.
        """
        deadline = self._monotonic() + within.total_seconds()
        return self._exchange(method, path, self._write_token(), deadline, content)

    def _exchange(
        self, method: str, path: str, token: str, deadline: float, content: bytes | None = None
    ) -> Answer:
        """Send one request, once; return the answer with whatever status it has."""
        what, token, began = f"{method} {path}", token.strip(), self._monotonic()
        if self._closed.is_set():
            raise UnsentError(f"{what} was not sent: the program is stopping")
        try:
            with self._client.stream(
                method,
                path,
                headers=_headers(token, content),
                content=content,
                timeout=self._limits(deadline),
            ) as response:
                body = self._body(response, what, deadline, began)
        except _UNSENT as error:
            raise UnsentError(f"{what} was not sent: {_reason(error)}") from None
        except httpx.TimeoutException:
            raise _too_slow(what, deadline - began) from None
        except httpx.DecodingError:
            raise MalformedError(f"{what} was answered with wrongly compressed data") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{what} had no whole answer: {_reason(error)}") from None
        except RuntimeError:  # httpx's word for a client that was closed in the midst of it
            if not self._closed.is_set():
                raise
            raise UnreachableError(f"{what} had no whole answer: the program is stopping") from None
        return Answer(
            status=response.status_code, headers=response.headers, body=_blotted(body, token)
        )

    def close(self) -> None:
        """Close all connections and end a pause between two attempts."""
        self._closed.set()
        self._client.close()

    def _pause(self, attempt: int, error: UnreachableError | ThrottledError) -> float:
        if isinstance(error, ThrottledError) and error.retry_after is not None:
            return error.retry_after.total_seconds()
        return self._random.uniform(0, min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))

    def _limits(self, deadline: float) -> httpx.Timeout:
        left = max(deadline - self._monotonic(), 0.001)
        return httpx.Timeout(left, connect=min(left, _CONNECT_WITHIN))

    def _body(self, response: httpx.Response, what: str, deadline: float, began: float) -> bytes:
        pieces, size = [], 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > self._most_bytes:
                raise MalformedError(f"{what} was answered with more than {self._most_bytes} bytes")
            if self._monotonic() > deadline:
                raise _too_slow(what, deadline - began)
        return b"".join(pieces)


def judged(answer: Answer, what: str) -> bytes:
    """Return the body of a 200, or raise the `MarketError` that the status means."""
    status = answer.status
    if status == HTTPStatus.OK:
        return answer.body
    seen = f"{what} was answered with {named(status)}: {excerpt.of_body(answer.body)}"
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            pause = retry_after(answer.headers)
            wait = "" if pause is None else f"; it asks to wait {pause.total_seconds():g} s"
            raise ThrottledError(f"{seen}{wait}", retry_after=pause)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise RefusedError(f"{seen}; check the marketplace's token", status=status)
        case _ if 400 <= status < 500:  # noqa: PLR2004 - the 4xx
            raise RefusedError(seen, status=status)
        case _ if status >= 500:  # noqa: PLR2004 - the 5xx
            raise UnreachableError(seen)
        case _:
            raise MalformedError(f"{seen}; only a 200 is documented, check base_url")


def retry_after(headers: httpx.Headers) -> timedelta | None:
    """Return how long a `Retry-After` asks to wait, in seconds or as a date (RFC 9110, 10.2.3).

    A date is taken relative to the answer's own `Date`, so that clocks need not agree. `None` is
    "not told in a usable way".
    """
    told = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,9}", told):
        return timedelta(seconds=int(told))
    try:
        pause = parsedate_to_datetime(told) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return max(pause, timedelta(0))


def named(status: int) -> str:
    """Return an HTTP status as people know it: `404 Not Found`."""
    known = status in HTTPStatus.__members__.values()
    return f"{status} {HTTPStatus(status).phrase}" if known else str(status)


def _reason(error: Exception) -> str:
    """Say what failed; a `LocalProtocolError` would quote the header that holds the token."""
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError) and str(error):
        return excerpt.of_body(str(error).encode())
    return type(error).__name__


def _too_slow(what: str, seconds: float) -> UnreachableError:
    return UnreachableError(f"{what} had no whole answer within {seconds:.3g} s")


def _headers(token: str, content: bytes | None) -> dict[bytes, bytes]:
    headers = {b"Authorization": f"Bearer {token}".encode()}
    return headers if content is None else {**headers, b"Content-Type": b"application/json"}


def _blotted(body: bytes, token: str) -> bytes:
    """Return `body` without the token, should the marketplace echo it."""
    return body.replace(token.encode(), b"***") if len(token) >= _SHORTEST_SECRET else body
