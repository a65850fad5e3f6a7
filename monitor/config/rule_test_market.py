"""From the offers of a rule test to the polls that would have seen them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import zip_longest

from monitor.config.rule_tests import OfferSeries, RuleTest
from monitor.market.hostnode import (
    ComponentPrices,
    Hostnode,
    HostnodeId,
    Location,
    LocationId,
    Resources,
)
from monitor.market.money import nano
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Outcome, Poll, Snapshot

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When every test begins: a Thursday, at midnight in UTC."""


def polls(test: RuleTest, marketplace: str, interval: timedelta) -> Iterator[Poll]:
    """Yield the polls of a test, an interval apart."""
    for number, (outcome, offers) in enumerate(_looks(test)):
        at = START + number * interval
        if outcome is Outcome.OK:
            yield _good(marketplace, at, offers)
        elif outcome is not None:
            yield Poll(marketplace=marketplace, at=at, outcome=outcome, duration=0)


def _looks(test: RuleTest) -> Iterator[tuple[Outcome | None, list[Offer]]]:
    """Yield for each instant how the poll went, and what there was to see.

    There are as many as the longest series says; with fewer outcomes the rest are `ok`.
    """
    over_time = [list(_offers(series)) for series in test.offers]
    outcomes = test.polls or ()
    for instant in range(max(len(outcomes), *map(len, over_time))):
        there = (offers[instant] for offers in over_time if instant < len(offers))
        outcome = outcomes[instant] if instant < len(outcomes) else Outcome.OK
        yield outcome, [offer for offer in there if offer is not None]


def _offers(series: OfferSeries) -> Iterator[Offer | None]:
    """Yield the offer at each instant; a count that is one value is the count throughout."""
    hostnode = _hostnode(series)
    counts = series.available if len(series.available) > 1 else series.available * len(series.price)
    for price, available in zip_longest(series.price, counts):
        if price is None or available is None:
            yield None
        else:
            yield _offer(series, hostnode, price, available)


def _offer(series: OfferSeries, hostnode: Hostnode, price: Decimal, available: Decimal) -> Offer:
    return Offer(
        hostnode=hostnode,
        gpu=GpuModel(series.gpu),
        available=int(available),
        price=nano(price) or None,
    )


def _hostnode(series: OfferSeries) -> Hostnode:
    return Hostnode(
        id=HostnodeId(series.hostnode),
        location=Location(
            id=None if series.location is None else LocationId(series.location),
            city=series.city,
            state=series.state,
            country=series.country,
            organization=series.organization,
            tier=series.tier,
            network_gbps=series.network_gbps,
        ),
        resources=Resources(
            vcpu_count=series.vcpu_count, ram_gb=series.ram_gb, storage_gb=series.storage_gb
        ),
        prices=ComponentPrices(
            per_vcpu=series.per_vcpu,
            per_gb_ram=series.per_gb_ram,
            per_gb_storage=series.per_gb_storage,
        ),
        engine=series.engine,
        uptime=series.uptime,
    )


def _good(marketplace: str, at: datetime, offers: list[Offer]) -> Poll:
    hostnodes = {offer.hostnode.id: offer.hostnode for offer in offers}
    snapshot = Snapshot(
        marketplace=marketplace,
        at=at,
        hostnodes=tuple(hostnodes.values()),
        offers=tuple(offers),
    )
    return Poll(marketplace=marketplace, at=at, outcome=Outcome.OK, duration=0, snapshot=snapshot)
