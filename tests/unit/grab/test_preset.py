"""A preset and a hostnode make an order, or a reason why not."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grab.preset import Preset, order
from monitor.market.hostnode import ComponentPrices, Hostnode, HostnodeId, Location, Resources
from monitor.market.instance import CloudInit, Forward, Order
from monitor.market.offer import GpuModel
from monitor.market.quote import Shape

GPU = GpuModel("l40-pcie-48gb")
PORTS = st.integers(1, 65_535)


def hostnode(ports: tuple[int, ...] | None) -> Hostnode:
    return Hostnode(
        id=HostnodeId("hn-1"),
        location=Location(),
        resources=Resources(),
        prices=ComponentPrices(),
        ports=ports,
    )


def preset(*ports: int) -> Preset:
    return Preset(
        name="box",
        image="ubuntu2404",
        shape=Shape(gpu_count=2, vcpu_count=8, ram_gb=32, storage_gb=200),
        ports=ports,
        ssh_key="ssh-ed25519 AAAA me",
        cloud_init=CloudInit(packages=("git",)),
    )


def ordered(ports: tuple[int, ...] | None, *internal: int) -> Order | str:
    return order(preset(*internal), name="box-1", hostnode=hostnode(ports), gpu=GPU)


def test_an_order_says_all_that_the_preset_says() -> None:
    wanted = preset(22)
    assert ordered((20000,), 22) == Order(
        name="box-1",
        image=wanted.image,
        hostnode=HostnodeId("hn-1"),
        gpu=GPU,
        shape=wanted.shape,
        forwards=(Forward(internal_port=22, external_port=20000),),
        ssh_key=wanted.ssh_key,
        cloud_init=wanted.cloud_init,
    )


def test_the_lowest_free_ports_are_taken_in_the_presets_order() -> None:
    made = ordered((20007, 20001, 20003), 443, 22)
    assert isinstance(made, Order)
    assert [(each.internal_port, each.external_port) for each in made.forwards] == [
        (443, 20001),
        (22, 20003),
    ]


@pytest.mark.parametrize(
    ("free", "reason"),
    [
        (None, "ports free not told, wanted 2"),
        ((), "0 ports free, wanted 2"),
        ((20000,), "1 ports free, wanted 2"),
        ((20000, 20000), "1 ports free, wanted 2"),
    ],
    ids=["not told", "none", "one", "one twice"],
)
def test_without_the_ports_there_is_a_reason(free: tuple[int, ...] | None, reason: str) -> None:
    assert ordered(free, 22, 80) == reason


@pytest.mark.parametrize("free", [None, ()], ids=["not told", "none"])
def test_who_wants_no_port_needs_none(free: tuple[int, ...] | None) -> None:
    made = ordered(free)
    assert isinstance(made, Order)
    assert made.forwards == ()


@given(st.lists(PORTS, max_size=9), st.lists(PORTS, max_size=5, unique=True), st.randoms())
def test_ports_are_free_distinct_and_the_same_at_each_look(
    free: list[int], internal: list[int], random: Random
) -> None:
    made = ordered(tuple(free), *internal)
    assert isinstance(made, Order) is (len(set(free)) >= len(internal))
    if isinstance(made, Order):
        external = [each.external_port for each in made.forwards]
        assert [each.internal_port for each in made.forwards] == internal
        assert set(external) <= set(free)
        assert len(set(external)) == len(external)
    random.shuffle(free)
    assert ordered(tuple(free), *internal) == made


def test_what_the_user_may_hold_secret_is_not_shown() -> None:
    assert "AAAA" not in repr(preset(22))
    assert "git" not in repr(preset(22))
