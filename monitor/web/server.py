"""The HTTP edge: metrics, health, readiness, and an index page that links them."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from types import FrameType
from typing import Self

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from monitor.listening import listen
from monitor.web.exposition import negotiate, wants_gzip
from monitor.web.metrics import Metrics
from monitor.web.readiness import Readiness

_READ = ["GET", "HEAD"]
_GRACE_SECONDS = 1
_INDEX = """<!doctype html>
<html lang="en">
<title>gpu-monitor</title>
<h1>gpu-monitor</h1>
<ul>
<li><a href="/metrics">/metrics</a> for Prometheus
<li><a href="/-/healthy">/-/healthy</a>: the process serves
<li><a href="/-/ready">/-/ready</a>: migrated, and polled lately
</ul>
</html>
"""


def create_app(metrics: Metrics, readiness: Callable[[], Readiness]) -> FastAPI:
    """Return the application. `readiness` is called on the event loop and must not block.

    Only `/metrics` has work to do, and does it on a thread: whatever a scrape costs, health is
    answered at once, and nothing else uses the threads that scrapes run on.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.api_route("/", methods=_READ)
    async def index() -> HTMLResponse:
        return HTMLResponse(_INDEX)

    @app.api_route("/-/healthy", methods=_READ)
    async def healthy() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.api_route("/-/ready", methods=_READ)
    async def ready() -> PlainTextResponse:
        found = readiness()
        if found.ready:
            return PlainTextResponse("ready\n")
        return PlainTextResponse("".join(f"{reason}\n" for reason in found.reasons), 503)

    @app.api_route("/metrics", methods=_READ)
    def exposition(request: Request) -> Response:
        form = negotiate(request.headers.get("accept", ""))
        gzipped = wants_gzip(request.headers.get("accept-encoding", ""))
        headers = {"content-type": form.value, "vary": "accept, accept-encoding"}
        if gzipped:
            headers["content-encoding"] = "gzip"
        return Response(metrics.expose(form, gzipped=gzipped), headers=headers)

    return app


class Server:
    """Serves an application on one address, which it owns from its making until it has run.

    Raises:
        ListenError: if the address cannot be used. Connections made before `run()` wait for it.
    """

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        self._socket = listen(host, port)
        host, port, *_ = self._socket.getsockname()
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._uvicorn = _Uvicorn(_settings(app))

    def run(self, on_started: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop()`, and on the main thread until SIGTERM or SIGINT; close the address.

        `on_started` is called once on the event loop, when requests are answered. Requests in
        flight have one second to end; a second signal does not wait for them.
        """
        self._uvicorn.on_started = on_started
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self.close()

    def stop(self) -> None:
        """Ask `run()` to return, from any thread, before or while it runs."""
        self._uvicorn.should_exit = True

    def close(self) -> None:
        """Give the address back; only needed where `run()` is never called."""
        self._socket.close()

    @contextmanager
    def in_background(self) -> Iterator[Self]:
        """Serve on a thread, without any signal, for as long as the context lasts."""
        started = Event()
        thread = Thread(target=self.run, args=(started.set,), name="web")
        thread.start()
        try:
            started.wait()
            yield self
        finally:
            self.stop()
            thread.join()


class _Uvicorn(uvicorn.Server):
    """Tells when it has started, and leaves the end of the program to the program."""

    on_started: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut off who has not read its answer in time, whom uvicorn would leave connected."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # what was cut off is closed in the loop's next round

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving. Uvicorn's own way raises the signal again at the end, which would kill."""
        del sig, frame
        self.force_exit = self.should_exit
        self.should_exit = True


def _settings(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
