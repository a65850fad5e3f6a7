"""What a scrape costs on a large market, measured so that a busy machine changes little."""

import cProfile
import gc
import pstats
import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import pytest
from prometheus_client.exposition import choose_encoder

from monitor.market.snapshot import Snapshot
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.web.exposition import Format
from monitor.web.market_collector import MarketCollector
from monitor.web.metrics import Metrics
from tests.bench.market import body
from tests.unit.web.exposed import NOON, a_poll, some_metrics

pytestmark = pytest.mark.slow

FORMATS = pytest.mark.parametrize("form", Format, ids=lambda form: form.name)


@pytest.fixture(scope="module")
def market() -> Snapshot:
    """Return 10,000 hostnodes with about 12,600 offers: about 45,000 series."""
    return decode_hostnodes(body(), marketplace="tensordock", at=NOON)


def seconds(act: Callable[[], object]) -> float:
    """Return the time this thread alone spent on it."""
    gc.collect()
    started = time.thread_time()
    act()
    return time.thread_time() - started


def calls(act: Callable[[], object]) -> int:
    """Return how many functions were called, which is the same in every run."""
    profile = cProfile.Profile()
    profile.runcall(act)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]  # typeshed has not


def first_scrape(metrics: Metrics, market: Snapshot, form: Format) -> bytes:
    metrics.observe_poll(a_poll(market))
    return metrics.expose(form)


@FORMATS
def test_the_first_scrape_works_no_more_than_prometheus_client_itself(
    market: Snapshot, form: Format
) -> None:
    by_itself, _ = choose_encoder(form.value)
    floor = calls(lambda: by_itself(MarketCollector((market,))))
    metrics = some_metrics()
    assert calls(lambda: first_scrape(metrics, market, form)) <= 1.2 * floor


@FORMATS
def test_later_scrapes_cost_a_tenth_of_the_first(market: Snapshot, form: Format) -> None:
    metrics = some_metrics()
    first = seconds(lambda: first_scrape(metrics, market, form))
    for gzipped in (False, True):
        again = partial(metrics.expose, form, gzipped=gzipped)
        again()
        assert min(seconds(again) for _ in range(5)) <= 0.1 * first


def test_memory_stays_flat_over_scrapes_and_polls() -> None:
    small = decode_hostnodes(body(hostnodes=100), marketplace="tensordock", at=NOON)
    metrics = some_metrics()

    def poll_and_scrape(times: int) -> None:
        for number in range(times):
            if number % 50 == 0:
                metrics.observe_poll(a_poll(small))
            metrics.expose(Format.OPENMETRICS, gzipped=number % 2 == 0)

    poll_and_scrape(100)
    tracemalloc.start()
    try:
        poll_and_scrape(100)
        before = _allocated()
        poll_and_scrape(1000)
        assert _allocated() - before < 100_000
    finally:
        tracemalloc.stop()


def _allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
