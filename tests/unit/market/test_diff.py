"""What changed between two looks, and nothing else."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from monitor.market.diff import (
    Changes,
    HostnodeFacts,
    OfferFacts,
    changes,
    hostnode_facts,
    offer_facts,
)
from monitor.market.hostnode import (
    ComponentPrices,
    Hostnode,
    HostnodeId,
    Location,
    Resources,
)
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer

looks = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))

HOSTNODE = Hostnode(
    id=HostnodeId("hn-1"),
    location=Location(city="東京"),
    resources=Resources(vcpu_count=1, ram_gb=2, storage_gb=3),
    prices=ComponentPrices(
        per_vcpu=NanoDollars(4), per_gb_ram=NanoDollars(5), per_gb_storage=NanoDollars(6)
    ),
    engine="Narwhal",
    uptime=99.5,
    ports=(22,),
)


def test_each_kind_of_change_is_told_apart() -> None:
    found = changes({"same": 1, "moved": 1, "gone": 1}, [("same", 1), ("moved", 2), ("new", 1)])
    assert found == Changes(begun={"new": 1}, changed={"moved": 2}, ended=("gone",))


@given(known=looks, seen=looks)
def test_applying_the_changes_gives_what_was_seen(
    known: dict[str, int], seen: dict[str, int]
) -> None:
    assert changes(known, seen.items()).applied(known) == seen


@given(known=looks, seen=looks)
def test_no_key_changes_in_two_ways(known: dict[str, int], seen: dict[str, int]) -> None:
    found = changes(known, seen.items())
    named = [*found.begun, *found.changed, *found.ended]
    assert len(named) == len(set(named))


@given(known=looks, seen=looks)
def test_only_what_differs_is_named(known: dict[str, int], seen: dict[str, int]) -> None:
    """The fewest rows are written that tell the difference."""
    found = changes(known, seen.items())
    same = {key for key in known if key in seen and known[key] == seen[key]}
    assert same.isdisjoint([*found.begun, *found.changed, *found.ended])


@given(look=looks)
def test_the_same_look_again_changes_nothing(look: dict[str, int]) -> None:
    assert changes(look, look.items()) == Changes(begun={}, changed={}, ended=())


def test_facts_make_the_hostnode_again_but_for_its_ports() -> None:
    ((key, facts),) = hostnode_facts([HOSTNODE])
    expected = Hostnode(
        id=HOSTNODE.id,
        location=HOSTNODE.location,
        resources=HOSTNODE.resources,
        prices=HOSTNODE.prices,
        engine=HOSTNODE.engine,
        uptime=HOSTNODE.uptime,
        ports=None,
    )
    assert facts.hostnode(key) == expected
    assert facts == HostnodeFacts(
        HOSTNODE.location, "Narwhal", 99.5, 1, 2, 3, *map(NanoDollars, (4, 5, 6))
    )


def test_an_offer_is_known_by_its_hostnode_and_gpu() -> None:
    offer = Offer(hostnode=HOSTNODE, gpu=GpuModel("l4-pcie-24gb"), available=2, price=None)
    assert list(offer_facts([offer])) == [(("hn-1", "l4-pcie-24gb"), OfferFacts(2, None))]


def test_a_look_that_changes_nothing_leaves_no_garbage() -> None:
    """Else every cycle would make the collector walk through the whole heap."""
    offers = [
        Offer(hostnode=HOSTNODE, gpu=GpuModel(f"gpu-{number}"), available=1, price=None)
        for number in range(500)
    ]
    known = dict(offer_facts(offers))
    gc.collect()
    before = len(gc.get_objects())
    found = changes(known, offer_facts(offers))
    assert len(gc.get_objects()) - before < 50
    assert not found.changed
