"""The program's commands as a user has them, and a simulated market for them to poll."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.__main__ import main
from monitor.marketplaces.replay import open_replay
from monitor.simulator.playback import Playback
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation

RECORDED = Path(__file__).parents[1] / "fixtures" / "replay" / "tensordock-2026-03.jsonl.gz"
TOKEN = "tok-0123456789"
RULES = """\
rules:
  - name: cheap-3090
    match: {gpu: geforcertx3090-*, max_price_per_gpu_hour: 0.20}
  - name: any-h100
    match: {gpu: h100-*}
    for: 1h
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended, and what it said where."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Return what is on standard output, all of it, as JSON."""
        return json.loads(self.out)


class Commands:
    """Runs commands in this process, by the same entry as the console script."""

    def __init__(self, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        self._patch = patch
        self._captured = captured

    def __call__(self, *arguments: str | Path) -> Ran:
        self._patch.setattr(sys, "argv", ["gpu-monitor", *map(str, arguments)])
        self._captured.readouterr()
        status: int | str | None = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code
        said = self._captured.readouterr()
        assert isinstance(status, int | None)
        return Ran(status=status or 0, out=said.out, err=said.err)


def in_a_process(*arguments: str | Path, folder: Path, **environ: str) -> Ran:
    """Run a command as a process of its own, in a folder of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "monitor", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(status=ended.returncode, out=ended.stdout, err=ended.stderr)


def recorded_hostnodes(line: int = 0) -> list[dict[str, Any]]:
    """Return the hostnodes of one recorded poll, read without the program."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        hostnodes: list[dict[str, Any]] = json.loads(lines.read().splitlines()[line])["hostnodes"]
    return hostnodes


@contextmanager
def replaying() -> Iterator[SimulatorServer]:
    """Serve the recorded market; an hour of the simulation's clock is one recorded poll."""
    simulation = Simulation(token=TOKEN)
    with open_replay(RECORDED) as lines, SimulatorServer(simulation) as server:
        playback = Playback(simulation.market, simulation.faults, lines, step=timedelta(hours=1))
        simulation.follow(playback)
        yield server


def configure(folder: Path, base_url: str, *urls: str, rules: str = RULES) -> Path:
    """Write a configuration with one marketplace, a receiver with `urls`, and rules."""
    path = folder / "monitor.yaml"
    path.write_text(
        f"""\
marketplaces:
  - {{name: tensordock, kind: tensordock, base_url: "{base_url}", token: {TOKEN}, timeout: 5s}}
database: {{url: "sqlite:///{folder / "data" / "monitor.db"}"}}
receivers:
  - {{name: chat, urls: {json.dumps(urls)}}}
notifications: {{notify: [chat]}}
{rules}""",
        encoding="utf-8",
    )
    return path
