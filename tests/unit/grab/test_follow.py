"""What a look makes of a grab, where a list alone would mislead."""

from datetime import timedelta

import pytest

from monitor.grab.follow import LAG, Sight, follow
from monitor.grab.grab import Grab, GrabStatus
from monitor.market.instance import Instance, InstanceId, InstanceStatus
from tests.unit.grab.books import MemoryBooks
from tests.unit.grab.buying import MINUTE, NOON, a_grab

GONE = Sight(listed=None, alone=None, asked=True)
ONLY_UNLISTED = Sight(listed=None)
DELETED = Instance(id=InstanceId("i-1"), name="n", status=InstanceStatus.DELETED)
TIMEOUT = 2 * MINUTE


def looks(grab: Grab, sight: Sight, times: int, age: timedelta) -> Grab:
    """Look so many times in a row at a grab that was sent so long ago."""
    for _ in range(times):
        grab = follow(grab, sight, TIMEOUT, NOON + age)
    return grab


def of(status: GrabStatus) -> Grab:
    return a_grab(MemoryBooks(), status)


@pytest.mark.parametrize("status", [GrabStatus.CREATED, GrabStatus.RUNNING])
def test_what_was_just_made_is_not_gone_because_nothing_shows_it_yet(status: GrabStatus) -> None:
    assert looks(of(status), GONE, 20, LAG - MINUTE).status is status
    assert looks(of(status), GONE, 2, LAG).status is status
    assert looks(of(status), GONE, 3, LAG).status is GrabStatus.DELETED


def test_however_many_lists_lack_it_that_alone_does_not_do() -> None:
    running = of(GrabStatus.RUNNING)
    assert looks(running, ONLY_UNLISTED, 99, LAG).status is GrabStatus.RUNNING


def test_to_be_seen_again_begins_the_count_anew() -> None:
    there = Instance(id=InstanceId("i-1"), name="n", status=InstanceStatus.RUNNING)
    missed = looks(of(GrabStatus.RUNNING), GONE, 2, LAG)
    seen = looks(missed, Sight(listed=there), 1, LAG)
    assert looks(seen, GONE, 2, LAG).status is GrabStatus.RUNNING


def test_a_deletion_that_was_not_accepted_is_not_over_because_a_young_one_is_not_shown() -> None:
    deleting = of(GrabStatus.DELETING)
    assert looks(deleting, GONE, 5, LAG - MINUTE).status is GrabStatus.DELETING
    accepted = Sight(listed=None, asked=True, accepted=True)
    assert looks(deleting, accepted, 1, MINUTE).status is GrabStatus.DELETED
    assert looks(deleting, GONE, 1, LAG).status is GrabStatus.DELETED


def test_nor_because_only_the_list_lacks_it() -> None:
    accepted = Sight(listed=None, accepted=True)
    assert looks(of(GrabStatus.DELETING), accepted, 99, 2 * LAG).status is GrabStatus.DELETING


def test_a_deletion_is_over_as_soon_as_the_marketplace_shows_it_as_deleted() -> None:
    shown = Sight(listed=DELETED)
    assert looks(of(GrabStatus.DELETING), shown, 1, MINUTE).status is GrabStatus.DELETED


def test_what_is_shown_as_deleted_is_believed_as_if_it_had_been_asked_for_alone() -> None:
    running = of(GrabStatus.RUNNING)
    assert looks(running, Sight(listed=DELETED), 2, LAG).status is GrabStatus.RUNNING
    assert looks(running, Sight(listed=DELETED), 3, LAG).status is GrabStatus.DELETED


def test_an_instance_shown_as_deleted_is_not_there() -> None:
    assert Sight(listed=DELETED, alone=DELETED, asked=True).shown is None
