"""Each key of `match` as it is written, with an offer that meets it and one that does not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.config.model import Config, MatchConfig
from monitor.config.rules import rule
from monitor.market.hostnode import ComponentPrices, HostnodeId, Location, LocationId, Resources
from monitor.market.money import nano
from monitor.market.offer import GpuModel, Offer
from monitor.market.quote import Shape
from monitor.market.snapshot import Snapshot
from monitor.rules.alert import RuleName, Severity
from monitor.rules.conditions import lack
from monitor.rules.past import Past
from monitor.rules.rule import Per, Rule, needs
from tests.unit.rules.market_strategies import NOON, an_offer

Change = Callable[[Offer], Offer]


def host(**fields: Any) -> Change:
    return lambda offer: replace(offer, hostnode=replace(offer.hostnode, **fields))


def place(**fields: Any) -> Change:
    return lambda offer: replace(
        offer,
        hostnode=replace(offer.hostnode, location=replace(offer.hostnode.location, **fields)),
    )


def sold(**fields: Any) -> Change:
    return lambda offer: replace(offer, **fields)


def free(**fields: Any) -> Change:
    return lambda offer: replace(
        offer,
        hostnode=replace(offer.hostnode, resources=replace(offer.hostnode.resources, **fields)),
    )


def priced(**fields: Any) -> Change:
    return lambda offer: replace(
        offer, hostnode=replace(offer.hostnode, prices=replace(offer.hostnode.prices, **fields))
    )


GOOD = host(engine="Narwhal")(
    an_offer(
        gpu="h100-sxm5-80gb",
        available=2,
        price=2.0,
        uptime=99.5,
        location=Location(
            id=LocationId("loc-1"),
            city="Chubbuck",
            state="Idaho",
            country="United States",
            organization="Acme",
            tier=2,
            network_gbps=10.0,
            network_storage=True,
        ),
        resources=Resources(vcpu_count=8, ram_gb=64, storage_gb=200),
        prices=ComponentPrices(
            per_vcpu=nano(0.003), per_gb_ram=nano(0.002), per_gb_storage=nano(0.00005)
        ),
    )
)
"""Its total for 1 GPU, 8 vCPUs, 64 GB and 200 GB is 2.00 + 0.024 + 0.128 + 0.01 = 2.162 $/h."""

BOX = "resources: {vcpu_count: 8, ram_gb: 64, storage_gb: 200}"
UNTOLD = {
    name: place(**{name: None})
    for name in ("city", "state", "country", "organization", "tier", "network_gbps")
}
CASES: list[tuple[str, Change]] = [
    ("gpu: h100-*", sold(gpu=GpuModel("a100-sxm4-80gb"))),
    ("gpu: [a100-*, h100-sxm5-80gb]", sold(gpu=GpuModel("h100-pcie-80gb"))),
    ("gpu: H100-SXM5-*", sold(gpu=GpuModel("h100"))),
    ("gpu_count: 2", sold(available=1)),
    ("{}", sold(available=0)),
    ("max_price_per_gpu_hour: 2.00", sold(price=nano(2.000001))),
    ("max_price_per_gpu_hour: 99", sold(price=None)),
    ("min_price_per_gpu_hour: 2.00", sold(price=nano(1.999999))),
    ("min_price_per_gpu_hour: 0.01", sold(price=None)),
    (f"{{max_total_per_hour: 2.162, {BOX}}}", sold(price=nano(2.000001))),
    (f"{{max_total_per_hour: 2.162, {BOX}}}", priced(per_vcpu=nano(0.004))),
    (f"{{max_total_per_hour: 99, {BOX}}}", sold(price=None)),
    (f"{{max_total_per_hour: 99, {BOX}}}", priced(per_vcpu=None)),
    (f"{{max_total_per_hour: 99, {BOX}}}", priced(per_gb_ram=None)),
    (f"{{max_total_per_hour: 99, {BOX}}}", priced(per_gb_storage=None)),
    (f"{{gpu_count: 2, max_total_per_hour: 4.162, {BOX}}}", sold(price=nano(2.000001))),
    (BOX, free(vcpu_count=7)),
    (BOX, free(ram_gb=63)),
    (BOX, free(storage_gb=199)),
    (BOX, free(vcpu_count=None)),
    (BOX, free(ram_gb=None)),
    (BOX, free(storage_gb=None)),
    ("min_uptime: 99.5", host(uptime=99.49)),
    ("min_uptime: 1", host(uptime=None)),
    ("country: [Canada, united states]", place(country="Mexico")),
    ('country: "*"', UNTOLD["country"]),
    ("city: chub*", place(city="Boise")),
    ('city: "*"', UNTOLD["city"]),
    ("state: Idaho", place(state="Idaho Falls")),
    ('state: "*"', UNTOLD["state"]),
    ("location_id: loc-1", place(id=LocationId("loc-2"))),
    ('location_id: "*"', place(id=None)),
    ("hostnode_id: hn-1", host(id=HostnodeId("hn-11"))),
    ("organization: Acme", place(organization="Acme Ltd")),
    ('organization: "*"', UNTOLD["organization"]),
    ("engine: Narwhal", host(engine="Kraken")),
    ('engine: "*"', host(engine=None)),
    ("min_tier: 2", place(tier=1)),
    ("min_tier: 0", UNTOLD["tier"]),
    ("max_tier: 2", place(tier=3)),
    ("max_tier: 9", UNTOLD["tier"]),
    ("min_network_gbps: 10", place(network_gbps=9.9)),
    ("min_network_gbps: 0.1", UNTOLD["network_gbps"]),
    ("network_storage: true", place(network_storage=False)),
    ("network_storage: true", place(network_storage=None)),
    ("uptime_below: 99.6", host(uptime=99.6)),
    ("uptime_below: 100", host(uptime=None)),
    ("below_median: {window: 1d, percent: 10}", sold(price=nano(2.700001))),
    ("below_median: {window: 1d}", sold(price=nano(3))),
    ("below_median: {window: 1d}", sold(price=None)),
    ("below_percentile: {window: 1d, percentile: 10}", sold(price=nano(3))),
    ("historical_low: {window: 1d}", sold(price=nano(2.000001))),
    ("drop: {window: 1d, percent: 20}", sold(price=nano(2.400001))),
    ("drop: {window: 1d, percent: 20}", sold(gpu=GpuModel("never-seen"))),
    ("{gone: true, max_price_per_gpu_hour: 3}", sold(price=nano(4))),
]


def read(load_text: Callable[..., Config], match: str, more: str = "") -> Rule:
    inner = match if match.startswith("{") else f"{{{match}}}"
    config = load_text(f"rules:\n  - name: r\n    match: {inner}\n{more}")
    return rule(config.rules[0])


def a_past(found: Rule) -> Past:
    """Return a past in which the model of `GOOD` was to be had for 3 $/h until just now."""
    past = Past(needs([found]))
    for hour in range(20):
        fallen = hour == 19
        offer = GOOD if fallen else sold(price=nano(3))(GOOD)
        at = NOON + timedelta(hours=hour)
        past.feed(
            Snapshot(marketplace="m", at=at, hostnodes=(), offers=(offer,)), timedelta(hours=1)
        )
    return past


def meets(found: Rule, offer: Offer) -> bool:
    return not any(lack(condition, offer, a_past(found)) for condition in found.conditions)


@pytest.mark.parametrize(("match", "spoil"), CASES)
def test_a_key_asks_for_what_it_says(
    load_text: Callable[..., Config], match: str, spoil: Change
) -> None:
    found = read(load_text, match)
    assert meets(found, GOOD)
    assert not meets(found, spoil(GOOD))


def test_storage_on_the_network_can_be_refused(load_text: Callable[..., Config]) -> None:
    found = read(load_text, "network_storage: false")
    assert not meets(found, GOOD)
    assert meets(found, place(network_storage=False)(GOOD))


def test_every_key_is_in_the_table() -> None:
    written = " ".join(match for match, _ in CASES)
    assert [key for key in MatchConfig.model_fields if f"{key}:" not in written] == []


def test_keys_are_met_together(load_text: Callable[..., Config]) -> None:
    found = read(load_text, "{gpu: h100-*, max_price_per_gpu_hour: 2.00, min_tier: 2}")
    assert meets(found, GOOD)
    for spoil in (sold(gpu=GpuModel("l4")), sold(price=nano(3)), place(tier=1)):
        assert not meets(found, spoil(GOOD))


def test_an_empty_match_asks_for_one_free_gpu_at_whatever_price(
    load_text: Callable[..., Config],
) -> None:
    found = read(load_text, "{}")
    assert meets(found, sold(price=None)(an_offer(uptime=None, location=Location())))


def test_resources_make_a_shape_of_as_many_gpus_as_are_asked_for(
    load_text: Callable[..., Config],
) -> None:
    found = read(load_text, f"{{gpu_count: 2, {BOX}}}")
    assert found.shape == Shape(gpu_count=2, vcpu_count=8, ram_gb=64, storage_gb=200)
    assert read(load_text, "gpu_count: 2").shape is None


def test_a_rule_keeps_its_name_clocks_and_severity(load_text: Callable[..., Config]) -> None:
    more = "    per: location\n    for: 5m\n    keep_firing_for: 10m\n    severity: critical\n"
    found = read(load_text, "gpu: h100-*", more)
    assert replace(found, conditions=()) == Rule(
        name=RuleName("r"),
        conditions=(),
        per=Per.LOCATION,
        hold_for=timedelta(minutes=5),
        keep_firing_for=timedelta(minutes=10),
        severity=Severity.CRITICAL,
    )
