"""Values to store: a market made by hand and by Hypothesis, alerts, drafts."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import insert

from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import DestinationKey, Draft
from monitor.market.hostnode import (
    ComponentPrices,
    Hostnode,
    HostnodeId,
    Location,
    LocationId,
    Resources,
)
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.rules.alert import Alert, AlertState, Labels, RuleName, Sighting
from monitor.store import marketplaces, polls
from monitor.store.engine import Database
from monitor.store.observations import Observations, Recorded
from monitor.store.schema import coverage

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LABELS: Labels = (("gpu", "h100-sxm5-80gb"), ("marketplace", "tensordock"))
RULE = RuleName("h100-under-2.20")


def at(minutes: float) -> datetime:
    """Return the instant some minutes after noon."""
    return NOON + minutes * MINUTE


def a_hostnode(name: str = "hn-1", **changes: Any) -> Hostnode:
    fields: dict[str, Any] = {
        "location": Location(id=LocationId("loc-1"), city="東京", country="Österreich", tier=3),
        "resources": Resources(vcpu_count=64, ram_gb=1_546_793, storage_gb=2000),
        "prices": ComponentPrices(per_vcpu=NanoDollars(3_000_000)),
        "engine": "Narwhal",
        "uptime": 99.79,
    }
    return Hostnode(id=HostnodeId(name), **{**fields, **changes})


def an_offer(hostnode: Hostnode, gpu: str, available: int = 1, price: int | None = 2) -> Offer:
    """Return an offer at a price in whole dollars."""
    return Offer(
        hostnode=hostnode,
        gpu=GpuModel(gpu),
        available=available,
        price=None if price is None else NanoDollars(price * 1_000_000_000),
    )


def a_snapshot(
    when: datetime, hostnodes: Iterable[Hostnode] = (), offers: Iterable[Offer] = ()
) -> Snapshot:
    return Snapshot(
        marketplace="tensordock", at=when, hostnodes=tuple(hostnodes), offers=tuple(offers)
    )


def selling(when: datetime, *prices: int | None) -> Snapshot:
    """Return one hostnode with one offer at each of the prices in dollars."""
    hostnode = a_hostnode()
    offers = [an_offer(hostnode, f"gpu-{index}", price=each) for index, each in enumerate(prices)]
    return a_snapshot(when, [hostnode], offers)


def a_poll(snapshot: Snapshot) -> Poll:
    return Poll(
        marketplace=snapshot.marketplace,
        at=snapshot.at,
        outcome=Outcome.OK,
        duration=0.25,
        snapshot=snapshot,
    )


def a_failure(when: datetime, outcome: Outcome = Outcome.UNREACHABLE) -> Poll:
    return Poll(
        marketplace="tensordock", at=when, outcome=outcome, duration=20.0, detail="no answer"
    )


def record(
    database: Database,
    snapshot: Snapshot,
    observations: Observations | None = None,
    interval: timedelta = MINUTE,
) -> Recorded:
    """Record a good poll as a cycle does; without `observations`, as a program just started."""
    with database.transaction() as connection:
        marketplace = marketplaces.lock(connection, snapshot.marketplace)
        polls.record(connection, marketplace, a_poll(snapshot))
        known = observations or Observations()
        return known.record(connection, marketplace, snapshot, interval=interval)


def fail(database: Database, when: datetime, marketplace: str = "tensordock") -> None:
    """Record a failed poll as a cycle does."""
    with database.transaction() as connection:
        polls.record(connection, marketplaces.lock(connection, marketplace), a_failure(when))


def an_alert(**changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "rule": RULE,
        "labels": LABELS,
        "state": AlertState.FIRING,
        "active_at": NOON,
        "pending_since": NOON,
        "firing_at": at(1),
        "value": NanoDollars(2_100_000_000),
        "offers": 2,
        "best": (
            Sighting(
                hostnode_id=HostnodeId("hn-1"),
                gpu=GpuModel("h100-sxm5-80gb"),
                available=8,
                price=NanoDollars(2_100_000_000),
                city="São Paulo",
                uptime=99.5,
            ),
            Sighting(
                hostnode_id=HostnodeId("hn-2"),
                gpu=GpuModel("h100-sxm5-80gb"),
                available=1,
                price=None,
            ),
        ),
    }
    return Alert(**{**fields, **changes})


def a_draft(destination: str = "discord#3f2a91ab", title: str = "H100 für 2,10 $ — 東京") -> Draft:
    return Draft(
        receiver="chat",
        destination=DestinationKey(destination),
        reason=NotifyReason.FIRST,
        rule=RULE,
        title=title,
        body="two offers",
    )


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_places = st.builds(
    Location,
    id=_maybe(st.sampled_from(["loc-1", "loc-2"]).map(LocationId)),
    city=_maybe(st.sampled_from(["東京", "Montréal"])),
    tier=_maybe(st.integers(0, 4)),
    network_gbps=_maybe(st.sampled_from([1.0, 2.5])),
    network_storage=_maybe(st.booleans()),
)
_hostnodes = st.builds(
    Hostnode,
    id=st.sampled_from(["hn-1", "hn-2", "hn-3"]).map(HostnodeId),
    location=_places,
    resources=st.builds(Resources, vcpu_count=_maybe(st.integers(0, 2**31 - 1))),
    prices=st.builds(ComponentPrices, per_gb_ram=_maybe(st.integers(1, 10**15).map(NanoDollars))),
    engine=_maybe(st.sampled_from(["Narwhal", "Kraken"])),
    uptime=_maybe(st.floats(0, 100)),
)
_sold = st.dictionaries(
    st.sampled_from(["h100-sxm5-80gb", "l4-pcie-24gb"]).map(GpuModel),
    st.tuples(st.integers(0, 8), _maybe(st.integers(1, 3).map(NanoDollars))),
)


@st.composite
def looks(draw: st.DrawFn) -> tuple[tuple[Hostnode, ...], tuple[Offer, ...]]:
    """Draw what one good poll may see: few hostnodes and values, so that they come back."""
    hostnodes = draw(st.lists(_hostnodes, max_size=3, unique_by=lambda hostnode: hostnode.id))
    offers = [
        Offer(hostnode=hostnode, gpu=gpu, available=available, price=price)
        for hostnode in hostnodes
        for gpu, (available, price) in draw(_sold).items()
    ]
    return tuple(hostnodes), tuple(offers)


def live(database: Database, since: datetime, until: datetime) -> None:
    """Note that another marketplace was polled all the time."""
    with database.transaction() as connection:
        another = marketplaces.lock(connection, "another")
        row = {"marketplace_id": another.id, "valid_from": since, "valid_to": until}
        connection.execute(insert(coverage), row)
