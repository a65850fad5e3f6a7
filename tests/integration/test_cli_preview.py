"""`notify preview`: what each receiver would get, and nothing is sent."""

from pathlib import Path

import pytest

from tests.integration.commands import RULES as RECORDED_RULES
from tests.integration.commands import Commands, configure, replaying

RULES = """\
rules:
  - name: cheap-3090
    match: {gpu: geforcertx3090-*, max_price_per_gpu_hour: 0.20}
    escalate: {after: 5m, notify: [chat]}
  - {name: quiet, match: {}, notify: []}
"""
CHAT = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configure(tmp_path, "http://127.0.0.1:9", CHAT, "json://127.0.0.1:9/", rules=RULES)


def test_each_destination_is_shown_its_message_in_its_format(
    gpu_monitor: Commands, config: Path
) -> None:
    shown = gpu_monitor("notify", "preview", "cheap-3090", "--json", "-c", config)
    assert "the offers are made up" in shown.err
    chat, webhook = shown.json()
    assert (chat["format"], webhook["format"]) == ("markdown", "text")
    assert chat["title"] == webhook["title"]
    assert f"**{webhook['body'].splitlines()[0]}**" in chat["body"]
    assert not (config.parent / "data").exists()


@pytest.mark.parametrize(
    ("reason", "title"),
    [("first", "cheap-3090: "), ("repeat", "still: "), ("escalated", "unanswered: ")],
)
def test_each_reason_has_its_message(
    gpu_monitor: Commands, config: Path, reason: str, title: str
) -> None:
    ran = gpu_monitor("notify", "preview", "cheap-3090", "--reason", reason, "-c", config)
    assert ran.status == 0
    assert ran.out.splitlines()[1].startswith(title)


def test_the_format_can_be_chosen(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor(
        *("notify", "preview", "cheap-3090", "--format", "html", "--json", "-c", config)
    )
    assert all(each["body"].startswith("<b>") for each in ran.json())


def test_a_rule_that_is_not_there_and_one_that_tells_nobody(
    gpu_monitor: Commands, config: Path
) -> None:
    unknown = gpu_monitor("notify", "preview", "cheap", "-c", config)
    assert (unknown.status, "there are: cheap-3090, quiet" in unknown.err) == (2, True)
    nobody = gpu_monitor("notify", "preview", "quiet", "-c", config)
    assert (nobody.status, nobody.out) == (0, "")
    assert "quiet tells nobody" in nobody.err


def test_what_fires_now_is_shown(tmp_path: Path, gpu_monitor: Commands) -> None:
    with replaying() as market:
        config = configure(tmp_path, market.base_url, CHAT, rules=RECORDED_RULES)
        gpu_monitor("poll", "-c", config)
    shown = gpu_monitor("notify", "preview", "cheap-3090", "-c", config)
    assert shown.err == ""
    assert "geforcertx3090-pcie-24gb from" in shown.out
