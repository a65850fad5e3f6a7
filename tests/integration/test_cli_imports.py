"""`import` and `export` as a user has them."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.store import marketplaces, migrate
from monitor.store.engine import Database
from tests.contract.rolling import expire, roll_up
from tests.integration.commands import RECORDED, Commands, configure
from tests.integration.daemon import until

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configure(tmp_path, "http://127.0.0.1:1/", "json://127.0.0.1:9/")


def test_a_recording_is_imported_and_told(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("import", "-c", config, RECORDED)
    assert ran.status == 0
    assert "4      0       0    0  2026-03-21 06:09  2026-03-23 07:02" in ran.out
    assert "polled every 8h3m (the file's median)" in ran.err


def test_to_import_again_says_that_all_is_known(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("import", "-c", config, RECORDED)
    ran = gpu_monitor("import", "-c", config, "--json", RECORDED)
    assert "nothing new, for all its time the history of tensordock is known already" in ran.err
    (told,) = ran.json()
    assert told == {
        "file": str(RECORDED),
        "marketplace": "tensordock",
        "new": 0,
        "known": 4,
        "failed": 0,
        "bad": 0,
        "from": "2026-03-21T06:09:11Z",
        "until": "2026-03-23T07:02:37Z",
    }


def test_bad_lines_are_told_by_number_and_the_others_are_used(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    lines = gzip.decompress(RECORDED.read_bytes()).splitlines(keepends=True)
    html = b'{"at":"2026-03-21T07:00:00Z","hostnodes":[1,2]}\n'
    file = tmp_path / "some.jsonl"
    file.write_bytes(b"".join((lines[0], b"<html>\n", html, lines[1])))
    ran = gpu_monitor("import", "-c", config, "--json", file)
    assert ran.status == 0
    assert (ran.json()[0]["new"], ran.json()[0]["bad"]) == (2, 2)
    assert f"{file}:2: left out: JSON is malformed" in ran.err
    assert f"{file}:3: left out: of 2 hostnodes none could be read" in ran.err


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ((), 1, "many polls are 58s apart, and by a poll interval of 2s more than 6s is a gap"),
        (("--interval", "0s"), 2, "must be longer than nothing"),
        (("--interval", "500ms"), 1, "say how often it was polled with --interval"),
        (("--interval", "60s"), 0, "polled every 1m (as asked)"),
    ],
)
def test_a_poll_interval_that_would_leave_gaps_everywhere_writes_nothing(
    gpu_monitor: Commands,
    config: Path,
    asked: tuple[str, ...],
    status: int,
    told: str,
) -> None:
    """For gaps cannot be undone: to import again finds every instant known. Polls are in pairs."""
    file = config.with_name("pairs.jsonl")
    file.write_bytes(b"".join(lines_at(60 * pair + two for pair in range(9) for two in (0, 2))))
    ran = gpu_monitor("import", "-c", config, *asked, file)
    assert ran.status == status
    assert told in ran.err
    assert gpu_monitor("export", "-c", config).status == (0 if status == 0 else 1)


@pytest.mark.parametrize(("retention", "told"), [("1d", True), ("2d", False)])
def test_what_is_older_than_is_kept_is_told(
    gpu_monitor: Commands, config: Path, retention: str, *, told: bool
) -> None:
    """The recording lasts for two days; the first poll is taken in, and will go."""
    text = config.read_text()
    config.write_text(text.replace("database: {", f"database: {{retention: {retention}, "))
    ran = gpu_monitor("import", "-c", config, RECORDED)
    assert ("what is older than 2026-03-22 is not kept" in ran.err) is told
    again = gpu_monitor("import", "-c", config, RECORDED)
    assert "is not kept" not in again.err


def test_failed_polls_and_empty_lists_are_no_evidence(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    lines = gzip.decompress(RECORDED.read_bytes()).splitlines(keepends=True)
    empty = b'{"at":"2026-03-21T06:10:00Z","hostnodes":[]}\n'
    error = b'{"at":"2026-03-21T06:11:00Z","error":"unreachable"}\n'
    file = tmp_path / "some.jsonl"
    file.write_bytes(b"".join((lines[0], empty, error, lines[1])))
    (told,) = gpu_monitor("import", "-c", config, "--json", "--interval", "10m", file).json()
    assert (told["new"], told["failed"], told["bad"]) == (2, 2, 0)
    exported = gpu_monitor("export", "-c", config).out.splitlines()
    assert [json.loads(line)["at"] for line in exported] == [
        "2026-03-21T06:09:11Z",
        "2026-03-21T06:19:24Z",
    ]


def test_a_file_without_one_usable_line_fails(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text("<html>\n</html>\n")
    ran = gpu_monitor("import", "-c", config, file)
    assert ran.status == 1
    assert f"{file}:1: left out" in ran.err


@pytest.mark.parametrize("name", ["", " ", "gpu-monitor", "a\nb"])
def test_a_marketplace_needs_a_name_of_its_own(
    gpu_monitor: Commands, config: Path, name: str
) -> None:
    """No command takes one out of the database again."""
    ran = gpu_monitor("import", "-c", config, "--marketplace", name, RECORDED)
    assert ran.status == 2
    assert "must be a name of printable characters" in " ".join(ran.err.split())
    assert gpu_monitor("export", "-c", config, "--marketplace", name).status == 1


def test_a_file_that_is_not_there_is_a_wrong_command(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    ran = gpu_monitor("import", "-c", config, RECORDED, tmp_path / "none.jsonl")
    assert ran.status == 2
    assert "there is no file" in ran.err
    assert gpu_monitor("export", "-c", config).status == 1  # nothing of the other one was read


def test_an_export_is_imported_from_standard_input(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    """Through a pipe and gzipped, into another instance, and out again: the same bytes."""
    file, again = tmp_path / "one.jsonl.gz", tmp_path / "two.jsonl.gz"
    gpu_monitor("import", "-c", config, RECORDED)
    assert gpu_monitor("export", file, "-c", config).status == 0
    with file.open("rb") as piped:
        ended = subprocess.run(
            [sys.executable, "-m", "monitor", "import", "-", "-c", config, "--marketplace", "b"],
            cwd=ROOT,
            stdin=piped,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
    assert b"b is not configured" in ended.stderr
    gpu_monitor("export", again, "-c", config, "--marketplace", "b")
    assert again.read_bytes() == file.read_bytes()


def test_nothing_of_a_failed_export_is_left(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "one.jsonl"
    gpu_monitor("db", "upgrade", "-c", config)
    file.write_text("what was there")
    ran = gpu_monitor("export", file, "-c", config)
    assert ran.status == 1
    assert "nothing is known of tensordock" in ran.err
    assert [each.name for each in tmp_path.glob("one*")] == ["one.jsonl"]
    assert file.read_text() == "what was there"


def test_an_export_that_cannot_be_written_is_told(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    ran = gpu_monitor("export", tmp_path / "no" / "one.jsonl", "-c", config)
    assert ran.status == 1
    assert "one.jsonl cannot be written: No such file or directory" in ran.err


def test_an_export_to_a_pipe_goes_through_it_and_leaves_it_a_pipe(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    """What is no regular file (a pipe, a device) is written to; replacing it would destroy it."""
    gpu_monitor("import", "-c", config, RECORDED)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so that opening to write does not wait
    try:
        assert gpu_monitor("export", pipe, "-c", config, "--since", "2026-03-23").status == 0
        assert os.read(reading, 100).startswith(b'{"at":"2026-03-23T')
    finally:
        os.close(reading)
    assert pipe.is_fifo()


def test_an_export_through_a_link_keeps_link_and_permissions_and_what_stands_beside(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    gpu_monitor("import", "-c", config, RECORDED)
    file, link, part = (tmp_path / name for name in ("one.jsonl", "link.jsonl", "link.jsonl.part"))
    for each in (file, part):
        each.write_text("the user's own")
    file.chmod(0o640)
    link.symlink_to(file)
    assert gpu_monitor("export", link, "-c", config).status == 0
    assert link.is_symlink()
    assert file.read_bytes().startswith(b'{"at":')
    assert file.stat().st_mode & 0o777 == 0o640
    assert part.read_text() == "the user's own"


def test_what_retention_deleted_is_told_to_be_left_out(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    gpu_monitor("import", "-c", config, "--interval", "12h", RECORDED)
    with closing(Database.open(f"sqlite:///{tmp_path / 'data' / 'monitor.db'}")) as database:
        roll_up(database)
        expire(database, "tensordock", datetime(2026, 3, 23, tzinfo=UTC), limit=500)
    ran = gpu_monitor("export", "-c", config)
    assert ran.out.startswith('{"at":"2026-03-23T00:00:00Z"')
    assert "from 2026-03-21T06:09:11Z to 2026-03-23T00:00:00Z only roll-ups are kept" in ran.err
    ran = gpu_monitor("export", "-c", config, "--until", "2026-03-22")
    assert (ran.status, ran.out) == (1, "")
    assert "nothing can be exported of tensordock: from 2026-03-21T06:09:11Z to" in ran.err


def test_a_table_of_stretches(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("import", "-c", config, RECORDED)
    rows = gpu_monitor("export", "--csv", "-c", config, "--since", "2026-03-23").out.splitlines()
    assert rows[0].startswith(
        "marketplace,hostnode_id,gpu,from,until,until_unknown,available,price"
    )
    assert all(row.split(",")[3] >= "2026-03-23" for row in rows[1:])
    assert len(rows) > 30


def many_lines(count: int) -> Iterator[bytes]:
    return lines_at(60 * minute for minute in range(count))


def lines_at(seconds: Iterable[int]) -> Iterator[bytes]:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for index, second in enumerate(seconds):
        gpu = {"v0Name": "l4-pcie-24gb", "availableCount": index % 7, "price_per_hr": 0.5}
        node = {"id": f"hn-{index % 5}", "available_resources": {"gpus": [gpu]}}
        at = (begin + timedelta(seconds=second)).isoformat()
        yield json.dumps({"at": at, "hostnodes": [node]}).encode() + b"\n"


@pytest.mark.slow
def test_an_import_that_was_killed_goes_on_and_ends_as_one_that_was_not(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    lines = list(many_lines(3000))
    file = tmp_path / "whole.jsonl"
    file.write_bytes(b"".join(lines))
    command = [sys.executable, "-m", "monitor", "import", "-c", str(config)]
    with subprocess.Popen([*command, "-"], cwd=ROOT, stdin=subprocess.PIPE) as begun:
        assert begun.stdin is not None
        begun.stdin.write(b"".join(lines[:2600]))
        begun.stdin.flush()
        until(lambda: is_begun(tmp_path / "data" / "monitor.db"))
        os.kill(begun.pid, signal.SIGKILL)
        begun.stdin.close()
    (told,) = gpu_monitor("import", "-c", config, "--json", file).json()
    assert told["known"] > 0
    assert told["new"] > 0
    gpu_monitor("import", "-c", config, "--marketplace", "whole", file)
    killed, whole = (
        gpu_monitor("export", "-c", config, "--marketplace", name).out
        for name in ("tensordock", "whole")
    )
    assert killed == whole
    assert len(killed.splitlines()) == 3000


def is_begun(file: Path) -> bool:
    """Tell whether the first batch was committed."""
    if not file.exists():
        return False
    with closing(Database.open(f"sqlite:///{file}")) as database:
        if migrate.current(database) != migrate.head():
            return False
        with database.read() as connection:
            return marketplaces.find(connection, "tensordock") is not None
