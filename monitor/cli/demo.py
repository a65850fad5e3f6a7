"""`demo`: the whole program on loopback, with nothing configured."""

import http.server
import json
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from monitor.app import Monitor
from monitor.cli.common import duration, log_to_stderr, read_config, redactor
from monitor.cli.grab_spending import roughly
from monitor.errors import MonitorError
from monitor.simulator.drift import Drift
from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation
from monitor.store.engine import Database
from monitor.store.grabs import Books

_STEP = timedelta(seconds=3)
_CONFIG = """\
# Made by `gpu-monitor demo`: a marketplace and a webhook on loopback, both simulated.
marketplaces:
  - name: simulated
    kind: tensordock
    base_url: {market}
    token: simulated-token
    poll_interval: 1s
database: {{url: "sqlite:///{folder}/monitor.db"}}
server: {{listen: "127.0.0.1:{port}"}}
receivers:
  - {{name: webhook, urls: ["json://{webhook}/"]}}
notifications: {{notify: [webhook], group_interval: 1s}}
rules:
  - name: h100-under-2.00
    match:
      gpu: h100-*
      max_price_per_gpu_hour: 2.00
      min_price_per_gpu_hour: 0.40
      resources: {{vcpu_count: 8, ram_gb: 32, storage_gb: 200}}
    for: 2s
    keep_firing_for: 2s
    grab: {{preset: demo-box, max_total_per_hour: 2.50, one_shot: true, time_to_live: 9s}}
presets:
  - name: demo-box
    image: ubuntu2404
    resources: {{gpu_count: 1, vcpu_count: 8, ram_gb: 32, storage_gb: 200}}
    ssh_key_id: demo-key
    port_forwards: [22]
grab:  # live: it is the simulator's money
  mode: live
  max_instances: 1
  max_total_per_hour: 2.50
  max_spend_per_day: 10
  max_spend_per_month: 100
  max_creates_per_hour: 5
  stop_file: "{folder}/STOP"
"""


class _Sale:
    """H100s become cheap a while after the start, and dear again: what the alert is about."""

    def __init__(self, market: SimulatedMarket) -> None:
        self._left = [(timedelta(seconds=4), 1.79, 4), (timedelta(seconds=14), 2.49, 4)]
        self._market = market

    def catch_up(self, elapsed: timedelta, now: datetime) -> None:
        """Change the price once its time has come."""
        del now
        while self._left and self._left[0][0] <= elapsed:
            _, price, count = self._left.pop(0)
            self._market.set_offer("h100-*", price=price, count=count)


def demo(
    run_for: Annotated[
        timedelta | None,
        typer.Option(
            "--for", parser=duration, metavar="TIME", help="Stop after, e.g. 30s. [default: Ctrl-C]"
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to keep its data. [default: a new folder]"),
    ] = None,
) -> None:
    """Run everything on loopback: a market, a rule that fires, a message, an instance bought."""
    log_to_stderr(level="info")
    folder = (data_dir or Path(tempfile.mkdtemp(prefix="gpu-monitor-demo-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    market = SimulatedMarket(generate(hostnodes=40, seed=7), seed=7, boots_for=_STEP)
    market.set_offer("h100-*", price=2.49)
    simulation = Simulation(market, token="simulated-token", seed=7)  # noqa: S106 - no secret
    simulation.follow(Drift(market, step=_STEP, seed=7))
    simulation.follow(_Sale(market))
    with SimulatorServer(simulation) as simulator, _webhook() as (webhook, delivered):
        config = folder / "demo.yaml"
        config.write_text(
            _CONFIG.format(
                market=simulator.base_url, webhook=webhook, folder=folder, port=_free_port()
            ),
            encoding="utf-8",
        )
        _run(config, run_for)
    _say(f"\n{len(delivered)} messages were delivered.")
    bought = _tell_grabs(folder)
    _say("\nTo look around:")
    for command in ("offers", "alerts", "notifications list", "grabs list", "grabs show 1"):
        _say(f"  {_program()} {command} -c {config}")
    if run_for is None or run_for <= timedelta(seconds=15):
        return
    if not (delivered and bought):
        raise MonitorError("no message was delivered, or nothing bought; look at the log above")


def _run(config: Path, run_for: timedelta | None) -> None:
    monitor = Monitor(read_config(config), reread=lambda: read_config(config), redactor=redactor)
    timer = threading.Timer(run_for.total_seconds(), monitor.stop) if run_for else None

    def started(url: str) -> None:
        _say(f"Metrics at {url}/metrics, configuration in {config}; Ctrl-C stops.")
        if timer:
            timer.start()

    try:
        monitor.run(started)
    finally:
        if timer:
            timer.cancel()


def _tell_grabs(folder: Path) -> bool:
    """Say what became of each grab; return whether something was bought."""
    database = Database.open(f"sqlite:///{folder}/monitor.db")
    with closing(database), Books(database).reading() as book:
        found = [(grab, book.history(grab.id)) for grab in reversed(book.listed(limit=10))]
    for grab, history in found:
        way = " → ".join(step.after for step in history if step.before is not step.after)
        name = f" ({grab.instance_name})" if grab.instance_name else ""
        _say(f"\ngrab {grab.id}{name}: {way}")
        for step in history:
            _say(f"  {step.at:%H:%M:%S}  {step.after:<10} {step.reason}")
        if grab.submitted_at is not None:
            _say(f"  it has cost {roughly(grab.spent)} $ of simulated money")
    return any(grab.instance_id is not None for grab, _ in found)


@contextmanager
def _webhook() -> Iterator[tuple[str, list[str]]]:
    """Receive messages on loopback, and show each as it would be read."""
    delivered: list[str] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            message = json.loads(self.rfile.read(length))
            delivered.append(message["title"])
            _say(f"\n┌ delivered: {message['title']}")
            for line in message["message"].splitlines():
                _say(f"│ {line}")
            _say("└")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the message itself is shown."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, name="webhook")
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", delivered
        finally:
            server.shutdown()
            thread.join()


def _program() -> str:
    """Return what starts this very program in the same shell: its name, if it is on the path."""
    started, found = Path(sys.argv[0]), shutil.which("gpu-monitor")
    if found is not None and started.exists() and Path(found).samefile(started):
        return "gpu-monitor"
    return str(started) if started.name == "gpu-monitor" else f"{sys.executable} -m monitor"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _say(line: str) -> None:
    typer.echo(line)
