"""`docs/grabbing.md` is held to the code: statuses, reasons, limits and times."""

import re
from pathlib import Path

from monitor.config.checks import LIMITS
from monitor.config.model import GrabConfig
from monitor.grab.acts import SEND_WITHIN
from monitor.grab.cooling import LONGEST
from monitor.grab.grab import COUNTING, GrabStatus
from monitor.grab.reasons import Cause

PAPER = (Path(__file__).parents[2] / "docs" / "grabbing.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| (\w+) \|$", re.MULTILINE)


def section(title: str) -> str:
    return PAPER.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_status_is_told_with_whether_it_counts() -> None:
    told = {name: counts == "yes" for name, counts, _ in ROW.findall(section("The states"))}
    assert told == {status.value: status in COUNTING for status in GrabStatus}


def test_every_word_that_a_reason_begins_with_is_told() -> None:
    table = section("The states").split("| word | means |")[1]
    words = set(
        re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)))
    )
    assert words == {cause.value for cause in Cause}


def test_every_limit_is_told() -> None:
    told = section("Limits, each with its rule")
    assert [limit for limit in LIMITS if f"| `grab.{limit}`" not in told] == []


def test_the_times_told_are_those_kept() -> None:
    grab = GrabConfig()
    for told in (
        f"`grab.approve_within` ({grab.approve_within.seconds // 60} min)",
        f"up to {LONGEST} times",
    ):
        assert told in PAPER
    assert SEND_WITHIN.seconds == 120
    assert PAPER.count("two minutes") == 3
    assert "─ 2 min ─" in PAPER
