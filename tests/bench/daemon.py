"""The daemon as a process of its own, and a marketplace that notes when it has answered it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from monitor.clock import monotonic
from tests.integration.receivers import Record, closed_port

ROOT = Path(__file__).parents[2]
STOP_WITHIN = 15.0


class Answering(ThreadingHTTPServer):
    """Answers every request with the next body, on a free loopback port.

    `asked` gets an entry when a request has been read, before it is answered; `answered` the
    monotonic second just before the last byte of an answer was sent.
    """

    daemon_threads = True

    def __init__(self, bodies: Iterator[bytes]) -> None:
        self.asked: Record[None] = Record()
        self.answered: Record[float] = Record()
        self.bodies = bodies
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def url(self) -> str:
        """The base URL for the configuration."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Answering
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the last byte would wait for an acknowledgement

    def do_GET(self) -> None:
        self.server.asked.add(None)
        body = next(self.server.bodies)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:-1])
        at = monotonic()
        self.wfile.write(body[-1:])
        self.server.answered.add(at)

    def log_message(self, *_args: object) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running daemon: its process, and where it serves."""

    pid: int
    url: str


@contextmanager
def answering(bodies: Iterator[bytes]) -> Iterator[Answering]:
    """Serve `bodies` while the block lasts."""
    with Answering(bodies) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def daemon(folder: Path, config: dict[str, Any]) -> Iterator[Daemon]:
    """Run the daemon with `config`, to which the database and the address are added.

    Raises:
        RuntimeError: with the end of its log, if it did not end well.
    """
    port = closed_port()
    own = {
        "database": {"url": f"sqlite:///{folder / 'bench.db'}"},
        "server": {"listen": f"127.0.0.1:{port}"},
    }
    file, log = folder / "monitor.yaml", folder / "log"
    file.write_text(json.dumps({**own, **config}))  # JSON is YAML
    command = [sys.executable, "-m", "monitor", "run", "--config", str(file)]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT)
    try:
        yield Daemon(pid=process.pid, url=f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        status = process.wait(STOP_WITHIN)
    if status:
        raise RuntimeError(f"the daemon ended with {status}:\n{log.read_text()[-2000:]}")
