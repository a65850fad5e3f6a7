"""Buying ahead of the poll's own work: what is foreseen, and what comes in between."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from monitor.grab.book import Switch
from monitor.grab.grab import GrabStatus, Mode
from monitor.grab.reasons import Cause
from monitor.grab.wish import Limits
from monitor.provision.execute import Executor
from monitor.provision.foresight import foresee
from monitor.rules.alert import RuleName
from tests.unit.grab.buying import MINUTE, a_buying, a_wish
from tests.unit.provision.test_buying import ONE, during, one
from tests.unit.provision.world import World


def ours(world: World) -> list[str]:
    return [each.hostnode_id for each in world.ours]


def test_what_is_foreseen_is_looked_at_and_committed_once_before_it_is_sent() -> None:
    """Between the list and the request: one request to read, and one book."""
    world = one()
    during(world, "/hostnodes/", lambda: setattr(world, "seen", world.books.all()))
    during(world, "/instances", lambda: setattr(world, "sent_by", world.books.kept.version()))
    before = world.books.kept.version()
    world.buy()
    paths = [request.path.rpartition("/api/v2")[2] for request in world.simulation.requests.last(3)]
    assert sorted(paths) == ["/hostnodes", "/hostnodes/hn-1", "/instances"]
    (grab,) = world.grabs
    steps = [step.after.value for step in world.books.kept.history(grab.id)]
    assert steps == ["planned", "submitted", "created"]
    assert grab.version == 2  # written once before the request, and once after
    assert world.books.kept.version() == before + 2  # the second one settles


def press_pause(world: World) -> None:
    with world.books.book() as book:
        book.set_switch(Switch(paused=True, by="ada"))


NOTHING_MORE = a_buying(a_wish(RuleName("other"), limits=Limits(max_instances=0)))
BETWEEN: dict[str, Callable[[World], object]] = {
    "bought by another process": World.plan_and_send,
    "paused": press_pause,
    "stopped": lambda world: setattr(world, "stop_file", True),
    "reloaded": lambda world: setattr(world, "buying", NOTHING_MORE),
    "dry": lambda world: setattr(world, "buying", a_buying(a_wish(mode=Mode.DRY_RUN))),
}


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("when", ["before the poll", "during the second look"])
def test_what_came_in_between_counts_and_what_was_foreseen_does_not(
    between: str, when: str
) -> None:
    world = one()
    known = world.ready()
    if when == "before the poll":
        BETWEEN[between](world)
    else:
        during(world, "/hostnodes/", lambda: BETWEEN[between](world))
    world.buy(known)
    bought = 1 if between == "bought by another process" else 0
    assert (len(world.sent), len(world.ours)) == (bought, bought)


def test_another_rule_that_took_the_hostnode_foreseen_leaves_the_next_best() -> None:
    """The limit on money lets only the cheapest be had: then nothing is."""
    world = World(a_buying(limits=replace(a_buying().limits, max_instances=2)))
    known = world.ready()
    world.plan_and_send()
    world.buy(known)
    assert ours(world) == ["hn-1", "hn-1"]
    world.buy(known)
    assert len(world.sent) == 2


@pytest.mark.parametrize("fault", ["price-differs", "hang"])
def test_what_a_look_ahead_does_not_confirm_is_not_bought(fault: str) -> None:
    world = one()
    world.faults.on(fault, endpoint="hostnode", hostnode="hn-1")
    world.buy()
    assert "hn-1" not in ours(world)
    assert world.books.all()[0].status is GrabStatus.REFUSED


def test_what_is_gone_at_the_look_ahead_means_the_next_candidate() -> None:
    world = one()
    during(world, "/hostnodes", lambda: world.market.set_offer(hostnode="hn-1", count=0))
    world.buy()
    first, second = world.books.all()
    assert (first.status, Cause.of(first.reason)) == (GrabStatus.REFUSED, Cause.GONE)
    assert (ours(world), second.chain) == (["hn-2"], first.chain)


def test_a_hostnode_that_has_cooled_down_since_the_book_was_written_is_bought_again() -> None:
    """Nothing was written meanwhile, so nothing is read again: only the time is another."""
    world = World(a_buying(host_cooldown=10 * MINUTE))
    world.faults.on("no-nodes", endpoint="create", hostnode="hn-1", times=1)
    world.buy()
    world.ready()
    world.now += 11 * MINUTE
    world.buy()
    assert ours(world) == ["hn-2", "hn-1"]


def test_two_rules_that_fire_at_once_buy_one_each_as_far_as_limits_go() -> None:
    """One is bought ahead, the other is planned in the same book, and counts it."""
    both = (a_wish(RuleName("a"), limits=ONE), a_wish(RuleName("b"), limits=ONE))
    for most, rules in ((2, ["a", "b"]), (1, ["a"])):
        world = World(a_buying(*both, limits=replace(a_buying().limits, max_instances=most)))
        world.buy()
        assert [grab.rule for grab in world.grabs] == rules
        assert len(world.ours) == most


def test_who_asks_a_person_first_foresees_nothing() -> None:
    world = World(a_buying(a_wish(mode=Mode.APPROVE, limits=ONE)))
    firing = world.firing()
    assert firing is not None
    assert foresee(firing, world.ready()) is None


def test_a_look_ahead_that_hangs_holds_up_neither_the_poll_nor_what_fires_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second poll plans what it decides, and is not refused for what is only looked at."""
    world = World(a_buying(a_wish(limits=Limits(max_instances=2), cooldown=MINUTE)))
    answered = threading.Event()
    begun: list[str] = []
    settled = threading.Event()
    executor = Executor(world.tools, settled=settled.set, stopping=world.stopping)
    firing = world.firing()
    assert firing is not None
    known = world.ready()
    ahead = executor.buy_ahead

    def hang(*about: Any) -> None:
        begun.append("looking")
        answered.wait(10)
        ahead(*about)

    monkeypatch.setattr(executor, "buy_ahead", hang)
    executor.buy(firing, known)
    assert (begun, world.statuses) == (["looking"], [])
    monkeypatch.setattr(executor, "_begin", lambda grab: begun.append(grab.status))
    executor.buy(firing, known)
    assert (begun[1:], world.statuses) == (["planned"], ["planned"])
    answered.set()
    assert settled.wait(10)


@pytest.mark.parametrize("is_ahead", [True, False])
def test_what_was_looked_at_for_a_preset_that_was_reloaded_since_is_looked_at_again(
    *, is_ahead: bool
) -> None:
    """What is ordered is what is configured when it is committed that it is being sent."""
    world, wish = one(), a_wish(limits=ONE)
    preset = replace(wish.preset, image="another")
    new = a_buying(replace(wish, preset=preset))
    during(world, "/hostnodes/", lambda: setattr(world, "buying", new))
    if is_ahead:
        world.buy()
    else:
        world.plan_and_send()
    world.send()
    assert [each.image for each in world.ours] == ["another"]
    assert len(world.sent) == 1
