"""What a scrape of a large market costs between polls, over HTTP, as Prometheus asks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from urllib.parse import urlsplit

from monitor.market.snapshot import Outcome, Poll
from monitor.web.metrics import Metrics
from monitor.web.readiness import Readiness
from monitor.web.server import Server, create_app
from tests.bench.figures import Act, Figure, medians
from tests.bench.speed import MARKETPLACE, NOON, market

_AS_PROMETHEUS = {
    "accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
    "accept-encoding": "gzip",
}


def scrape(rounds: int) -> list[Figure]:
    """Measure the second scrape after a poll against the first one."""
    metrics = Metrics(version="0")
    metrics.configure(marketplaces=[MARKETPLACE], rules=(), receivers=(), jobs=())
    with _served(metrics) as url:
        ask = partial(fetch_metrics, url)
        first, later = medians(rounds, lambda: _polled(metrics, ask), lambda: ask)
    what = "a scrape of /metrics between polls, against the first after one"
    return [Figure(what=what, unit="ms", measured=later, floor=first, at_most=0.1)]


def fetch_metrics(url: str) -> bytes:
    """Return the body of `/metrics` as it came."""
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=30)
    try:
        connection.request("GET", "/metrics", headers=_AS_PROMETHEUS)
        return connection.getresponse().read()
    finally:
        connection.close()


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
