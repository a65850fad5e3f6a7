"""Serves a simulation over HTTP: in a thread for tests and the demo, or as a program."""

import asyncio
import socket
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.listening import listen
from monitor.simulator.app import PREFIX, create_app
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.requests import RequestLog
from monitor.simulator.simulation import Simulation
from monitor.simulator.switchboard import Switchboard
from monitor.simulator.wire import TRANSPORT

START_LIMIT = 10.0
STOP_LIMIT = 10.0
"""Seconds after which starting or stopping is given up; both usually take a tenth."""


class _Protocol(H11Protocol):
    """Hands each request its connection, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it likewise
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)


def _with_transport(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "extensions": {TRANSPORT: transport}}, receive, send)

    return wrapped


class _Server(uvicorn.Server):
    """Tells when it is up, and cuts what hangs when it stops."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
            )
        )
        self.up = threading.Event()
        self._asked = asyncio.Event()

    def stop(self) -> None:
        """Let the server stop at once; may be called from any thread while it is up."""
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._asked.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and do not send the signal again: being asked to stop is no failure."""
        del sig, frame
        self.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Wait to be asked; once a second let uvicorn put its clock right."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut every connection, so that what hangs is not waited for."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        await asyncio.gather(*self.server_state.tasks)


def base_url(listener: socket.socket) -> str:
    """Return where the documented API is to be found on `listener`."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PREFIX}"


def serve(simulation: Simulation, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; the listener is closed then."""
    _Server(create_app(simulation)).run(sockets=[listener])


class SimulatorServer:
    """A simulation on a free loopback port while the `with` block lasts.

    It runs in a thread of its own, which is gone after the block, whatever still hangs. Without a
    simulation the market is empty.
    """

    def __init__(self, simulation: Simulation | None = None) -> None:
        self.simulation = Simulation() if simulation is None else simulation
        self.base_url = ""

    @property
    def market(self) -> SimulatedMarket:
        """What is for sale and what was bought."""
        return self.simulation.market

    @property
    def faults(self) -> Switchboard:
        """Where faults are switched on and off."""
        return self.simulation.faults

    @property
    def requests(self) -> RequestLog:
        """What was asked."""
        return self.simulation.requests

    def __enter__(self) -> Self:
        listener = listen("127.0.0.1", 0)
        self.base_url = base_url(listener)
        self._server = _Server(create_app(self.simulation))
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [listener]},
            name="simulator",
            daemon=True,
        )
        self._thread.start()
        if not self._server.up.wait(START_LIMIT):
            raise TimeoutError("the simulator did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._thread.join(STOP_LIMIT)
        if self._thread.is_alive():
            raise TimeoutError("the simulator did not stop")
