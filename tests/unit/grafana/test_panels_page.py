"""`grafana/PANELS.md` has every panel and every query, each with what it answered."""

import re

import pytest

from tests.unit.grafana.boards import FOLDER, ROOT, UIDS, loaded, of_prometheus, panels

PAGE = (FOLDER / "PANELS.md").read_text(encoding="utf-8")
ASKED = [uid for uid in UIDS if of_prometheus(uid)]


def told(uid: str) -> list[tuple[str, list[str]]]:
    """Return the panels of a dashboard on the page, with their queries."""
    section = PAGE.split(f"\n## {uid}\n")[1].split("\n## ")[0]
    return [
        (part.split("\n", 1)[0], re.findall(r"```promql\n(.+)\n```\n→ .+", part))
        for part in section.split("\n### ")[1:]
    ]


@pytest.mark.parametrize("uid", ASKED)
def test_the_page_has_every_panel_with_its_queries(uid: str) -> None:
    """`make pictures` writes it."""
    assert told(uid) == [
        (panel["title"], [target["expr"] for target in panel["targets"]]) for panel in panels(uid)
    ]


@pytest.mark.parametrize("uid", ASKED)
def test_there_is_a_picture_of_the_dashboard(uid: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "pictures" / f"{uid}.png").exists()
    assert loaded(uid)["title"] in readme
