"""Two daemons on one PostgreSQL: one polls, each tells, and one takes over from the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import Server, postgresql
from tests.integration.daemon import WAIT_FOR, Daemon, Site, site, until

__all__ = ["postgresql"]  # pytest finds the fixture here
pytestmark = pytest.mark.slow

MODELS = ("h100-*", "l40s-*", "a100-*", "v100-*", "rtxa4000-*")
RULES = [
    {"name": f"cheap-{number}", "match": {"gpu": model, "max_price_per_gpu_hour": 0.01}}
    for number, model in enumerate(MODELS)
]


@pytest.fixture
def place(tmp_path: Path, postgresql: Server) -> Iterator[Site]:
    with site(tmp_path, postgresql.create()) as made:
        made.write(marketplaces=[made.marketplace(timeout="1s")], rules=RULES)
        yield made


@pytest.fixture
def pair(place: Site) -> Iterator[tuple[Daemon, Daemon]]:
    """Start two daemons at once on a database without tables: first the one that polls."""
    debug = ("--log-level", "debug")
    with place.daemon(*debug) as one, place.daemon(*debug) as other:
        until(lambda: one.events("polled") or other.events("polled"))
        leader, follower = (one, other) if one.events("polled") else (other, one)
        follower.wait_for("another process polls", 2)
        yield leader, follower


def make_cheap(place: Site, model: str) -> None:
    assert place.market.market.set_offer(model, price=0.009, count=1)


def test_one_polls_and_each_notification_arrives_once(
    place: Site, pair: tuple[Daemon, Daemon]
) -> None:
    leader, follower = pair
    for told, model in enumerate(MODELS, start=1):
        make_cheap(place, model)
        place.receiver.wait_for(told, WAIT_FOR)
    leader.wait_for("polled", len(leader.events("polled")) + 2, outcome="ok")
    assert follower.events("polled") == []
    assert leader.stop() == follower.stop() == 0
    assert place.claimed() == []
    assert len(set(place.titles())) == len(place.titles()) == len(MODELS)
    settled = [(each["status"], each["attempts"]) for each in place.notifications()]
    assert settled == [("sent", 1)] * len(MODELS)


def test_when_the_one_that_polls_is_killed_the_other_takes_over(
    place: Site, pair: tuple[Daemon, Daemon]
) -> None:
    """It does so when the lease ends, knows what is told already, and tells what is new."""
    leader, follower = pair
    make_cheap(place, MODELS[0])
    place.receiver.wait_for(1, WAIT_FOR)
    until(
        lambda: not [name for name in place.claimed() if not name.startswith(("poll:", "follow"))]
    )
    leader.kill()
    make_cheap(place, MODELS[1])
    place.receiver.wait_for(2, WAIT_FOR)
    follower.wait_for("polled", 3, outcome="ok")
    assert follower.stop() == 0
    first, second = place.titles()
    assert first.startswith("cheap-0: ")
    assert second.startswith("cheap-1: ")
