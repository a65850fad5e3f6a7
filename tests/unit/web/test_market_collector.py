import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.market.hostnode import Location, LocationId
from monitor.market.offer import Offer
from monitor.market.snapshot import Snapshot
from monitor.web.exposition import Format
from monitor.web.metrics import Metrics
from tests.unit.web.exposed import (
    H100,
    L40,
    a_hostnode,
    a_poll,
    a_snapshot,
    an_offer,
    names,
    of_model,
    of_offer,
    series,
    some_metrics,
    value,
)

PRICE = "gpu_market_offer_price_usd_per_hour"
COUNT = "gpu_market_offer_gpus_available"
UPTIME = "gpu_market_hostnode_uptime_ratio"
AVAILABLE = "gpu_market_gpus_available"
OFFERING = "gpu_market_hostnodes_offering"
LOWEST = "gpu_market_price_min_usd_per_hour"
MEDIAN = "gpu_market_price_median_usd_per_hour"

anything = st.text(st.characters(), max_size=6) | st.text(min_size=300, max_size=310)


def showing(*offers: Offer) -> Metrics:
    return showing_all(a_snapshot(offers))


def showing_all(snapshot: Snapshot, *, hostnode_series: bool = True) -> Metrics:
    metrics = some_metrics(hostnode_series=hostnode_series)
    metrics.observe_poll(a_poll(snapshot))
    return metrics


def test_an_offer_shows_its_price_in_dollars_and_its_count() -> None:
    metrics = showing(an_offer(price=0.396667, available=3))
    assert of_offer(PRICE, metrics) == 0.396667
    assert of_offer(COUNT, metrics) == 3


def test_an_unpriced_offer_has_a_count_and_no_price_anywhere() -> None:
    metrics = showing(an_offer(price=None, available=3))
    assert of_offer(COUNT, metrics) == 3
    assert of_model(AVAILABLE, metrics) == 3
    assert of_model(OFFERING, metrics) == 1
    assert not {PRICE, LOWEST, MEDIAN} & names(metrics)


def test_an_offer_without_a_free_gpu_keeps_its_own_series_and_counts_nowhere_else() -> None:
    metrics = showing(
        an_offer("hn-1", price=1.0, available=0), an_offer("hn-2", price=2.0, available=4)
    )
    assert of_offer(PRICE, metrics, "hn-1") == 1.0
    assert of_offer(COUNT, metrics, "hn-1") == 0
    assert of_model(AVAILABLE, metrics) == 4
    assert of_model(OFFERING, metrics) == 1
    assert of_model(LOWEST, metrics) == of_model(MEDIAN, metrics) == 2.0


def test_a_model_that_is_sold_out_counts_zero_and_has_no_price() -> None:
    metrics = showing(an_offer(available=0))
    assert of_model(AVAILABLE, metrics) == of_model(OFFERING, metrics) == 0
    assert of_model(LOWEST, metrics) is None
    assert of_model(MEDIAN, metrics) is None


def test_models_are_told_apart() -> None:
    metrics = showing(an_offer(gpu=H100, available=8, price=2.2), an_offer(gpu=L40, price=0.85))
    assert (of_model(AVAILABLE, metrics, H100), of_model(LOWEST, metrics, H100)) == (8, 2.2)
    assert (of_model(AVAILABLE, metrics, L40), of_model(LOWEST, metrics, L40)) == (1, 0.85)


def test_the_median_counts_offers_and_not_gpus() -> None:
    metrics = showing(
        an_offer("hn-1", price=0.1, available=1),
        an_offer("hn-2", price=0.2, available=1),
        an_offer("hn-3", price=0.9, available=100),
    )
    assert of_model(MEDIAN, metrics) == 0.2


def test_the_median_of_two_offers_lies_between_them() -> None:
    metrics = showing(an_offer("hn-1", price=0.1), an_offer("hn-2", price=0.2))
    assert of_model(MEDIAN, metrics) == 0.15


def test_uptime_is_a_ratio_and_is_absent_where_it_was_not_told() -> None:
    hostnodes = [a_hostnode("hn-1", uptime=99.79), a_hostnode("hn-2")]
    metrics = showing_all(a_snapshot(bare=hostnodes))
    assert value(metrics, UPTIME, marketplace="tensordock", hostnode="hn-1") == 0.9979
    assert value(metrics, UPTIME, marketplace="tensordock", hostnode="hn-2") is None


@pytest.mark.parametrize("tier", [0, 3])
def test_a_hostnode_without_offers_is_described(tier: int) -> None:
    place = Location(
        id=LocationId("loc-1"), city="東京", country="Japan", organization="Org", tier=tier
    )
    hostnode = a_hostnode(location=place, engine="Narwhal")
    assert value(
        showing_all(a_snapshot(bare=[hostnode])),
        "gpu_market_hostnode_info",
        marketplace="tensordock",
        hostnode="hn-1",
        location="loc-1",
        city="東京",
        country="Japan",
        tier=str(tier),
        organization="Org",
        engine="Narwhal",
    )


def test_what_was_not_told_of_a_hostnode_is_empty() -> None:
    untold = dict.fromkeys(["location", "city", "country", "tier", "organization", "engine"], "")
    told = {"marketplace": "tensordock", "hostnode": "hn-1"}
    metrics = showing(an_offer())
    assert value(metrics, "gpu_market_hostnode_info", **told, **untold) == 1


def test_without_hostnode_series_no_series_has_a_hostnode() -> None:
    metrics = showing_all(a_snapshot([an_offer(price=2.2)]), hostnode_series=False)
    assert of_model(LOWEST, metrics) == 2.2
    assert not any(label == "hostnode" for _, labels in series(metrics) for label, _ in labels)


def test_marketplaces_are_told_apart() -> None:
    metrics = showing(an_offer(price=2.0))
    metrics.observe_poll(a_poll(a_snapshot([an_offer(price=3.0)], marketplace="other")))
    assert of_model(LOWEST, metrics) == 2.0
    assert value(metrics, LOWEST, marketplace="other", gpu=H100) == 3.0


def test_ids_that_differ_only_in_what_a_label_drops_are_one_series_and_the_first() -> None:
    metrics = showing(an_offer("hn\0", price=1.0), an_offer("hn\a", price=2.0))
    assert of_offer(PRICE, metrics, "hn\ufffd") == 1.0
    assert of_model(AVAILABLE, metrics) == 1


@given(
    st.lists(
        st.builds(
            an_offer,
            st.builds(
                a_hostnode,
                anything,
                location=st.builds(
                    Location, city=anything, country=anything, organization=anything
                ),
                engine=anything,
            ),
            anything,
        ),
        max_size=4,
    )
)
def test_whatever_the_marketplace_sends_both_formats_are_valid_and_say_the_same(
    offers: list[Offer],
) -> None:
    """`series` reads strictly, and fails on a series that is there twice."""
    metrics = showing(*offers)
    assert series(metrics, Format.TEXT) == series(metrics, Format.OPENMETRICS)
