import gzip
import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from monitor.clock import monotonic
from monitor.errors import ListenError
from monitor.market.offer import Offer
from monitor.web.exposition import Format
from monitor.web.metrics import Metrics
from monitor.web.readiness import Readiness
from monitor.web.server import Server, create_app
from tests.unit.web.exposed import (
    a_poll,
    a_snapshot,
    an_offer,
    families,
    filled_metrics,
    some_metrics,
)

READY = Readiness(reasons=())


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def a_server(metrics: Metrics | None = None, readiness: Readiness = READY) -> Server:
    app = create_app(metrics or filled_metrics(), lambda: readiness)
    return Server(app, host="127.0.0.1", port=0)


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    with closing(http.client.HTTPConnection(address(server), timeout=10)) as connection:
        connection.request(
            method, path, headers={name.replace("_", "-"): told for name, told in headers.items()}
        )
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, answer.read())


def address(server: Server) -> str:
    return server.url.removeprefix("http://")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with a_server().in_background() as serving:
        yield serving


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_metrics_come_in_the_format_and_encoding_asked_for(
    server: Server, form: Format, encoding: str
) -> None:
    answer = ask(server, "/metrics", accept=form.value, accept_encoding=encoding)
    assert answer.status == 200
    assert answer.headers["content-type"] == form.value
    assert answer.headers["vary"] == "accept, accept-encoding"
    assert answer.headers.get("content-encoding", "identity") == encoding
    body = gzip.decompress(answer.body) if encoding == "gzip" else answer.body
    assert body == filled_metrics().expose(form)
    assert families(body, form)


def test_a_browser_sees_metrics_as_text(server: Server) -> None:
    assert ask(server, "/metrics").headers["content-type"] == Format.TEXT.value


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready"])
def test_head_tells_what_get_would_without_a_body(server: Server, path: str) -> None:
    got, head = ask(server, path), ask(server, path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["content-type"] == got.headers["content-type"]


def test_it_is_healthy_as_long_as_it_serves() -> None:
    with a_server(readiness=Readiness(reasons=("m: no poll yet",))).in_background() as server:
        answer = ask(server, "/-/healthy")
    assert (answer.status, answer.body) == (200, b"ok\n")


def test_it_is_ready_without_a_reason_against_it(server: Server) -> None:
    assert ask(server, "/-/ready").status == 200


def test_it_says_why_it_is_not_ready() -> None:
    reasons = ("the database is not migrated", "m: no poll yet")
    with a_server(readiness=Readiness(reasons=reasons)).in_background() as server:
        answer = ask(server, "/-/ready")
    assert (answer.status, answer.body.decode().splitlines()) == (503, list(reasons))


def test_the_index_links_all_there_is(server: Server) -> None:
    answer = ask(server, "/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for path in ("/metrics", "/-/healthy", "/-/ready"):
        assert f'href="{path}"' in answer.body.decode()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/metrics/"])
def test_there_is_nothing_else(server: Server, path: str) -> None:
    assert ask(server, path).status in {307, 404}


def test_nothing_can_be_written(server: Server) -> None:
    assert ask(server, "/metrics", "POST").status == 405


def test_health_is_answered_while_a_scrape_is_slow() -> None:
    metrics, entered, go_on = some_metrics(), threading.Event(), threading.Event()

    class Slow(tuple[Offer, ...]):
        """Offers that are rendered only when the test lets them."""

        __slots__ = ()

        def __iter__(self) -> Iterator[Offer]:
            entered.set()
            assert go_on.wait(10)
            return super().__iter__()

    metrics.observe_poll(a_poll(replace(a_snapshot(), offers=Slow())))
    with a_server(metrics).in_background() as server:
        scrape = threading.Thread(target=ask, args=(server, "/metrics"))
        scrape.start()
        try:
            assert entered.wait(10)
            assert ask(server, "/-/healthy").status == 200
        finally:
            go_on.set()
            scrape.join(10)


def test_an_address_in_use_is_told_before_anything_is_served() -> None:
    with closing(a_server()) as first:
        _, _, port = first.url.rpartition(":")
        with pytest.raises(ListenError, match=f"127.0.0.1:{port}: another program listens there"):
            Server(create_app(some_metrics(), lambda: READY), host="127.0.0.1", port=int(port))


def test_an_address_that_is_not_ours_is_told() -> None:
    """192.0.2.1 is nobody's: RFC 5737 keeps it for documentation."""
    with pytest.raises(ListenError, match=r"cannot listen on 192\.0\.2\.1:9470: ."):
        Server(create_app(some_metrics(), lambda: READY), host="192.0.2.1", port=9470)


def test_an_address_can_be_used_again_at_once() -> None:
    with a_server().in_background() as first:
        ask(first, "/")
    _, _, port = first.url.rpartition(":")
    app = create_app(some_metrics(), lambda: READY)
    with Server(app, host="127.0.0.1", port=int(port)).in_background() as second:
        assert ask(second, "/-/healthy").status == 200


def test_an_ipv6_address_is_written_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = Server(create_app(some_metrics(), lambda: READY), host="::1", port=0)
    except ListenError:
        pytest.skip("no IPv6 address on the loopback here")
    with server.in_background():
        assert server.url.startswith("http://[::1]:")
        assert ask(server, "/-/healthy").status == 200


def test_it_is_asked_to_stop_before_it_runs() -> None:
    server = a_server()
    server.stop()
    server.run()


def test_what_fails_at_the_start_ends_it_and_gives_the_address_back() -> None:
    server = a_server()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        server.run(on_started=fail)
    with pytest.raises(ConnectionRefusedError):
        ask(server, "/")


def test_a_reader_that_stands_still_delays_the_end_by_two_seconds_at_most() -> None:
    metrics = some_metrics()
    metrics.observe_poll(a_poll(a_snapshot(an_offer(f"hn-{n}") for n in range(20_000))))
    with a_server(metrics).in_background() as server:
        host, _, port = address(server).rpartition(":")
        reader = socket.create_connection((host, int(port)), timeout=10)
        reader.sendall(b"GET /metrics HTTP/1.1\r\nHost: monitor\r\n\r\n")
        assert reader.recv(12) == b"HTTP/1.1 200"
        asked_at = monotonic()
    reader.close()
    assert monotonic() - asked_at < 4


def test_it_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with a_server().in_background() as server:
        ask(server, "/metrics")
    new = set(threading.enumerate()) - before
    for thread in new:
        thread.join(10)
    assert not [thread for thread in new if thread.is_alive()]


MAIN = """
from monitor.web.metrics import Metrics
from monitor.web.readiness import Readiness
from monitor.web.server import Server, create_app

app = create_app(Metrics(version="1"), lambda: Readiness(reasons=()))
server = Server(app, host="127.0.0.1", port=0)
server.run(on_started=lambda: print(server.url, flush=True))
print("cleaned up", flush=True)
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serving_and_not_the_program(sent: signal.Signals) -> None:
    """What comes after `run()` must happen: uvicorn by itself raises the signal once more."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", MAIN], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("http://127.0.0.1:")
        asked_at = monotonic()
        program.send_signal(sent)
        assert program.stdout.read() == "cleaned up\n"
        assert program.wait(10) == 0
        assert monotonic() - asked_at < 5
