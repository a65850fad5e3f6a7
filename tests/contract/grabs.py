"""Grabs to store."""

from datetime import timedelta
from typing import Any

from monitor.grab.grab import Candidate, Grab, GrabStatus, Mode, NewGrab
from monitor.market.hostnode import HostnodeId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.store.engine import Database
from monitor.store.grabs import Books
from tests.contract.samples import NOON, RULE, at

H100 = GpuModel("h100-sxm5-80gb")


def a_new(name: str = "train-box-gm0a1b2c0123456789", **changes: Any) -> NewGrab:
    """Return a planned grab that leaves nothing out, so that all of it has to be stored."""
    fields: dict[str, Any] = {
        "chain": "c0ffee",
        "attempt": 2,
        "marketplace": "tensordock",
        "rule": RULE,
        "preset": "train-box",
        "mode": Mode.LIVE,
        "status": GrabStatus.PLANNED,
        "reason": "cheapest of 2 — 東京",
        "hostnode": HostnodeId("hn-1"),
        "gpu": H100,
        "quoted": NanoDollars(2_100_000_001),
        "cap": NanoDollars(3_000_000_000),
        "rest": (
            Candidate(hostnode=HostnodeId("hn-2"), gpu=H100, quoted=NanoDollars(2_200_000_000)),
        ),
        "created_at": NOON,
        "valid_until": at(1),
        "time_to_live": timedelta(hours=12, microseconds=1),
        "stop_when_spent": NanoDollars(20_000_000_000),
    }
    return NewGrab(instance_name=name, **{**fields, **changes})


def add(database: Database, name: str = "a", **changes: Any) -> Grab:
    """Write a new grab in a book of its own."""
    with Books(database).book() as book:
        return book.add(a_new(name, **changes))


def find(database: Database, grab: Grab) -> Grab | None:
    """Return a grab as the database has it now."""
    with Books(database).reading() as book:
        return book.find(grab.id)
