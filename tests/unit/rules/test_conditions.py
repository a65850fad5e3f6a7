import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.market.hostnode import ComponentPrices, Location, LocationId, Resources
from monitor.market.money import NanoDollars, nano
from monitor.market.offer import Offer
from monitor.market.quote import Shape
from monitor.rules.conditions import (
    AtLeast,
    AtMost,
    Attribute,
    Condition,
    Equals,
    Fits,
    OneOf,
    TotalAtMost,
    lack,
)
from monitor.rules.index import OfferIndex
from tests.unit.rules.market_strategies import COUNTRIES, GPUS, an_offer, offers

HERE = Location(
    id=LocationId("loc-1"),
    city="Chubbuck",
    state="Idaho",
    country="United States",
    organization="Acme",
    tier=2,
    network_gbps=10.0,
    network_storage=False,
)
BOX = Shape(gpu_count=1, vcpu_count=8, ram_gb=64, storage_gb=200)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (OneOf(attribute=Attribute.GPU, globs=("h100-*",)), None),
        (OneOf(attribute=Attribute.GPU, globs=("H100-*",)), None),
        (
            OneOf(attribute=Attribute.GPU, globs=("h100",)),
            "gpu h100-sxm5-80gb, wanted h100",
        ),
        (
            OneOf(attribute=Attribute.GPU, globs=("a100-*", "l40-*")),
            "gpu h100-sxm5-80gb, wanted a100-* or l40-*",
        ),
        (OneOf(attribute=Attribute.COUNTRY, globs=("Canada", "united states")), None),
        (OneOf(attribute=Attribute.CITY, globs=("Boise",)), "city Chubbuck, wanted Boise"),
        (OneOf(attribute=Attribute.STATE, globs=("Idaho",)), None),
        (
            OneOf(attribute=Attribute.LOCATION_ID, globs=("loc-2",)),
            "location id loc-1, wanted loc-2",
        ),
        (OneOf(attribute=Attribute.HOSTNODE_ID, globs=("hn-1",)), None),
        (
            OneOf(attribute=Attribute.ORGANIZATION, globs=("Bolt",)),
            "organization Acme, wanted Bolt",
        ),
        (OneOf(attribute=Attribute.ENGINE, globs=("*",)), "engine not told, wanted *"),
        (AtLeast(attribute=Attribute.AVAILABLE, limit=2), None),
        (AtLeast(attribute=Attribute.AVAILABLE, limit=4), "available 3, wanted 4"),
        (AtMost(attribute=Attribute.PRICE, limit=nano(2.2)), None),
        (AtMost(attribute=Attribute.PRICE, limit=nano(1.85)), "0.15 $/h too dear"),
        (AtLeast(attribute=Attribute.PRICE, limit=nano(2.25)), "0.25 $/h too cheap to be trusted"),
        (AtLeast(attribute=Attribute.UPTIME, limit=99), "uptime 98.7, wanted 99"),
        (AtLeast(attribute=Attribute.TIER, limit=2), None),
        (AtMost(attribute=Attribute.TIER, limit=1), "tier 2, wanted at most 1"),
        (AtLeast(attribute=Attribute.NETWORK_GBPS, limit=25), "network gbps 10, wanted 25"),
        (Equals(attribute=Attribute.NETWORK_STORAGE, flag=True), "network storage no, wanted yes"),
        (Equals(attribute=Attribute.NETWORK_STORAGE, flag=False), None),
        (Fits(shape=BOX), None),
        (Fits(shape=Shape(gpu_count=4)), "3 GPUs free, wanted 4"),
        (Fits(shape=Shape(vcpu_count=65)), "64 vCPUs free, wanted 65"),
        (TotalAtMost(shape=BOX, limit=nano(2.162)), None),
        (TotalAtMost(shape=BOX, limit=nano(2.062)), "0.10 $/h too dear in total"),
    ],
)
def test_a_condition_says_what_an_offer_lacks(condition: Condition, words: str | None) -> None:
    assert lack(condition, an_offer(available=3, uptime=98.7, location=HERE)) == words


@pytest.mark.parametrize(
    "condition",
    [
        AtMost(attribute=Attribute.PRICE, limit=nano(9)),
        AtLeast(attribute=Attribute.PRICE, limit=0),
        AtLeast(attribute=Attribute.UPTIME, limit=0),
        AtLeast(attribute=Attribute.TIER, limit=0),
        AtMost(attribute=Attribute.TIER, limit=9),
        AtLeast(attribute=Attribute.NETWORK_GBPS, limit=0),
        Equals(attribute=Attribute.NETWORK_STORAGE, flag=False),
        OneOf(attribute=Attribute.COUNTRY, globs=("*",)),
        Fits(shape=Shape(vcpu_count=1)),
        TotalAtMost(shape=Shape(), limit=nano(99)),
    ],
)
def test_what_is_not_told_meets_no_condition(condition: Condition) -> None:
    silent = an_offer(
        price=None,
        uptime=None,
        location=Location(),
        resources=Resources(),
        prices=ComponentPrices(),
    )
    assert lack(condition, silent) is not None


def test_a_part_without_a_price_leaves_the_total_unknown() -> None:
    offer = an_offer(prices=ComponentPrices(per_vcpu=nano(0.003), per_gb_ram=nano(0.002)))
    assert lack(TotalAtMost(shape=BOX, limit=nano(99)), offer) == "a part of the total has no price"


_attribute_conditions = st.one_of(
    st.builds(
        OneOf,
        attribute=st.just(Attribute.GPU),
        globs=st.lists(st.sampled_from([*GPUS, "l4-*", "l40*", "*"]), max_size=2).map(tuple),
    ),
    st.builds(
        OneOf,
        attribute=st.just(Attribute.COUNTRY),
        globs=st.lists(st.sampled_from(COUNTRIES), max_size=2).map(tuple),
    ),
    st.builds(AtMost, attribute=st.just(Attribute.PRICE), limit=st.integers(0, 4_000_000_000)),
    st.builds(AtLeast, attribute=st.just(Attribute.PRICE), limit=st.integers(0, 4_000_000_000)),
    st.builds(AtLeast, attribute=st.just(Attribute.UPTIME), limit=st.floats(0, 100)),
    st.builds(AtMost, attribute=st.just(Attribute.TIER), limit=st.integers(0, 4)),
    st.builds(AtLeast, attribute=st.just(Attribute.AVAILABLE), limit=st.integers(0, 8)),
    st.builds(Equals, attribute=st.just(Attribute.NETWORK_STORAGE), flag=st.booleans()),
)
_shapes = st.builds(
    Shape,
    gpu_count=st.integers(1, 4),
    vcpu_count=st.integers(0, 16),
    ram_gb=st.integers(0, 64),
    storage_gb=st.integers(0, 500),
)
_conditions = _attribute_conditions | st.one_of(
    st.builds(Fits, shape=_shapes),
    st.builds(TotalAtMost, shape=_shapes, limit=st.integers(0, 9_000_000_000).map(NanoDollars)),
)


@given(st.lists(offers, max_size=30), st.lists(_conditions, max_size=4))
def test_the_index_finds_just_the_offers_that_lack_nothing(
    some: list[Offer], conditions: list[Condition]
) -> None:
    """The bit sets and the plain test of one offer agree, and the cheapest comes first."""
    index = OfferIndex(some)
    found = [index.offers[place] for place in index.matching(conditions)]
    wanted = [o for o in some if not any(lack(c, o) for c in conditions)]
    wanted.sort(key=lambda offer: (offer.price is None, offer.price or 0))
    assert found == wanted
