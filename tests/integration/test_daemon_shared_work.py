"""Two daemons on one PostgreSQL with much to do: they share it, and nothing is done twice.

Both look every 5 ms for what there is to do, so that they come for the same rows at once.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import Draft
from monitor.cli.common import read_config
from monitor.clock import utc_now
from monitor.delivery.destination import Destination
from monitor.grab.acts import approve
from monitor.grab.grab import Grab, GrabStatus
from monitor.rules.alert import RuleName
from monitor.setup import set_up
from monitor.simulator.rows import hostnode
from monitor.store import outbox
from monitor.store.grabs import Books
from tests.contract.conftest import Server, postgresql
from tests.integration.daemon import Daemon, Site, site, until

__all__ = ["postgresql"]  # pytest finds the fixture here
pytestmark = pytest.mark.slow

DESTINATIONS, ROUNDS = 6, 30
PURCHASES = 12
WITHIN = 60.0


def queue(place: Site, destinations: Iterable[Destination], number: int) -> list[str]:
    """Queue a message to each destination; return their titles."""
    drafts = [
        Draft(
            receiver=to.receiver,
            destination=to.key,
            reason=NotifyReason.TEST,
            rule=RuleName("none"),
            title=f"{number} to {to.key}",
            body="one of many",
        )
        for to in destinations
    ]
    with place.opened() as database, database.transaction() as connection:
        outbox.enqueue(connection, drafts, utc_now())
    return [draft.title for draft in drafts]


@contextmanager
def two_daemons(place: Site) -> Iterator[tuple[Daemon, Daemon]]:
    """Run two that are in haste; they end in order."""
    hasty = ("tests.integration.drivers", "hasty", str(place.file))
    with place.running(*hasty) as one, place.running(*hasty) as other:
        for daemon in (one, other):
            daemon.wait_for("serving")
        yield one, other
        for daemon in (one, other):
            assert daemon.stop() == 0, daemon.output()


def test_both_drain_one_outbox_and_each_row_arrives_once(
    tmp_path: Path, postgresql: Server
) -> None:
    with site(tmp_path, postgresql.create()) as place:
        port = place.receiver.port
        urls = [f"json://127.0.0.1:{port}/{number}" for number in range(DESTINATIONS)]
        place.write(receivers=[{"name": "hook", "urls": urls}], rules=[])
        setup = set_up(read_config(place.file))
        setup.close()
        titles: list[str] = []
        with two_daemons(place) as pair:
            for number in range(ROUNDS):
                titles += queue(place, setup.destinations.values(), number)
                until(lambda: not _unsent(place))
            shares = [len(daemon.events("notification sent")) for daemon in pair]
        assert Counter(place.titles()) == Counter(titles)
        assert sum(shares) == len(titles)
        assert min(shares) > 0, shares


def _unsent(place: Site) -> bool:
    with place.opened() as database, database.read() as connection:
        return bool(outbox.lengths(connection))


def test_what_both_find_planned_is_bought_once(tmp_path: Path, postgresql: Server) -> None:
    """All is approved at one instant, so that both come for it at the same time."""
    with site(tmp_path, postgresql.create()) as place:
        place.market.market.add(hostnode("hn-plenty", "b200-sxm6-180gb", price=1, count=1000))
        configure(place)
        place.market.faults.on("late", endpoint="hostnode", seconds=0.3)
        with two_daemons(place) as pair:
            until(lambda: len(_with_status(place, GrabStatus.AWAITING_APPROVAL)) == PURCHASES)
            _approve_all(place)
            until(lambda: not _with_status(place, *_UNSETTLED), WITHIN)
            shares = [len(daemon.events("grab changed", status="submitted")) for daemon in pair]
        posts = [each for each in place.market.requests.last() if each.method == "POST"]
        names = [json.loads(each.body)["data"]["attributes"]["name"] for each in posts]
        assert len(names) == len(set(names)) == sum(shares)
        assert min(shares) > 0, shares
        assert len(place.market.market.living()) == len(names)


_UNSETTLED = (GrabStatus.AWAITING_APPROVAL, GrabStatus.PLANNED, GrabStatus.SUBMITTED)


def configure(place: Site) -> None:
    cheap = {"gpu": "b200-*", "max_price_per_gpu_hour": 2}
    wish = {"preset": "box", "time_to_live": "1h", "one_shot": True}
    resources = {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 100}
    limits = ("max_instances", "max_total_per_hour", "max_spend_per_day", "max_spend_per_month")
    preset: dict[str, Any] = {"name": "box", "image": "ubuntu2404", "resources": resources}
    place.write(
        rules=[
            {"name": f"buys-{number}", "match": cheap, "per": "rule", "grab": wish}
            for number in range(PURCHASES)
        ],
        presets=[{**preset, "ssh_key_id": "key"}],
        notifications={"notify": []},
        grab={
            **dict.fromkeys(limits, 1000),
            "max_creates_per_hour": 100,
            "mode": "approve",
            "stop_file": str(place.folder / "STOP"),
        },
    )


def _with_status(place: Site, *statuses: GrabStatus) -> tuple[Grab, ...]:
    with place.opened() as database, Books(database).reading() as book:
        return book.with_status(statuses)


def _approve_all(place: Site) -> None:
    now = utc_now()
    with place.opened() as database, Books(database).book() as book:
        for grab in book.with_status({GrabStatus.AWAITING_APPROVAL}):
            approved = approve(grab, "a person", now)
            assert isinstance(approved, Grab), approved
            assert book.change(grab, approved, approved.reason, now)
