"""The daemon as it is run: a process of its own between a simulated market and real receivers.

    with site(tmp_path) as place:
        place.write(rules=[CHEAP_H100])
        with place.daemon() as daemon:
            place.receiver.wait_for(1)
            assert daemon.stop() == 0

Leaving a `with` ends what it started, and fails if a wait took longer than `WAIT_FOR`.
"""

import contextlib
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import select, update
from typer.testing import CliRunner

from monitor.cli import app
from monitor.clock import monotonic, utc_now
from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation
from monitor.store.engine import Database
from monitor.store.schema import leases, notifications
from tests.integration.receivers import HttpReceiver, http_receiver
from tests.integration.starting import start

WAIT_FOR = 20.0
"""Seconds after which a wait fails the test; a start alone takes two on a machine at leisure."""
ROOT = Path(__file__).parents[2]
TOKEN = "simulated-token"
MARKET = "sim"
CHEAP_H100 = {"name": "cheap-h100", "match": {"gpu": "h100-*", "max_price_per_gpu_hour": 2}}

_SERVED = re.compile(r"http://127\.0\.0\.1:[0-9]+(?=\"|\n)")
_T = TypeVar("_T")
Event = dict[str, Any]


def until(found: Callable[[], _T], within: float = WAIT_FOR) -> _T:
    """Return what `found` returns, as soon as that is true; fail after `within` seconds.

    For what tells nobody when it changes: a page, a row. It is looked at every 20 ms.
    """
    deadline = monotonic() + within
    pause = threading.Event()
    while not (value := found()):
        if monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {within} s")
        pause.wait(0.02)
    return value


class Daemon:
    """A running process, and all that it has written so far; use `Site.daemon()`."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        self._lines: list[str] = []
        self._grew = threading.Condition()
        self._ended = False
        self.process, self._said = start(module, arguments, ROOT)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process's own number."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it serves, as soon as it does."""
        url, *_ = until(lambda: _SERVED.findall(self.output()))
        return str(url)

    def output(self) -> str:
        """Return all that was written so far."""
        with self._grew:
            return "".join(self._lines)

    def events(self, event: str, **facts: object) -> list[Event]:
        """Return the log lines of an event so far, those with these facts, oldest first."""
        with self._grew:
            lines = [_event(line) for line in self._lines]
        return [line for line in lines if line["event"] == event and facts.items() <= line.items()]

    def wait_for(
        self, event: str, count: int = 1, within: float = WAIT_FOR, **facts: object
    ) -> list[Event]:
        """Return the log lines of an event as soon as there are `count`; fail if it ends before."""
        deadline = monotonic() + within
        while True:
            with self._grew:
                known, ended = len(self._lines), self._ended
            found = self.events(event, **facts)
            if len(found) >= count:
                return found
            left = deadline - monotonic()
            if ended or left <= 0:
                what = f"{len(found)} of {count} times {event!r}"
                raise AssertionError(f"{what} in the log, ended: {ended}\n{self.output()}")
            with self._grew:
                self._grew.wait_for(lambda seen=known: self._ended or len(self._lines) > seen, left)  # type: ignore[misc]  # mypy cannot type the bound name

    def get(self, path: str) -> str:
        """Return what the daemon serves at `path`."""
        return httpx.get(f"{self.url}{path}", trust_env=False).text

    def metric(self, series: str) -> float | None:
        """Return the value of a series, written as Prometheus does, or `None`."""
        lines = (line.rpartition(" ") for line in self.get("/metrics").splitlines())
        return next((float(value) for name, _, value in lines if name == series), None)

    def hang_up(self) -> None:
        """Ask for a reload."""
        os.kill(self.pid, signal.SIGHUP)

    def stop(self, within: float = WAIT_FOR) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.terminate()
        return self.wait(within)

    def kill(self) -> None:
        """End the process as a loss of power would."""
        self.process.kill()
        self.wait()

    def wait(self, within: float = WAIT_FOR) -> int:
        """Return the exit status once the process has ended and all it wrote has been read."""
        self.process.join(within)
        status = self.process.exitcode
        if status is None:
            raise AssertionError(f"it still runs after {within} s\n{self.output()}")
        self._reader.join()
        return status

    def close(self) -> None:
        """End the process if it still runs."""
        self.process.kill()
        self.process.join()
        self._reader.join()

    def _read(self) -> None:
        with self._said as stream:
            for line in stream:
                with self._grew:
                    self._lines.append(line)
                    self._grew.notify_all()
        with self._grew:
            self._ended = True
            self._grew.notify_all()


