"""A daemon that buys at a high pace is stopped, by each of three means, within a second.

It is measured at the marketplace: no request to create arrives later than that.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from monitor.clock import utc_now
from monitor.simulator.rows import HostnodeRow, hostnode
from tests.integration.daemon import Daemon, Site, site, until

pytestmark = pytest.mark.slow

WITHIN = timedelta(seconds=1)
RULES = 8
"""Each buys at every poll."""
POLL = 0.2
PACE = 5
"""So many creates at least arrive in the second before it is stopped."""
PRESET = {
    "name": "box",
    "image": "ubuntu2404",
    "resources": {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 100},
    "ssh_key_id": "key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """A way to stop buying, its way back, and the first word of what is refused meanwhile."""

    stop: Callable[[Site, Daemon], object]
    lift: Callable[[Site, Daemon], object]
    word: str


def stop_file(place: Site) -> Path:
    return place.folder / "STOP"


def configure(place: Site, mode: str = "live") -> None:
    """Let some rules buy at each poll, without end."""
    cheap = {"gpu": "b200-*", "max_price_per_gpu_hour": 2}
    wish = {"preset": "box", "cooldown": "0s", "time_to_live": "1h", "max_instances": 1000}
    limits = ("max_instances", "max_total_per_hour", "max_spend_per_day", "max_spend_per_month")
    place.write(
        marketplaces=[place.marketplace(poll_interval=f"{POLL * 1000:.0f}ms")],
        rules=[
            {"name": f"buys-{number}", "match": cheap, "per": "rule", "grab": wish}
            for number in range(RULES)
        ],
        notifications={"notify": []},
        presets=[PRESET],
        grab={
            **dict.fromkeys(limits, 100_000),
            "max_creates_per_hour": 100_000,
            "mode": mode,
            "stop_file": str(stop_file(place)),
        },
    )


def reload(place: Site, daemon: Daemon, mode: str) -> None:
    configure(place, mode)
    daemon.hang_up()


MEANS = {
    "the stop file": Means(
        stop=lambda place, _: stop_file(place).touch(),
        lift=lambda place, _: stop_file(place).unlink(),
        word="stop_file",
    ),
    "grabs pause": Means(
        stop=lambda place, _: place.ask("grabs", "pause"),
        lift=lambda place, _: place.ask("grabs", "resume"),
        word="paused",
    ),
    "grab.mode": Means(
        stop=lambda place, daemon: reload(place, daemon, "dry_run"),
        lift=lambda place, daemon: reload(place, daemon, "live"),
        word="would_buy",
    ),
}


def plentiful(name: str) -> HostnodeRow:
    """Return a hostnode on which hundreds of boxes can be bought."""
    row = hostnode(name, "b200-sxm6-180gb", price=1, count=1000, vcpu_count=9_000, ram_gb=90_000)
    resources = msgspec.structs.replace(
        row.available_resources, storage_gb=900_000, available_ports=tuple(range(20_000, 22_000))
    )
    return row.with_resources(resources)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        configure(made)
        made.market.market.add(plentiful("hn-plenty"))
        yield made


def creates(place: Site, since: datetime | None = None) -> list[datetime]:
    """Return when each request to create arrived, after an instant."""
    posts = [each.at for each in place.market.requests.last() if each.method == "POST"]
    return [at for at in posts if since is None or at > since]


def buys_fast(place: Site) -> bool:
    again_and_again = len(creates(place)) >= 3 * RULES
    return again_and_again and len(creates(place, utc_now() - WITHIN)) >= PACE


def reasons(daemon: Daemon) -> set[str]:
    """Return the first word of each reason that a grab had so far."""
    return {str(each["reason"]).partition(":")[0] for each in daemon.events("grab changed")}


@pytest.mark.parametrize("name", MEANS)
def test_no_create_arrives_later_than_a_second_after_it_was_stopped(place: Site, name: str) -> None:
    means = MEANS[name]
    with place.daemon() as daemon:
        until(lambda: buys_fast(place))
        means.stop(place, daemon)
        stopped_at = utc_now()
        until(lambda: means.word in reasons(daemon))
        daemon.wait_for("polled", len(daemon.events("polled")) + 5, outcome="ok")
        until(lambda: utc_now() > stopped_at + 2 * WITHIN)
        late = [at - stopped_at for at in creates(place, stopped_at)]
        assert max(late, default=timedelta(0)) <= WITHIN, late
        means.lift(place, daemon)
        lifted_at = utc_now()
        until(lambda: creates(place, lifted_at))  # nothing else had stopped it
    sent = [json.loads(each.body) for each in place.market.requests.last() if each.method == "POST"]
    names = [each["data"]["attributes"]["name"] for each in sent]
    assert len(set(names)) == len(names)
