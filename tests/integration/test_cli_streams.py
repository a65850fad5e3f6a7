"""Standard streams that are full or closed, as a shell hands them over."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.commands import RECORDED, Commands, configure


@pytest.fixture
def config(gpu_monitor: Commands, tmp_path: Path) -> Path:
    path = configure(tmp_path, "http://127.0.0.1:1/", "json://127.0.0.1:9/")
    gpu_monitor("import", "-c", path, RECORDED)
    return path


def in_a_shell(line: str, config: Path) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m monitor {line}".replace("CONFIG", str(config))
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["offers -c CONFIG", "export -c CONFIG"])
def test_no_room_for_what_is_written_is_told_in_a_line(command: str, config: Path) -> None:
    ended = in_a_shell(f"{command} >/dev/full", config)
    told = "gpu-monitor: standard output cannot be written: No space left on device"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, told)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "command", ["offers -c CONFIG >&-", "export -c CONFIG >&-", "import - -c CONFIG <&-"]
)
def test_a_closed_stream_is_one_that_nobody_reads_or_writes(command: str, config: Path) -> None:
    ended = in_a_shell(command, config)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
