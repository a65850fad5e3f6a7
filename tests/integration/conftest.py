"""What commands are tested with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.simulator.server import SimulatorServer
from tests.integration.commands import Commands, configure, replaying


@pytest.fixture
def gpu_monitor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


@pytest.fixture
def market() -> Iterator[SimulatorServer]:
    """Serve a recorded market."""
    with replaying() as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, market: SimulatorServer) -> Path:
    """Configure the recorded market, and a receiver that nobody listens behind."""
    return configure(tmp_path, market.base_url, "json://127.0.0.1:9/")
