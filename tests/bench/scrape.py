"""What a scrape of a large market costs: the first after a poll, those between, and memory."""

import gc
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from urllib.parse import urlsplit

from prometheus_client import generate_latest

from monitor.market.snapshot import Outcome, Poll
from monitor.web.exposition import Format
from monitor.web.market_collector import MarketCollector
from monitor.web.metrics import Metrics
from monitor.web.readiness import Readiness
from monitor.web.server import Server, create_app
from tests.bench.figures import Act, Figure, medians
from tests.bench.speed import MARKETPLACE, NOON, market

_WARM_UP, _SCRAPES = 50, 1000
_AS_PROMETHEUS = {
    "accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
    "accept-encoding": "gzip",
}


def scrape(rounds: int) -> list[Figure]:
    """Measure the first scrape after a poll, the second one, and what a thousand leave behind."""
    metrics = _metrics()
    with _served(metrics) as url:
        ask = partial(fetch_metrics, url)
        first, later = medians(rounds, lambda: _polled(metrics, ask), lambda: ask)
    what = "a scrape of /metrics between polls, against the first after one"
    between = Figure(what=what, unit="ms", measured=later, floor=first, at_most=0.1)
    return [_rendering(rounds), between, _memory(metrics)]


def fetch_metrics(url: str) -> bytes:
    """Return the body of `/metrics` as it came."""
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=30)
    try:
        connection.request("GET", "/metrics", headers=_AS_PROMETHEUS)
        return connection.getresponse().read()
    finally:
        connection.close()


def _rendering(rounds: int) -> Figure:
    """Measure the first exposition against the library's own, of the same families."""
    found, metrics = market(), _metrics()
    floor, first = medians(
        rounds,
        lambda: lambda: generate_latest(MarketCollector((found,))),
        lambda: _polled(metrics, metrics.expose),
    )
    samples = sum(len(family.samples) for family in MarketCollector((found,)).collect())
    what = f"the first exposition after a poll, {samples} samples, against generate_latest"
    return Figure(what=what, unit="ms", measured=first, floor=floor, at_most=1.2)


def _memory(metrics: Metrics) -> Figure:
    """Measure what a thousand scrapes leave allocated."""
    for _ in range(_WARM_UP):
        metrics.expose(Format.OPENMETRICS, gzipped=True)
    tracemalloc.start()
    try:
        before = _allocated()
        for _ in range(_SCRAPES):
            metrics.expose(Format.OPENMETRICS, gzipped=True)
        grown = (_allocated() - before) / 1000
    finally:
        tracemalloc.stop()
    return Figure(
        what=f"memory that {_SCRAPES} scrapes leave behind", unit="kB", measured=grown, at_most=100
    )


def _allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _metrics() -> Metrics:
    metrics = Metrics(version="0")
    metrics.configure(
        marketplaces={MARKETPLACE: timedelta(minutes=1)}, rules=(), receivers=(), jobs=()
    )
    return metrics


def _polled(metrics: Metrics, ask: Act) -> Act:
    found = market()
    metrics.observe_poll(
        Poll(marketplace=MARKETPLACE, at=NOON, outcome=Outcome.OK, duration=0, snapshot=found)
    )
    return ask


@contextmanager
def _served(metrics: Metrics) -> Iterator[str]:
    server = Server(create_app(metrics, lambda: Readiness(reasons=())), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join()