@dataclass(kw_only=True)
class Site:
    """All that a daemon needs around it, and looks into its database; use `site()`."""

    folder: Path
    market: SimulatorServer
    receiver: HttpReceiver
    database_url: str
    configuration: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where the configuration is written."""
        return self.folder / "monitor.yaml"

    def write(self, **tables: Any) -> None:
        """Write the configuration, with other top-level tables than before where given.

        It polls every half second and tells the receiver at once.
        """
        before = self.configuration or self._usual()
        self.configuration = {**before, **tables}
        self.file.write_text(json.dumps(self.configuration), encoding="utf-8")

    def marketplace(self, **keys: Any) -> dict[str, Any]:
        """Return the usual marketplace, with other keys where given."""
        usual = {"name": MARKET, "kind": "tensordock", "base_url": self.market.base_url}
        return {**usual, "token": TOKEN, "poll_interval": "500ms", "timeout": "60s", **keys}

    @contextlib.contextmanager
    def daemon(
        self, *options: str, log_format: str = "json", config: Path | None = None
    ) -> Iterator[Daemon]:
        """Run `gpu-monitor run` until it ends, at the latest at the block's end."""
        log = ("--log-format", log_format)
        with self.running("monitor", "run", "-c", str(config or self.file), *log, *options) as it:
            yield it

    @contextlib.contextmanager
    def running(self, module: str, *arguments: str) -> Iterator[Daemon]:
        """Run a module until it ends, at the latest at the block's end."""
        daemon = Daemon(module, arguments)
        try:
            yield daemon
        finally:
            daemon.close()

    def ask(self, *arguments: str) -> str:
        """Return what a command prints about this database."""
        result = CliRunner().invoke(app, [*arguments, "-c", str(self.file)])
        assert result.exit_code == 0, result.output
        return result.stdout

    def notifications(self) -> list[Event]:
        """Return what `notifications list --json` says, oldest first."""
        listed: list[Event] = json.loads(self.ask("notifications", "list", "--json"))
        return listed[::-1]

    def titles(self) -> list[str]:
        """Return the titles that the receiver was sent, in order of arrival."""
        return [str(request.json()["title"]) for request in self.receiver.received()]

    def claimed(self) -> list[str]:
        """Return what is claimed: notifications by their title, and leases by their name."""
        sending = select(notifications.c.title).where(notifications.c.status == "sending")
        with self.opened() as database, database.read() as connection:
            return [*connection.scalars(sending), *connection.scalars(select(leases.c.name))]

    def let_claims_end(self) -> None:
        """Bring about what a minute would: the leases of all claims on notifications are over."""
        with self.opened() as database, database.transaction() as connection:
            connection.execute(
                update(notifications)
                .where(notifications.c.lease_until.is_not(None))
                .values(lease_until=utc_now())
            )

    @contextlib.contextmanager
    def opened(self) -> Iterator[Database]:
        """Open the daemon's database from the test."""
        database = Database.open(self.database_url)
        try:
            yield database
        finally:
            database.close()

    def _usual(self) -> dict[str, Any]:
        url = f"json://127.0.0.1:{self.receiver.port}/"
        return {
            "marketplaces": [self.marketplace()],
            "database": {"url": self.database_url},
            "server": {"listen": "127.0.0.1:0"},
            "receivers": [{"name": "hook", "urls": [url]}],
            "notifications": {"notify": ["hook"], "group_interval": "1s"},
            "rules": [CHEAP_H100],
        }


@contextlib.contextmanager
def site(folder: Path, database_url: str | None = None) -> Iterator[Site]:
    """Make a market in which an H100 is cheap, and a receiver that takes everything.

    The database is a file in `folder` unless another one is given.
    """
    market = SimulatedMarket(generate(hostnodes=40, seed=7), seed=7)
    market.set_offer("h100-*", price=1.79, count=4)
    server = SimulatorServer(Simulation(market, token=TOKEN))
    url = database_url or f"sqlite:///{folder / 'monitor.db'}"
    with server, http_receiver() as receiver:
        place = Site(folder=folder, market=server, receiver=receiver, database_url=url)
        place.write()
        yield place


def _event(line: str) -> Event:
    try:
        read = json.loads(line)
    except ValueError:
        return {"event": line.rstrip("\n")}
    return read if isinstance(read, dict) and "event" in read else {"event": line}
