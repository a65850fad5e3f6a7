"""Dying at every seam: nothing is bought twice, no limit exceeded, no instance lost.

A run buys under faults drawn from a seed, dies at one of its seams, begins anew from what was
committed, and goes on until all is settled. Every seam of a run has its turn.
"""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from monitor.grab.follow import NEVER_MADE_AFTER
from monitor.grab.grab import BILLED, COUNTING
from monitor.grab.wish import Limits
from monitor.market.money import nano
from monitor.simulator.catalogue import FAULTS
from monitor.simulator.faults import Endpoint
from tests.unit.grab.buying import HOUR, MINUTE, a_buying, a_wish
from tests.unit.provision.world import CREATE_TIMEOUT, SECOND, World

SEEDS = range(20)
INSTANCES = 2
LONGEST_LIFE = HOUR
LIMITS = Limits(
    max_instances=INSTANCES,
    max_total_per_hour=nano(4.5),
    max_spend_per_day=nano(30),
    max_spend_per_month=nano(300),
    max_creates_per_hour=20,
)
CREATE_FAULTS = (
    *("no-nodes", "hostnode-unavailable", "funds-balance", "empty-id", "bad-request"),
    *("acts-hangs", "acts-drops", "acts-error-500", "acts-error-504", "acts-unreadable"),
    *("hang", "drop", "reset", "error-500", "throttled", "ports-ignored", "cut-off"),
)
DELETE_FAULTS = ("acts-hangs", "acts-error-500", "hang", "error-503", "delete-lingers")
EVERY_CREATE_FAULT = [fault.name for fault in FAULTS.values() if Endpoint.CREATE in fault.on]
SEAM_AFTER_THE_ANSWER = 8
"""After: list, its answer, look, its answer, commit's end, commit, request."""
LIST_FAULTS = (
    "instances-lag",
    "instances-flat",
    "data-missing",
    "html",
    "error-502",
    "status-case",
)


def a_world(seed: int) -> World:
    """Return a world with faults and a time to live drawn from the seed."""
    draw = Random(seed)  # noqa: S311 - a repeatable course, no secret
    wish = a_wish(time_to_live=draw.choice((5 * MINUTE, 20 * MINUTE, LONGEST_LIFE)))
    world = World(a_buying(wish, limits=LIMITS), seed=seed)
    for endpoint, names in (
        ("create", CREATE_FAULTS),
        ("delete", DELETE_FAULTS),
        ("instances", LIST_FAULTS),
    ):
        for name in draw.sample(names, draw.randint(0, 2)):
            world.faults.on(name, endpoint=endpoint, times=1, seconds=60)
    return world


def check(world: World) -> None:
    """Assert what holds at any moment, whatever happened."""
    ours = world.ours
    assert len(ours) <= INSTANCES
    assert sum(each.rate for each in ours) <= nano(4.5)
    assert len(world.sent) == len(set(world.sent)), "a name was sent twice"
    billed = {grab.instance_name for grab in world.books.all() if grab.status in BILLED}
    assert {each.name for each in ours} <= billed, "an instance is known to no row"


def buys(world: World) -> None:
    """Buy, follow, and let some minutes pass."""
    for _ in range(3):
        world.buy()
        check(world)
        world.advance(30 * SECOND, step=10 * SECOND)


def settle(world: World) -> None:
    """Buy nothing more, and follow until nothing is left; as long as that ever takes, no longer."""
    world.stop_file = True
    world.faults.off()
    longest = world.now + NEVER_MADE_AFTER + CREATE_TIMEOUT + LONGEST_LIFE
    while counting(world) and world.now < longest:
        world.advance(2 * MINUTE, step=2 * MINUTE)
    check(world)
    assert (counting(world), world.ours) == ([], [])
    spent, billed = sum(world.books.kept.charged.values()), world.market.spent(world.now)
    assert abs(spent - billed) <= billed * 0.01 + nano(0.1) * len(world.market.all_instances())


def counting(world: World) -> list[str]:
    """Return what has not ended, in words."""
    return [f"{g.id} {g.status.value}" for g in world.books.all() if g.status in COUNTING]


def first_steps(buy: Callable[[World], None], world: World) -> None:
    """Decide, send, settle, look: where a crash hurts most."""
    buy(world)
    world.follow()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("buy", [World.buy, World.plan_and_send])
def test_whichever_seam_it_dies_at_all_is_settled_afterwards(
    seed: int, buy: Callable[[World], None]
) -> None:
    counted = a_world(seed)
    first_steps(buy, counted)
    for at in range(1, counted.seams + 1):
        world = a_world(seed)
        assert world.dying(partial(first_steps, buy, world), at)
        check(world)
        buys(world)
        settle(world)


@pytest.mark.parametrize("seed", SEEDS)
def test_undisturbed_all_is_settled(seed: int) -> None:
    world = a_world(seed)
    buys(world)
    settle(world)


@pytest.mark.slow
@pytest.mark.parametrize("first", EVERY_CREATE_FAULT)
def test_any_two_faults_of_a_create_one_after_the_other_and_both_at_once(first: str) -> None:
    """The first create meets both, the second create the second one."""
    for second in EVERY_CREATE_FAULT:
        world = World(a_buying(a_wish(time_to_live=4 * MINUTE), limits=LIMITS))
        world.faults.on(first, endpoint="create", times=1)
        world.faults.on(second, endpoint="create", times=2)
        buys(world)
        settle(world)


def test_dying_right_after_the_answer_the_instance_is_found_by_its_name() -> None:
    """The seam that orphans machines elsewhere: made, and not written down."""
    world = World(a_buying(a_wish(limits=Limits(max_instances=1)), limits=LIMITS))
    assert world.dying(world.buy, SEAM_AFTER_THE_ANSWER)
    assert (world.statuses, len(world.ours)) == (["submitted"], 1)
    world.advance(30 * SECOND)
    assert (world.statuses, len(world.ours)) == (["running"], 1)
