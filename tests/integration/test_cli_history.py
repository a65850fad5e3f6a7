"""`history` and `stats` as a user has them, over a recording of four weeks."""

import csv
import io
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from monitor.cli import history
from monitor.cli.common import print_json, print_json_list
from monitor.cli.figures import print_csv
from tests.integration.commands import RECORDED, Commands, Ran, configure, in_a_process

FIXTURES = RECORDED.parent
END = "2025-11-16T06:47:04Z"
ASKED = ("--marketplace", "a100", "--until", END)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name a database that knows the four weeks, from which others are copied."""
    folder = tmp_path_factory.mktemp("recorded")
    path = configure(folder, "http://127.0.0.1:1/", "json://127.0.0.1:9/")
    recording = FIXTURES / "a100-sxm4-2025-10.jsonl.gz"
    in_a_process("import", "-c", path, "--marketplace", "a100", recording, folder=folder)
    return folder / "data" / "monitor.db"


@pytest.fixture
def config(tmp_path: Path, recorded: Path) -> Path:
    """Configure a monitor that knows the four weeks."""
    (tmp_path / "data").mkdir()
    shutil.copy(recorded, tmp_path / "data" / "monitor.db")
    return configure(tmp_path, "http://127.0.0.1:1/", "json://127.0.0.1:9/")


@pytest.fixture
def ask(gpu_monitor: Commands, config: Path) -> "Ask":
    return Ask(gpu_monitor, config)


class Ask:
    """Asks about the end of the recording."""

    def __init__(self, commands: Commands, config: Path) -> None:
        self._commands = commands
        self._config = config

    def __call__(self, command: str, *arguments: str | Path) -> Ran:
        return self._commands(command, "-c", self._config, *ASKED, *arguments)


def test_stats_begins_with_whether_the_price_is_good(ask: Ask) -> None:
    ran = ask("stats")
    first, *others = ran.out.splitlines()
    assert first.startswith("cheapest a100-sxm4-80gb is ")
    assert "of the last 30 days" in first
    assert "historical low" in first
    assert "was polled; all shares are of that time" in ran.err
    assert any(line.startswith("Wed  ") for line in others)
    assert max(map(len, others)) <= 80


def test_stats_for_a_script(ask: Ask) -> None:
    (told,) = ask("stats", "--json").json()
    assert told["marketplace"] == "a100"
    assert told["low"] <= told["p10"] <= told["p50"] <= told["p90"] <= told["high"]
    assert 0 < told["coverage"] < 1
    assert len(told["hours"]) == 7 * 24
    assert told["sessions"]["hostnode"]["sessions"] >= told["sessions"]["model"]["sessions"] > 0
    assert told["historical_low"] == told["low"]


def test_polls_half_an_hour_apart_do_not_tell_what_is_gone_in_five_minutes(ask: Ask) -> None:
    ran = ask("stats")
    assert "gone in 5m" not in ran.out
    assert "whether it was gone in 5m is not told" in ran.err


def test_history_has_a_line_for_each_day(ask: Ask) -> None:
    ran = ask("history", "--since", "3d")
    lines = ran.out.splitlines()
    assert [line[:9] for line in lines[1:]] == [
        "11-13 Thu",
        "11-14 Fri",
        "11-15 Sat",
        "11-16 Sun",
    ]
    assert max(map(len, lines)) <= 80
    assert "· is not known" in ran.err


def test_history_in_steps_for_a_script_and_for_a_spreadsheet(ask: Ask) -> None:
    asked = ("history", "--since", "24h", "--step", "6h")
    (told,) = ask(*asked, "--json").json()
    steps = told["steps"]
    assert [step["from"] for step in steps[:2]] == ["2025-11-15T06:47:04Z", "2025-11-15T12:00:00Z"]
    rows = list(
        csv.DictReader(io.StringIO(ask("history", "--since", "24h", "--step", "6h", "--csv").out))
    )
    assert [row["low"] for row in rows] == [str(step["low"]) for step in steps]


def test_days_are_those_of_the_zone_that_is_asked_for(ask: Ask) -> None:
    """At half past six in London it is evening, the day before, in Honolulu."""
    ran = ask("history", "--since", "2h", "--step", "1h", "--tz", "Pacific/Honolulu")
    assert ran.out.splitlines()[-1].startswith("11-15 Sat")


@pytest.mark.parametrize(("since", "second"), [("32d", "T08:00:00Z"), ("33d", "T00:00:00Z")])
def test_a_long_time_is_cut_into_days_unless_a_step_is_said(
    since: str, second: str, ask: Ask
) -> None:
    (told,) = ask("history", "--since", since, "--json").json()
    assert told["steps"][1]["until"].endswith(second)


def test_days_of_utc_keep_their_date_in_another_zone(ask: Ask) -> None:
    """Each begins in the evening of the day before there."""
    asked = ("history", "--since", "2d", "--step", "1d", "--csv")
    begun = [row["from"][5:10] for row in csv.DictReader(io.StringIO(ask(*asked).out))]
    ran = ask(*asked[:-1], "--tz", "America/New_York")
    assert [line[:5] for line in ran.out.splitlines()[1:]] == begun
    assert "days are those of UTC" in ran.err


@pytest.mark.parametrize("command", ["stats", "history"])
def test_a_picture_that_can_be_posted(command: str, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "a100.svg"
    ran = ask(command, "--plot", file)
    assert ran.status == 0
    assert ran.out == ""
    assert str(file) in ran.err
    assert ET.fromstring(file.read_text()).tag.endswith("svg")  # noqa: S314  our own


def test_a_picture_needs_matplotlib_and_says_how_to_have_it(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ran = ask("stats", "--plot", tmp_path / "a100.png")
    assert ran.status == 1
    assert "`pip install matplotlib` beside gpu-monitor" in ran.err


@pytest.mark.parametrize(
    ("name", "why"),
    [("a100.docx", "pictures end in .svg or .png"), ("no/a100.png", "No such file or directory")],
)
def test_a_picture_that_cannot_be_written_is_told(
    name: str, why: str, ask: Ask, tmp_path: Path
) -> None:
    ran = ask("stats", "--plot", tmp_path / name)
    assert ran.status == 1
    assert why in ran.err


def test_where_nothing_is_known_it_is_said_where_something_is(
    gpu_monitor: Commands, config: Path
) -> None:
    ran = gpu_monitor("stats", "-c", config, "--window", "30d")
    assert ran.status == 1
    assert f"the history ends before it: add --until {END}" in ran.err


def test_a_gpu_that_was_never_seen_is_said_to_be_so(ask: Ask) -> None:
    ran = ask("history", "--gpu", "h200*")
    assert ran.status == 1
    assert "no GPU that was ever polled fits 'h200*'" in ran.err


@pytest.mark.parametrize("command", ["history", "stats"])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--gpu", "a100-smx4*"), "no GPU that was ever polled fits 'a100-smx4*'; did you mean"),
        (("--gpu", "A100"), "did you mean `*A100*`?"),
        (("--country", "Norway"), "no country that was ever polled fits 'Norway': none was told"),
        (("--hostnode", "nope"), "no hostnode that was ever polled fits 'nope'"),
    ],
)
def test_an_option_that_nothing_ever_fitted_is_named(
    ask: Ask, command: str, options: tuple[str, ...], told: str
) -> None:
    ran = ask(command, *options)
    assert (ran.status, ran.out) == (1, "")
    assert told in ran.err


def test_without_any_history_it_is_said_how_to_begin(gpu_monitor: Commands, tmp_path: Path) -> None:
    config = configure(tmp_path, "http://127.0.0.1:1/", "json://h:9/")
    gpu_monitor("db", "upgrade", "-c", config)
    ran = gpu_monitor("stats", "-c", config)
    assert ran.status == 1
    assert "nothing is recorded yet" in ran.err


@pytest.mark.parametrize("command", ["offers", "history", "stats"])
def test_in_a_wrong_folder_the_path_of_the_database_is_told(
    command: str, gpu_monitor: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configure(tmp_path, "http://127.0.0.1:1/", "json://127.0.0.1:9/")
    path.write_text(path.read_text().replace(f"sqlite:///{tmp_path}/", "sqlite:///"))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    ran = gpu_monitor(command, "-c", path)
    assert ran.status == 1
    assert f"there is no database yet at {tmp_path}/other/data/monitor.db: run" in ran.err
    assert not [*Path().iterdir()]


def test_a_marketplace_that_is_not_there_is_said_to_be_so(
    gpu_monitor: Commands, config: Path
) -> None:
    ran = gpu_monitor("stats", "-c", config, "--marketplace", "nope")
    assert ran.status == 1
    assert "nothing is recorded of a marketplace 'nope'" in ran.err


def test_days_of_several_years_are_told_with_their_year(ask: Ask) -> None:
    first, *_, last = ask("history", "--since", "400d", "--step", "1d").out.splitlines()[1:]
    assert first.startswith("2024-10-12 Sat")
    assert last.startswith("2025-11-16 Sun")
    assert ask("history").out.splitlines()[1].startswith("11-09 Sun")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("history", "--since", "yesterday"), "neither a time ago"),
        (("history", "--since", "2030-01-01"), "begins after its end"),
        (("history", "--step", "1ms"), "more than 20,000 steps"),
        (("history", "--step", "0s"), "more than 20,000 steps"),
        (("stats", "--window", "0s"), "longer than nothing"),
        (("stats", "--tz", "Mars/Olympus"), "no time zone is named"),
        (("stats", "--until", "0001-01-02"), "is not in the years 1970 to 2999"),
        (("history", "--until", "9999-12-31T23:59"), "is not in the years 1970 to 2999"),
        (("stats", "--json", "--csv"), "one of --json and --csv"),
        (("history", "--json", "--csv"), "one of --json and --csv"),
    ],
)
def test_a_wrong_question_is_told(arguments: tuple[str, ...], why: str, ask: Ask) -> None:
    ran = ask(*arguments)
    assert ran.status == 2
    assert why in " ".join(ran.err.split())


@pytest.mark.parametrize("form", [(), ("--csv",), ("--json",)])
@pytest.mark.parametrize("among", [(), ("--gpu", "geforce*")])
def test_what_is_read_in_parts_is_told_as_at_once(
    gpu_monitor: Commands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: tuple[str, ...],
    among: tuple[str, ...],
) -> None:
    config = configure(tmp_path, "http://127.0.0.1:1/", "json://127.0.0.1:9/")
    gpu_monitor("import", "-c", config, RECORDED)
    asked = ("history", "-c", str(config), "--since", "2026-03-20", "--until", "2026-03-25", *among)
    at_once = gpu_monitor(*asked, *form)
    monkeypatch.setattr(history, "_STEPS_AT_ONCE", 1)
    monkeypatch.setattr(history, "_MANY_STEPS", 1)
    in_parts = gpu_monitor(*asked, *form)
    assert (at_once.status, at_once.err) == (0, "")
    assert in_parts.out == at_once.out
    assert re.fullmatch(
        r"reads \d+ models in 120 steps each: --gpu, or a longer --step, asks for less\n",
        in_parts.err,
    )


def test_rows_and_values_are_printed_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    """Not all of them at the end: of a year of all models they take hundreds of megabytes."""
    printed = []

    def come(number: int) -> Iterator[dict[str, int]]:
        for each in range(number):
            printed.append(len(capsys.readouterr().out))
            yield {"number": each}

    print_csv(come(50_000))
    assert sum(map(bool, printed)) > 1
    printed.clear()
    print_json_list(come(3))
    assert printed[1:] == [len('[{"number": 0}'), len(', {"number": 1}')]
    assert capsys.readouterr().out == ', {"number": 2}]\n'


def test_a_list_on_a_terminal_is_printed_like_any_other_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for values in ([{"a": 1, "b": [2]}, {}], [3]):
        print_json_list(values)
        in_parts = capsys.readouterr().out
        print_json(values)
        assert in_parts == capsys.readouterr().out
