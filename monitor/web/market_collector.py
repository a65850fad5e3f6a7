"""The market's metrics, from the last good snapshot of each marketplace.

A series disappears with its offer, because every collection starts from nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.samples import Sample

from monitor.market.hostnode import Hostnode
from monitor.market.money import NANO_PER_DOLLAR, NanoDollars, dollars
from monitor.market.offer import Offer
from monitor.market.snapshot import Snapshot
from monitor.web.exposition import label_value

_Labelled = tuple[dict[str, str], float]


class MarketCollector:
    """All `gpu_market_*` families of some snapshots, one per marketplace.

    Without `hostnode_series` the families with a `hostnode` label are left out, and the number of
    series depends on the number of GPU models alone.
    """

    def __init__(self, snapshots: Sequence[Snapshot], *, hostnode_series: bool = True) -> None:
        self._snapshots = snapshots
        self._hostnode_series = hostnode_series

    def collect(self) -> Iterator[Metric]:
        """Yield the families one at a time, each complete; what is not known has no series."""
        markets = [_market(snapshot) for snapshot in self._snapshots]
        if self._hostnode_series:
            yield _offer_prices(markets)
            yield _offer_counts(markets)
            yield _uptimes(markets)
            yield _hostnodes(markets)
        yield from _models([model for market in markets for model in _models_of(market)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Market:
    """A snapshot by label values: what differs only in what they drop is one, and the first one."""

    name: str
    hostnodes: dict[str, Hostnode] = field(default_factory=dict)
    offers: dict[tuple[str, str], Offer] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Model:
    """One GPU model on one marketplace; `prices` are those of offers that can be had."""

    labels: dict[str, str]
    available: int = 0
    hostnodes: set[str] = field(default_factory=set)
    prices: list[NanoDollars] = field(default_factory=list)


def _market(snapshot: Snapshot) -> _Market:
    market = _Market(name=label_value(snapshot.marketplace))
    for hostnode in snapshot.hostnodes:
        market.hostnodes.setdefault(label_value(hostnode.id), hostnode)
    for offer in snapshot.offers:
        market.offers.setdefault((label_value(offer.hostnode.id), label_value(offer.gpu)), offer)
    return market


def _models_of(market: _Market) -> Iterable[_Model]:
    models: dict[str, _Model] = {}
    for (hostnode, gpu), offer in market.offers.items():
        if gpu not in models:
            models[gpu] = _Model(labels={"gpu": gpu, "marketplace": market.name})
        if offer.available > 0:
            _count(models[gpu], hostnode, offer)
    return models.values()


def _count(model: _Model, hostnode: str, offer: Offer) -> None:
    """Add an offer that can be had. Only such offers count: one without a free GPU is a memory."""
    model.available += offer.available
    model.hostnodes.add(hostnode)
    if offer.price is not None:
        model.prices.append(offer.price)


def _offer_prices(markets: list[_Market]) -> Metric:
    return _gauge(
        "gpu_market_offer_price_usd_per_hour",
        "Price of one GPU for one hour without CPU, RAM and disk, in US dollars.",
        (
            ({"gpu": gpu, "hostnode": hostnode, "marketplace": market.name}, dollars(offer.price))
            for market in markets
            for (hostnode, gpu), offer in market.offers.items()
            if offer.price is not None
        ),
    )


def _offer_counts(markets: list[_Market]) -> Metric:
    return _gauge(
        "gpu_market_offer_gpus_available",
        "GPUs of one model that are free on one hostnode.",
        (
            ({"gpu": gpu, "hostnode": hostnode, "marketplace": market.name}, offer.available)
            for market in markets
            for (hostnode, gpu), offer in market.offers.items()
        ),
    )


def _uptimes(markets: list[_Market]) -> Metric:
    return _gauge(
        "gpu_market_hostnode_uptime_ratio",
        "Share of time that the marketplace saw the hostnode up, from 0 to 1.",
        (
            ({"hostnode": name, "marketplace": market.name}, hostnode.uptime / 100)
            for market in markets
            for name, hostnode in market.hostnodes.items()
            if hostnode.uptime is not None
        ),
    )


def _hostnodes(markets: list[_Market]) -> Metric:
    family = InfoMetricFamily(
        "gpu_market_hostnode",
        "Where a hostnode stands and who runs it; what the marketplace did not tell is empty.",
    )
    family.samples = [
        Sample("gpu_market_hostnode_info", _described(market.name, name, hostnode), 1)
        for market in markets
        for name, hostnode in market.hostnodes.items()
    ]
    return family


def _described(marketplace: str, name: str, hostnode: Hostnode) -> dict[str, str]:
    location = hostnode.location
    return {
        "city": label_value(location.city),
        "country": label_value(location.country),
        "engine": label_value(hostnode.engine),
        "hostnode": name,
        "location": label_value(location.id),
        "marketplace": marketplace,
        "organization": label_value(location.organization),
        "tier": "" if location.tier is None else str(location.tier),
    }


def _models(models: list[_Model]) -> Iterator[Metric]:
    priced = [model for model in models if model.prices]
    yield _gauge(
        "gpu_market_gpus_available",
        "GPUs of one model that are free on the marketplace.",
        ((model.labels, model.available) for model in models),
    )
    yield _gauge(
        "gpu_market_hostnodes_offering",
        "Hostnodes with at least one GPU of the model free.",
        ((model.labels, len(model.hostnodes)) for model in models),
    )
    yield _gauge(
        "gpu_market_price_min_usd_per_hour",
        "Lowest price per GPU and hour among the model's offers with a GPU free, in US dollars.",
        ((model.labels, dollars(min(model.prices))) for model in priced),
    )
    yield _gauge(
        "gpu_market_price_median_usd_per_hour",
        "Median price per GPU and hour among the model's offers with a GPU free, each offer "
        "counted once however many GPUs it has, in US dollars.",
        ((model.labels, median(model.prices) / NANO_PER_DOLLAR) for model in priced),
    )


def _gauge(name: str, documentation: str, samples: Iterable[_Labelled]) -> Metric:
    """Return a gauge. Its samples are made here, as `add_metric` takes twice as long."""
    family = GaugeMetricFamily(name, documentation)
    family.samples = [Sample(name, labels, value) for labels, value in samples]
    return family
