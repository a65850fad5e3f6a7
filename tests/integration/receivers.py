"""Real receivers on loopback, for tests: HTTP and SMTP servers that record what they are told.

    with http_receiver() as receiver:
        receiver.answers(Answer(status=500), CLOSE)  # the last one stays
        send(f"json://127.0.0.1:{receiver.port}/chat")
        receiver.wait_for(1)[0].json()["title"]

Leaving the `with` ends every connection and joins every thread, hanging ones too.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, Literal, TypeVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from monitor.clock import monotonic

WAIT_FOR = 10.0
"""Seconds after which a wait fails the test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer: after `delay` seconds, and with `byte_delay` seconds before each byte."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    delay: float = 0
    byte_delay: float = 0


class Fault(StrEnum):
    """What a receiver can do instead of answering a request it has read."""

    HANG = "hang"
    """Say nothing, and keep the connection open until the receiver is closed."""
    CLOSE = "close"
    """Close the connection without an answer."""
    CUT = "cut"
    """Close the connection in the middle of the answer's body."""


HANG, CLOSE, CUT = Fault.HANG, Fault.CLOSE, Fault.CUT
Behaviour = Answer | Fault

_ItemT = TypeVar("_ItemT")


class Record(Generic[_ItemT]):
    """A list that one thread fills and another waits on."""

    def __init__(self) -> None:
        self._items: list[_ItemT] = []
        self._grew = threading.Condition()

    def add(self, item: _ItemT) -> None:
        with self._grew:
            self._items.append(item)
            self._grew.notify_all()

    def all(self) -> list[_ItemT]:
        with self._grew:
            return list(self._items)

    def wait_for(self, count: int, within: float = WAIT_FOR) -> list[_ItemT]:
        """Return all items as soon as there are `count`; fail after `within` seconds."""
        with self._grew:
            if not self._grew.wait_for(lambda: len(self._items) >= count, within):
                message = f"{len(self._items)} of {count} arrived within {within} s"
                raise AssertionError(message)
            return list(self._items)


class Script(Generic[_ItemT]):
    """What to do with each request in turn; the last entry is for all that follow."""

    def __init__(self, first: _ItemT) -> None:
        self._entries = [first]
        self._lock = threading.Lock()

    def set(self, *entries: _ItemT) -> None:
        with self._lock:
            self._entries = list(entries)

    def next(self) -> _ItemT:
        with self._lock:
            return self._entries.pop(0) if len(self._entries) > 1 else self._entries[0]

    def peek(self) -> _ItemT:
        with self._lock:
            return self._entries[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request as it arrived; `at` is the monotonic second its first line was read."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    def json(self) -> dict[str, Any]:
        """Return the body of an Apprise `json://` notification: title, message, type, …."""
        document: dict[str, Any] = json.loads(self.body)
        return document


class HttpReceiver(ThreadingHTTPServer):
    """A threaded HTTP server on a free loopback port; use `http_receiver()`."""

    daemon_threads = False  # joined when the receiver is closed
    request_queue_size = 128

    def __init__(self) -> None:
        self.requests: Record[Request] = Record()
        self.script: Script[Behaviour] = Script(Answer())
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Conversation)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def answers(self, *behaviours: Behaviour) -> None:
        """Answer the next requests like this, one after the other; the last one stays."""
        self.script.set(*behaviours)

    def received(self) -> list[Request]:
        """Return the requests read so far, in order of arrival."""
        return self.requests.all()

    def wait_for(self, count: int, within: float = WAIT_FOR) -> list[Request]:
        """Return all requests as soon as `count` have been read; fail after `within` seconds."""
        return self.requests.wait_for(count, within)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that gives up is what the tests are about."""

    def disconnect(self) -> None:
        """End every open connection, and every hanging answer."""
        self.closing.set()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Conversation(BaseHTTPRequestHandler):
    server: HttpReceiver

    def _converse(self) -> None:
        at = monotonic()
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # who sent it has died: nothing has arrived
            self.close_connection = True
            return
        self.server.requests.add(
            Request(
                method=self.command, path=self.path, headers=dict(self.headers), body=body, at=at
            )
        )
        match self.server.script.next():
            case Answer() as answer:
                self._answer(answer)
            case Fault.HANG:
                self.server.closing.wait()
            case Fault.CLOSE:
                self.close_connection = True
            case Fault.CUT:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _converse  # noqa: N815 - http.server's names

    def _answer(self, answer: Answer) -> None:
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        lines = [f"HTTP/1.0 {answer.status} x", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        raw = "\r\n".join(lines).encode() + answer.body
        self.server.closing.wait(answer.delay)
        if not answer.byte_delay:
            self.wfile.write(raw)
            return
        for byte in raw:
            if self.server.closing.wait(answer.byte_delay):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, *_args: object) -> None:
        pass


@contextlib.contextmanager
def http_receiver(*behaviours: Behaviour) -> Iterator[HttpReceiver]:
    """Serve HTTP on a free loopback port; 200 with `{}` unless `behaviours` say otherwise."""
    with HttpReceiver() as receiver:
        if behaviours:
            receiver.answers(*behaviours)
        serving = threading.Thread(target=lambda: receiver.serve_forever(poll_interval=0.01))
        serving.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            serving.join()
            receiver.disconnect()


@contextlib.contextmanager
def unaccepting_port() -> Iterator[int]:
    """Yield a port that takes connections and bytes (the kernel does), and never reads them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield int(listener.getsockname()[1])


