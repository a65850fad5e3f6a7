"""What people ask for while something is on its way, and what they are told of it."""

from monitor.grab.acts import approve, end
from monitor.grab.grab import GrabStatus, Mode
from monitor.grab.reasons import Cause
from monitor.market.money import nano
from tests.unit.grab.buying import HOUR, MINUTE, a_buying, a_wish
from tests.unit.provision.test_buying import ONE, act, during, one
from tests.unit.provision.world import World


def asked() -> World:
    """Return a world in which a person is asked to approve a purchase."""
    world = World(a_buying(a_wish(mode=Mode.APPROVE, limits=ONE)))
    world.buy()
    world.follow()
    return world


def test_to_end_what_is_being_sent_means_that_no_other_hostnode_is_tried() -> None:
    world = one()
    world.faults.on("no-nodes", endpoint="create", times=1)

    def end_it() -> None:
        with world.books.book() as book:
            (sent,) = book.with_status({GrabStatus.SUBMITTED})
        act(world, end(sent, "ada", world.now))

    during(world, "/instances", end_it)
    world.buy()
    assert (len(world.sent), world.statuses, world.titles) == (1, ["failed"], ["not bought"])


def test_who_is_asked_is_told_how_dear_the_others_are() -> None:
    (question,) = asked().told
    assert "3 others are tried, at up to 2.3668 $/h" in question.body


def test_an_approval_that_could_not_be_used_in_time_is_told() -> None:
    """By who sends, or by who follows: whichever comes first."""
    for acts in (World.send, World.follow):
        world = asked()
        act(world, approve(world.grabs[0], "ada", world.now))
        world.now += 3 * MINUTE
        acts(world)
        acts(world)
        assert (world.statuses, world.sent) == (["expired"], [])
        assert world.titles == ["to approve", "not bought"]
        assert Cause.EXPIRED in world.told[-1].body


def test_who_sleeps_is_asked_a_few_times_in_a_night() -> None:
    wish = a_wish(mode=Mode.APPROVE, limits=ONE, cooldown=10 * MINUTE)
    world = World(a_buying(wish))
    for _ in range(9 * 12):
        world.buy()
        world.advance(5 * MINUTE, step=5 * MINUTE)
    assert world.titles == ["to approve"] * 6


def test_a_question_that_nobody_answered_is_not_told_again() -> None:
    world = asked()
    world.advance(16 * MINUTE, step=MINUTE)
    assert (world.statuses, world.titles) == (["expired"], ["to approve"])


def test_what_is_approved_ends_as_its_rule_says_by_then() -> None:
    """The limits are checked by that too."""
    world = asked()
    wish = a_wish(mode=Mode.APPROVE, limits=ONE, time_to_live=HOUR, stop_when_spent=nano(9))
    world.buying = a_buying(wish)
    act(world, approve(world.grabs[0], "ada", world.now))
    world.send()
    (grab,) = world.grabs
    assert (grab.time_to_live, grab.stop_when_spent) == (HOUR, nano(9))
    world.advance(HOUR + MINUTE, step=MINUTE)
    assert world.statuses == ["deleted"]
