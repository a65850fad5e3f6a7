"""A marketplace that answers from a script, a clock that only moves when told, and no sleep."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import httpx

from monitor.marketplaces.tensordock.client import TensorDock
from monitor.marketplaces.tensordock.http import MOST_BYTES, Http

TOKEN = "tok-1f2e3d4c5b6a"
BASE_URL = "https://market.test/api/v2"

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class HalfRandom(Random):
    """A random that always draws the middle, so that pauses are known."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@dataclass
class Wire:
    """What was asked and how long was paused; replies come in turn, the last one for ever."""

    replies: list[Reply]
    seconds: float = 1000.0
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    on_pause: Callable[[], None] = lambda: None

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply(request)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds
        self.on_pause()

    def http(
        self,
        token: str | Callable[[], str] = TOKEN,
        most_bytes: int = MOST_BYTES,
        write_token: str | None = None,
    ) -> Http:
        return Http(
            base_url=BASE_URL,
            token=token,
            write_token=write_token,
            timeout=timedelta(seconds=20),
            version="1.2.3",
            most_bytes=most_bytes,
            transport=httpx.MockTransport(self.answer),
            monotonic=lambda: self.seconds,
            sleep=self.sleep,
            random=HalfRandom(),
        )

    def marketplace(
        self, token: str = TOKEN, most_bytes: int = MOST_BYTES, write_token: str | None = None
    ) -> TensorDock:
        http = self.http(token, most_bytes, write_token)
        return TensorDock(name="tensordock", http=http, monotonic=lambda: self.seconds)


class Slow(httpx.SyncByteStream):
    """A body that comes piece by piece, each after `seconds` on the wire's clock."""

    def __init__(self, wire: Wire, pieces: list[bytes], seconds: float) -> None:
        self._wire, self._pieces, self._seconds = wire, pieces, seconds

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._wire.seconds += self._seconds
            yield piece


class CutOff(httpx.SyncByteStream):
    """A body whose connection is lost half-way."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"data":'
        raise httpx.RemoteProtocolError("peer closed connection without sending complete body")


class Endless(httpx.SyncByteStream):
    """A body without an end; `sent` counts its bytes."""

    sent = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.sent += 1000
            yield b" " * 1000
