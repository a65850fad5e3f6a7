"""The queries of docs/history.md answer, on both databases."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.marketplaces.recording import polls
from monitor.marketplaces.replay import open_replay
from monitor.store.engine import Database
from monitor.store.observations import Observations
from tests.contract.rolling import roll_up
from tests.contract.samples import record
from tests.contract.test_observations import FIXTURES

PAPER = (Path(__file__).parents[2] / "docs" / "history.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"\n([^\n]+):\n\n```sql\n(.*?)```", PAPER, re.DOTALL)


def test_there_are_ten_of_them() -> None:
    assert len(QUERIES) == 10


@pytest.fixture
def recorded(database: Database) -> Database:
    """Know the recorded market, as it was polled every eight hours, rolled up."""
    known = Observations()
    with open_replay(FIXTURES / "tensordock-2026-03.jsonl.gz") as lines:
        for poll in polls(lines, "tensordock"):
            if poll.snapshot is not None:
                record(database, poll.snapshot, known, timedelta(hours=8))
    roll_up(database)
    return database


def test_each_of_them_answers(recorded: Database) -> None:
    """Each finds something in the recorded market, prices in dollars among it."""
    with recorded.read() as connection:
        found = {what: connection.execute(text(query)).mappings().all() for what, query in QUERIES}
    assert [what for what, rows in found.items() if not rows] == []
    dollars = [row["dollars"] for rows in found.values() for row in rows if "dollars" in row]
    assert all(0.01 < float(each) < 10 for each in dollars if each is not None)
