"""Commands that only read make no database: not in a wrong folder, and not in an empty file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command

from monitor.store import migrate
from monitor.store.engine import Database
from tests.integration.commands import Commands, configure

READING = (
    "offers",
    "explain any-h100",
    "history --gpu h100-*",
    "stats --gpu h100-*",
    "export out.jsonl",
    "backtest",
    "alerts",
    "alerts ack any-h100",
    "silence list",
    "silence expire 1",
    "notifications list",
    "notifications show 1",
    "notifications resend 1",
    "grabs list",
    "grabs show 1",
    "grabs approve 1",
    "grabs delete 1",
    "grabs resolve 1 --as failed",
    "grabs spend",
    "grabs resume",
    "db size",
)
OF_ANY_REVISION = ("db current", "db check", "db compact")
MAKING = (
    "poll",
    "silence add rule=any-h100 --comment holidays",
    "grabs pause",
    "notify test chat",
    "notify drill",
    "db upgrade",
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Describe a market and a receiver that nobody is; the working folder is empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return configure(tmp_path, "http://127.0.0.1:9", "json://127.0.0.1:9/")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "monitor.db"


@pytest.mark.parametrize("asked", READING + OF_ANY_REVISION)
def test_a_command_that_reads_makes_no_database(
    gpu_monitor: Commands, config: Path, file: Path, asked: str
) -> None:
    ran = gpu_monitor(*asked.split(), "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        f"gpu-monitor: there is no database yet at {file}: run `gpu-monitor run` or `poll` first, "
        "or name another configuration with -c FILE\n"
    )
    assert not file.parent.exists()
    assert not [*Path().iterdir()]


@pytest.mark.parametrize("asked", MAKING)
def test_a_command_that_writes_makes_it(gpu_monitor: Commands, config: Path, asked: str) -> None:
    gpu_monitor(*asked.split(), "-c", config)
    assert gpu_monitor("db", "check", "-c", config).status == 0


def test_a_preview_needs_no_database(gpu_monitor: Commands, config: Path, file: Path) -> None:
    ran = gpu_monitor("notify", "preview", "any-h100", "-c", config)
    assert ran.status == 0
    assert "the offers are made up" in ran.err
    assert not file.parent.exists()


def test_an_empty_file_is_no_database_either(
    gpu_monitor: Commands, config: Path, file: Path
) -> None:
    file.parent.mkdir()
    file.touch()
    ran = gpu_monitor("offers", "-c", config)
    assert "there is no database yet at" in ran.err
    assert [*file.parent.iterdir()] == [file]
    assert not file.stat().st_size


@pytest.mark.parametrize("asked", READING)
def test_tables_are_not_made_by_who_reads(
    gpu_monitor: Commands, config: Path, file: Path, asked: str
) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 1")
    ran = gpu_monitor(*asked.split(), "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(f"gpu-monitor: the database {file} has no tables yet: ")
    assert gpu_monitor("db", "current", "-c", config).out == "none\n"


def test_an_older_database_is_not_migrated_by_who_reads(
    gpu_monitor: Commands, config: Path, file: Path
) -> None:
    with (
        closing(Database.open(f"sqlite:///{file}")) as database,
        database.transaction() as connection,
    ):
        command.upgrade(migrate._config(connection), "0008")
    ran = gpu_monitor("offers", "-c", config)
    assert ran.status == 1
    assert "run `gpu-monitor db upgrade`" in ran.err
    assert gpu_monitor("db", "current", "-c", config).out == "0008\n"
