"""`gpu-monitor simulate`, as a program."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from monitor.__main__ import main
from monitor.simulator.catalogue import FAULTS

RECORDING = Path(__file__).parents[1] / "fixtures" / "replay" / "tensordock-2026-03.jsonl.gz"
COMMAND = (sys.executable, "-W", "error", "-m", "monitor", "simulate")
Run = Callable[..., "Ended"]
TOKEN = {"Authorization": "Bearer anything"}


@contextmanager
def _simulated(*options: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the command on a free port; hand out it, its base URL and what it said."""
    with subprocess.Popen(
        [*COMMAND, "--listen", "127.0.0.1:0", *options], stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stderr is not None
            said = ""
            while not said.endswith("\n\n") or "token:" not in said:
                line = program.stderr.readline()
                assert line, said
                said += line
            found = re.search(r"base_url: (\S+)", said)
            assert found
            yield program, found[1], said
        finally:
            program.kill()


@dataclass(frozen=True)
class Ended:
    """How the program ended, and what it said."""

    status: object
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program inside this one, for what ends by itself."""

    def ended(*options: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["gpu-monitor", "simulate", *options])
        with pytest.raises(SystemExit) as left:
            main()
        return Ended(left.value.code, *capsys.readouterr())

    return ended


@pytest.mark.slow
def test_it_says_how_to_point_the_monitor_at_it_and_stops_when_asked() -> None:
    with _simulated("--token", "abc-secret") as (program, url, said):
        assert "kind: tensordock" in said
        assert "abc-secret" not in said
        assert httpx.get(f"{url}/hostnodes", headers=TOKEN).status_code == 401
        answer = httpx.get(f"{url}/hostnodes", headers={"Authorization": "Bearer abc-secret"})
        assert len(answer.json()["data"]["hostnodes"]) == 30
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=5) == 0
        assert program.stderr is not None
        assert program.stderr.read() == ""


@pytest.mark.slow
def test_it_plays_a_recording_under_a_scenario_and_stops_while_a_call_hangs(
    tmp_path: Path,
) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("steps: [{at: 0s, add: {id: added}}]", encoding="utf-8")
    options = ("--replay", str(RECORDING), "--scenario", str(scenario), "--fault", "hang@instances")
    with _simulated(*options) as (program, url, _):
        rows = httpx.get(f"{url}/hostnodes", headers=TOKEN).json()["data"]["hostnodes"]
        assert (rows[0]["engine"], rows[0]["location"]["city"]) == (None, "Chubbuck")
        assert (len(rows), rows[-1]["id"]) == (24, "added")
        host, port = url.removeprefix("http://").split("/")[0].split(":")
        with socket.create_connection((host, int(port))) as hanging:
            hanging.sendall(b"GET /api/v2/instances HTTP/1.1\r\nHost: x\r\n")
            hanging.sendall(b"Authorization: Bearer x\r\n\r\n")
            httpx.get(f"{url}/hostnodes", headers=TOKEN)
            program.send_signal(signal.SIGINT)
            assert program.wait(timeout=5) == 0


def test_it_lists_its_faults(run: Run) -> None:
    listed = run("--list-faults")
    assert listed.status == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(FAULTS)


def test_a_port_that_is_taken_is_told(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.status == 1
    assert "another program listens there; stop it, or choose another address" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"at": "2026-03-21T06:09:11Z", "hostnodes": []}\nnonsense\n', ":2:1: poll: "),
        (b"\n", "holds no recorded poll"),
        (RECORDING.read_bytes()[:-40], "the compressed data is damaged"),
    ],
    ids=["bad line", "empty", "cut"],
)
def test_a_recording_that_cannot_be_played_is_told(
    run: Run, tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "polls.jsonl"
    path.write_bytes(content)
    result = run("--replay", str(path))
    assert result.status == 2
    assert f"{path}:" in result.stderr
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--replay", "/nowhere.jsonl"), "No such file"),
        (("--scenario", "/nowhere.yaml"), "No such file"),
        (("--fault", "throtled"), "did you mean"),
        (("--fault", "empty@create"), "does not strike"),
        (("--step", "5"), "needs a unit"),
        (("--step", "0s"), "longer than 0s"),
        (("--listen", "here"), "an address and a port"),
        (("--replay", "x", "--hostnodes", "3"), "leave out"),
    ],
)
def test_a_wrong_option_is_told(run: Run, options: tuple[str, ...], told: str) -> None:
    result = run(*options)
    assert result.status == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr
