"""What is refused again and again: it stops nobody else, and wakes nobody at every poll."""

import pytest

from tests.unit.grab.buying import MINUTE
from tests.unit.provision.test_buying import one


@pytest.mark.parametrize("fault", ["error-503", "hang", "html"])
def test_one_hostnode_that_cannot_be_read_holds_no_other_back(fault: str) -> None:
    world = one()
    world.faults.on(fault, endpoint="hostnode", hostnode="hn-1")
    world.buy()
    assert [each.hostnode_id for each in world.ours] == ["hn-2"]
    assert world.titles == []


@pytest.mark.parametrize("fault", ["error-503", "html", "forbidden", "throttled"])
def test_a_second_look_that_always_fails_is_not_told_at_every_poll(fault: str) -> None:
    world = one(max_attempts=2)
    world.faults.on(fault, endpoint="hostnode")
    for _ in range(60):
        world.buy()
        world.advance(MINUTE, step=MINUTE)
    assert 0 < len(world.titles) < 10
    world.faults.off()
    world.advance(3 * 60 * MINUTE, step=5 * MINUTE)
    world.buy()
    assert len(world.ours) == 1
