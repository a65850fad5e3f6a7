"""What every command has in common: its configuration, its help, and where it says what."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from monitor import __version__
from monitor.cli import app
from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.ownership import sole_owner
from tests.integration.commands import TOKEN, Commands, configure, in_a_process

MISTAKES = Path(__file__).parents[1] / "unit" / "config"
MARKET = "http://127.0.0.1:1/api/v2"


def _every(command: object, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield each command and each group of commands by its words."""
    if words:
        yield " ".join(words)
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from _every(below, (*words, name))


COMMANDS = list(_every(typer.main.get_command(app)))
READING = ["poll", "check-config", "offers", "alerts", "notifications list", "db current", "run"]
READING += ["presets list"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configure(tmp_path, MARKET, "json://127.0.0.1:9/s3cret-path")


def test_the_version_is_printed(tmp_path: Path) -> None:
    ran = in_a_process("--version", folder=tmp_path)
    assert (ran.status, ran.out, ran.err) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(gpu_monitor: Commands, command: str) -> None:
    ran = gpu_monitor(*command.split(), "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"Usage: gpu-monitor {command} " in ran.out
    assert re.search(r"\n\n  [A-Z][^\n]*(\n  \w[^\n]*)*\.\n\n", ran.out), (
        "what it does, in a sentence"
    )


@pytest.mark.parametrize("wrong", [["pol"], ["poll", "--jsn"], ["notify", "test"], ["db", "x"]])
def test_a_wrong_command_is_told_on_standard_error(gpu_monitor: Commands, wrong: list[str]) -> None:
    ran = gpu_monitor(*wrong)
    assert (ran.status, ran.out) == (2, "")
    assert "Error: " in ran.err


def test_twenty_mistakes_are_all_told(tmp_path: Path) -> None:
    """As a process of its own: exit status 2, each mistake with its place, nothing on stdout."""
    ran = in_a_process("check-config", "-c", MISTAKES / "twenty.yaml", folder=tmp_path, WEBHOOK="x")
    assert (ran.status, ran.out) == (2, "")
    *told, last = ran.err.splitlines()
    expected = (MISTAKES / "twenty.txt").read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix(f"{MISTAKES}/") for line in told] == expected
    assert last == "gpu-monitor: 20 mistakes to mend first"


def test_a_good_configuration_is_told_to_be_good(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("check-config", "-c", config)
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == (
        f"{config}: well; 1 marketplace, 2 rules, 1 receiver, 0 presets, 0 warnings\n"
    )


@pytest.mark.parametrize("command", READING)
def test_without_its_configuration_a_command_says_what_to_do(
    gpu_monitor: Commands, tmp_path: Path, command: str
) -> None:
    ran = gpu_monitor(*command.split(), "-c", tmp_path / "no.yaml")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        f"{tmp_path / 'no.yaml'}:1:1: file: does not exist: name another with -c FILE or "
        "GPU_MONITOR_CONFIG, or see `gpu-monitor demo`, which needs none\n"
        "gpu-monitor: 1 mistake to mend first\n"
    )


def test_the_configuration_is_by_default_in_the_working_folder(
    gpu_monitor: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPU_MONITOR_CONFIG", raising=False)
    assert "config/monitor.yaml:1:1: file: does not exist" in gpu_monitor("alerts").err


def test_the_configuration_can_be_named_by_the_environment(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    ran = in_a_process("alerts", "--json", folder=tmp_path, GPU_MONITOR_CONFIG=str(config))
    assert (ran.status, ran.json(), ran.err) == (0, [], "")


def test_an_option_wins_over_the_environment(
    gpu_monitor: Commands, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPU_MONITOR_CONFIG", "/nowhere.yaml")
    assert gpu_monitor("check-config", "-c", config).status == 0
    assert gpu_monitor("check-config").status == 2


def test_a_database_is_migrated_looked_at_and_checked(gpu_monitor: Commands, config: Path) -> None:
    file = config.parent / "data" / "monitor.db"
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM")
    assert gpu_monitor("db", "current", "-c", config).out == "none\n"
    assert gpu_monitor("db", "check", "-c", config).status == 1
    upgraded = gpu_monitor("db", "upgrade", "-c", config)
    assert (upgraded.status, upgraded.out) == (0, f"{migrate.head()}\n")
    assert " migrations run\n" in upgraded.err
    assert "0 migrations run\n" in gpu_monitor("db", "upgrade", "-c", config).err
    assert gpu_monitor("db", "current", "-c", config).out == f"{migrate.head()}\n"
    checked = gpu_monitor("db", "check", "-c", config)
    assert (checked.status, checked.out) == (0, "")
    assert checked.err.endswith("monitor.db: well\n")


def test_a_database_that_is_none_is_told(gpu_monitor: Commands, config: Path) -> None:
    file = config.parent / "data" / "monitor.db"
    file.parent.mkdir()
    file.write_text("this is no database, and long enough to be seen not to be one\n" * 20)
    for command in ("alerts", "db upgrade", "db check"):
        ran = gpu_monitor(*command.split(), "-c", config)
        assert (ran.status, ran.out) == (1, "")
        assert "monitor.db" in ran.err
        assert "Traceback" not in ran.err


def test_no_command_shows_a_secret(gpu_monitor: Commands, config: Path) -> None:
    for command in ("check-config", "poll", "notify test chat", "notifications list", "alerts"):
        ran = gpu_monitor(*command.split(), "-c", config)
        assert TOKEN not in ran.out + ran.err
        assert "s3cret" not in ran.out + ran.err


def test_a_command_leaves_a_database_of_another_version_alone(
    gpu_monitor: Commands, config: Path
) -> None:
    """A daemon of that version may be at work on it."""
    assert gpu_monitor("db", "upgrade", "-c", config).status == 0
    (file,) = config.parent.rglob("*.db")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'another'")
    ran = gpu_monitor("alerts", "-c", config)
    assert ran.status == 1
    assert "is not of this version" in ran.err
    assert "db upgrade" in ran.err


def test_the_size_of_the_database_is_told(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    shown = gpu_monitor("db", "size", "-c", config)
    assert (shown.status, shown.out) == (0, "")
    assert "all tables are empty\n" in shown.err
    assert "an hour of polling is needed" in shown.err
    found = json.loads(gpu_monitor("db", "size", "--json", "-c", config).out)
    assert found["bytes"] > 0
    assert found["bytes_after_a_year"] is None
    assert {"table", "rows", "bytes", "bytes_per_day"} <= found["tables"][0].keys()


def test_a_file_is_compacted_only_without_a_daemon(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    compacted = gpu_monitor("db", "compact", "-c", config)
    assert compacted.status == 0
    assert "monitor.db: " in compacted.err
    database = Database.open(f"sqlite:///{config.parent / 'data' / 'monitor.db'}")
    with closing(database), sole_owner(database):
        refused = gpu_monitor("db", "compact", "-c", config)
    assert refused.status == 1
