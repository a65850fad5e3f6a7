"""What the papers say is there: commands and their options, links, files."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from monitor.cli import app
from monitor.config.load import load
from monitor.delivery.apprise import check_url
from monitor.delivery.retry import RetryPolicy

ROOT = Path(__file__).resolve().parents[2]
PAPERS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")

FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"(?:monitor|alembic|config|docs|tests|grafana|deploy|\.ci)/[\w./*-]*")
CALL = re.compile(r"^ *(?:\S*/)?gpu-monitor +(.+)$")

Given = TyperCommand | TyperGroup


def commands() -> dict[str, Given]:
    """Return every command that does something, `db upgrade` by its two words."""
    return dict(_leaves(typer.main.get_command(app), ()))


def _leaves(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, Given]]:
    if isinstance(command, TyperGroup):
        if command.invoke_without_command and words:
            yield " ".join(words), command
        for name, below in command.commands.items():
            yield from _leaves(below, (*words, name))
    elif isinstance(command, TyperCommand):
        yield " ".join(words), command


def unknown(call: str, known: dict[str, Given]) -> list[str]:
    """Return what of `call`, the words after `gpu-monitor`, the program does not know."""
    words = call.split("#", maxsplit=1)[0].replace("[", " ").replace("]", " ").split()
    found = next((known[name] for n in (2, 1) if (name := " ".join(words[:n])) in known), None)
    if found is None:
        return [] if words[0].startswith("-") or words[0].isupper() else [call]
    options = {name for each in found.params for name in each.opts} | {"--help"}
    return [word for word in words if word.startswith("-") and word.split("=")[0] not in options]


def called(paper: str) -> Iterator[str]:
    """Yield what follows `gpu-monitor` in blocks of code and between backticks."""
    blocks = [line for block in FENCE.findall(paper) for line in block.splitlines()]
    for line in (*blocks, *CODE.findall(FENCE.sub("", paper))):
        if call := CALL.match(line):
            yield call[1]


def anchors(paper: str) -> set[str]:
    """Return the names that headings get where the paper is shown."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", paper), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken_links(paper: Path) -> list[str]:
    """Return the links of `paper` to files or headings that are not there."""
    found = []
    for link in LINK.findall(FENCE.sub("", paper.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = paper.parent / path if path else paper
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            found.append(link)
    return found


def missing_files(text: str) -> list[str]:
    """Return the files and folders named between backticks that are not in the checkout."""
    named = [each for each in CODE.findall(FENCE.sub("", text)) if FILE.fullmatch(each)]
    return [each for each in named if not list(ROOT.glob(each.rstrip("/")))]


def test_every_command_is_in_the_readme_and_no_other() -> None:
    section = README.split("## Commands")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z-]+(?: [a-z-]+)*)", section, re.MULTILINE)
    assert sorted(rows) == sorted(commands())


def test_every_option_in_the_readmes_table_is_known() -> None:
    section = README.split("## Commands")[1].split("\n## ")[0]
    calls = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    assert [wrong for call in calls for wrong in unknown(call, commands())] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_command_shown_can_be_given(paper: Path) -> None:
    known = commands()
    calls = called(paper.read_text(encoding="utf-8"))
    assert [wrong for call in calls for wrong in unknown(call, known)] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_link_leads_somewhere(paper: Path) -> None:
    assert broken_links(paper) == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_file_named_is_there(paper: Path) -> None:
    assert missing_files(paper.read_text(encoding="utf-8")) == []


def test_the_readmes_configuration_can_be_used(tmp_path: Path) -> None:
    block = next(each for each in FENCE.findall(README) if "yaml" in each.splitlines()[0])
    file = tmp_path / "my.yaml"
    file.write_text(textwrap.dedent(block).strip().strip("`").removeprefix("yaml"))
    config = load(file, {"TENSORDOCK_TOKEN": "made-up", "CHAT_URL": "ntfys://topic"}, check_url)
    assert [rule.name for rule in config.rules] == ["h100-under-2.20"]
    assert not config.warnings


def test_the_retries_told_are_those_made() -> None:
    paper = (ROOT / "docs" / "alerting.md").read_text(encoding="utf-8")
    policy = RetryPolicy()
    for told in (
        f"up to {policy.base.seconds} s after the first failure",
        f"at most {policy.cap.seconds // 60} min; `Retry-After`",
        f"honoured up to {policy.longest_asked.seconds // 60} min",
        f"After {policy.attempts} tries",
        f"after {policy.attempts_if_message_refused} if the receiver objects",
    ):
        assert told in paper


def test_every_paper_is_reached_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(README)}
    assert set(PAPERS) - {ROOT / "README.md"} <= linked


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("offers --gpu GLOB [--json]  # a word", []),
        ("db upgrade", []),
        ("COMMAND --help", []),
        ("offer", ["offer"]),
        ("db downgrade", ["db downgrade"]),
        ("offers --sorted price", ["--sorted"]),
    ],
)
def test_a_wrong_command_is_found(call: str, wrong: list[str]) -> None:
    assert unknown(call, commands()) == wrong


def test_a_broken_link_and_a_missing_file_are_found(tmp_path: Path) -> None:
    paper = tmp_path / "paper.md"
    paper.write_text("# One two\n[a](#one-two) [b](#three) [c](none.md) `monitor/none.py`\n")
    assert broken_links(paper) == ["#three", "none.md"]
    assert missing_files(paper.read_text()) == ["monitor/none.py"]
