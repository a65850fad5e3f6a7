"""What is bought when the program is asked to end: nothing more than was on its way."""

import pytest

from tests.unit.provision.test_buying import during, one
from tests.unit.provision.world import World


def look(world: World) -> None:
    """Have the program asked to end during the second look at a hostnode."""
    during(world, "/hostnodes/", world.stopping.set)


def test_at_a_poll_in_flight_nothing_is_decided() -> None:
    world = one()
    firing = world.firing()
    assert firing is not None
    world.stopping.set()
    world.executor.buy(firing, None)
    assert world.books.all() == []


def test_what_was_foreseen_is_not_decided_after_the_second_look() -> None:
    world = one()
    look(world)
    world.buy()
    assert (world.sent, world.books.all()) == ([], [])


def test_what_was_planned_stays_so_and_is_sent_by_the_next_start() -> None:
    world = one()
    world.poll()
    look(world)
    world.send()
    assert (world.sent, world.statuses) == ([], ["planned"])
    world.executor.begin(world.grabs)
    world.executor.drain()
    assert world.sent == []
    world.restart()
    world.send()
    assert world.statuses == ["created"]


@pytest.mark.parametrize("ahead", [True, False])
def test_what_is_on_its_way_is_settled_and_the_next_candidate_waits_for_a_next_start(
    ahead: bool,  # noqa: FBT001 - pytest passes it
) -> None:
    world = one()
    world.faults.on("no-nodes", endpoint="create", times=1)
    during(world, "/instances", world.stopping.set)
    if ahead:
        world.buy()
    else:
        world.plan_and_send()
    assert (len(world.sent), world.statuses) == (1, ["failed", "planned"])
    assert world.titles == []
