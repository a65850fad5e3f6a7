"""Every piece of configuration in docs/alerting.md can be loaded, with the receivers it names."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from monitor.config.model import Config

TEXT = (Path(__file__).parents[3] / "docs" / "alerting.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
RECEIVERS = """\
receivers:
  - {name: chat, urls: ["json://127.0.0.1:9/"]}
  - {name: phone, urls: ["json://127.0.0.1:9/"]}
  - {name: mail, urls: ["json://127.0.0.1:9/"]}
"""


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.strip().splitlines()[-1].strip())
def test_a_piece_of_the_paper_can_be_loaded(load_text: Callable[[str], Config], piece: str) -> None:
    given = yaml.safe_load(piece)
    text = piece if "receivers" in given else RECEIVERS + piece
    assert load_text(text).receivers


def test_there_are_pieces_with_rules_quiet_hours_and_a_digest() -> None:
    whole = "".join(PIECES)
    for key in ("rules:", "quiet_hours:", "escalate:", "digest:", "group_by:", "templates:"):
        assert key in whole
