"""An import into the history that a daemon is writing: neither loses, doubles or stops a thing."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.market.hostnode import HostnodeId
from monitor.store import history
from monitor.store.engine import Database
from monitor.store.schema import coverage, offer_intervals, polls
from tests.contract.conftest import Server, postgresql
from tests.integration.daemon import MARKET, ROOT, Daemon, Site, site, until

__all__ = ["postgresql"]  # pytest finds the fixture here
pytestmark = pytest.mark.slow

EVERY = timedelta(milliseconds=400)
BEFORE = 2600
"""Lines that are older than what was polled: more than are held back to be sorted."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    url = None
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        url = server.create()
    with site(tmp_path, url) as made:
        made.write(rules=[])
        yield made


def line(at: datetime, number: int) -> bytes:
    """Return a look at a market of one hostnode, whose count changes from line to line."""
    gpu = {"v0Name": "l4-pcie-24gb", "availableCount": number % 7, "price_per_hr": 0.5}
    node = {"id": "recorded", "available_resources": {"gpus": [gpu]}}
    return json.dumps({"at": at.isoformat(), "hostnodes": [node]}).encode() + b"\n"


def polled(database: Database) -> list[datetime]:
    with database.read() as connection:
        good = select(polls.c.at).where(polls.c.outcome == "ok").order_by(polls.c.at)
        return list(connection.scalars(good))


def begun(database: Database, at: datetime) -> bool:
    with database.read() as connection:
        return history.at_instant(connection, MARKET, at) is not None


def hostnodes(database: Database, at: datetime) -> dict[HostnodeId, list[int]]:
    """Return how many GPUs each hostnode had free, by offer."""
    with database.read() as connection:
        seen = history.at_instant(connection, MARKET, at)
    assert seen is not None, at
    return {
        node.id: [offer.available for offer in seen.offers if offer.hostnode.id == node.id]
        for node in seen.hostnodes
    }


def stretches(database: Database) -> list[list[tuple[datetime, datetime | None]]]:
    """Return the stretches of coverage, and those of each offer, each in order."""
    span, known = offer_intervals.c, coverage.c
    with database.read() as connection:
        covered = connection.execute(
            select(known.valid_from, known.valid_to).order_by(known.valid_from)
        ).all()
        rows = connection.execute(
            select(span.offer_id, span.valid_from, span.valid_to).order_by(span.valid_from)
        ).all()
    by_offer: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for row in rows:
        by_offer[row.offer_id].append((row.valid_from, row.valid_to))
    return [[(row.valid_from, row.valid_to) for row in covered], *by_offer.values()]


def more_polls(daemon: Daemon) -> None:
    daemon.wait_for("polled", len(daemon.events("polled")) + 3, outcome="ok")


def test_both_write_and_each_finds_its_own(place: Site) -> None:
    with place.daemon() as daemon, place.opened() as database:
        more_polls(daemon)
        first = polled(database)[0]
        since = first - BEFORE * EVERY
        times = [since + number * EVERY for number in range(BEFORE + 3)]
        lines = [line(at, number) for number, at in enumerate(times)]
        command = [sys.executable, "-m", "monitor", "import", "-c", str(place.file), "--json", "-"]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as importing:
            assert importing.stdin is not None
            importing.stdin.write(b"".join(lines[:-500]))
            importing.stdin.flush()
            until(lambda: begun(database, since))
            more_polls(daemon)
            importing.stdin.write(b"".join(lines[-500:]))
            told, _ = importing.communicate(timeout=60)
        assert importing.returncode == 0
        more_polls(daemon)
        assert daemon.stop() == 0
        assert {event["outcome"] for event in daemon.events("polled")} == {"ok"}
        (done,) = json.loads(told)
        assert (done["new"], done["known"], done["bad"]) == (BEFORE, 3, 0)
        for number in range(0, BEFORE, 25):
            assert hostnodes(database, times[number]) == {"recorded": [number % 7]}
        simulated = {node.id for node in place.market.market.hostnodes()}
        for at in polled(database):
            assert hostnodes(database, at).keys() == simulated
        for each in stretches(database):
            assert all(
                before[1] is not None and before[1] <= after[0] for before, after in pairwise(each)
            )
        assert len(stretches(database)[0]) == 1