def closed_port() -> int:
    """Return a port on which nobody listens: connecting is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as it was handed over; `at` is the monotonic second its data were complete."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An SMTP reply to the whole mail, or already to its recipient."""

    line: str = "250 OK"
    to: Literal["recipient", "mail"] = "mail"


class SmtpReceiver(Controller):
    """A real SMTP server (no TLS, no login) on a free loopback port; use `smtp_receiver()`.

    `HANG` and `CLOSE` take the place of the reply to the mail.
    """

    def __init__(self) -> None:
        self.mails: Record[Mail] = Record()
        self.script: Script[Reply | Fault] = Script(Reply())
        super().__init__(_Mailbox(self), hostname="127.0.0.1", port=0)

    def _trigger_server(self) -> None:
        """Learn which port the system chose, before aiosmtpd tries the server out."""
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd leaves it untyped

    def replies(self, *replies: Reply | Fault) -> None:
        """Reply to the next mails like this, one after the other; the last one stays."""
        self.script.set(*replies)

    def received(self) -> list[Mail]:
        """Return the mails handed over so far, in order of arrival."""
        return self.mails.all()

    def wait_for(self, count: int, within: float = WAIT_FOR) -> list[Mail]:
        """Return all mails as soon as `count` were handed over; fail after `within` seconds."""
        return self.mails.wait_for(count, within)


class _Mailbox:
    """The hooks that aiosmtpd calls, by their names."""

    def __init__(self, receiver: SmtpReceiver) -> None:
        self._receiver = receiver

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        reply = self._receiver.script.peek()
        if isinstance(reply, Reply) and reply.to == "recipient":
            self._receiver.script.next()
            return reply.line
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self._receiver.mails.add(_mail(envelope))
        reply = self._receiver.script.next()
        if isinstance(reply, Reply):
            return reply.line
        if reply is Fault.HANG:
            await asyncio.Event().wait()  # until the receiver is closed
        assert isinstance(server.transport, asyncio.WriteTransport)
        server.transport.abort()
        return "421 closing"


def _mail(envelope: Envelope) -> Mail:
    return Mail(
        sender=str(envelope.mail_from),
        recipients=tuple(str(address) for address in envelope.rcpt_tos),
        data=envelope.original_content or b"",
        at=monotonic(),
    )


@contextlib.contextmanager
def smtp_receiver(*replies: Reply | Fault) -> Iterator[SmtpReceiver]:
    """Serve SMTP on a free loopback port; every mail is taken unless `replies` say otherwise."""
    receiver = SmtpReceiver()
    if replies:
        receiver.replies(*replies)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
