"""Following where the marketplace shows too little, or shows it wrongly."""

from dataclasses import replace
from typing import Any

import pytest

from monitor.grab.acts import end, resolve_as_gone
from monitor.grab.wish import Limits
from monitor.market.money import nano
from tests.unit.grab.buying import HOUR, MINUTE, a_buying, a_wish
from tests.unit.provision.test_buying import ONE, act, one
from tests.unit.provision.told import ALONE, LIST, rewrite
from tests.unit.provision.world import SECOND, World


def ending() -> World:
    """Return a world in which a person has asked for the end of what runs."""
    world = World(a_buying(a_wish(limits=ONE)))
    world.buy()
    world.advance(MINUTE)
    world.faults.on("error-503", endpoint="delete")
    act(world, end(world.grabs[0], "ada", world.now))
    return world


def test_one_empty_list_ends_no_deletion_while_the_instance_cannot_be_asked_for_alone() -> None:
    """However often it was seen before: or its limits are free, and a second one is bought."""
    world = ending()
    world.advance(20 * MINUTE)
    world.faults.on("instances-empty")
    world.faults.on("error-503", endpoint="instance")
    world.advance(20 * MINUTE)
    world.buy()
    assert world.statuses == ["deleting"]
    assert len(world.ours) == 1


def test_a_deletion_that_the_list_tells_in_words_is_believed_at_once() -> None:
    world = ending()
    world.faults.off()

    def as_deleted(body: object) -> object:
        rows = [
            {**gone(each.id), "name": each.name, "ipAddress": each.ip_address}
            for each in world.market.all_instances()
        ]
        return {"data": rows, "of": body}

    rewrite(world, LIST, as_deleted)
    world.faults.on("error-503", endpoint="instance")
    world.advance(MINUTE, step=SECOND)
    assert world.statuses == ["deleted"]
    assert "still billing" not in world.titles


def gone(instance: str) -> dict[str, object]:
    """Return the row of an instance that a list shows as deleted, with all it can tell."""
    ports = [{"internal_port": 22, "external_port": 20001}]
    return {"id": instance, "status": "deleted", "rateHourly": 2.0, "portForwards": ports}


def test_a_survey_that_failed_does_not_delay_what_is_bought_next() -> None:
    world = one()
    world.faults.on("error-503", endpoint="instances")
    world.follow()
    world.faults.off()
    world.now += 10 * SECOND
    world.faults.on("acts-hangs", endpoint="create", times=1)
    world.buy()
    world.advance(MINUTE, step=SECOND)
    assert world.statuses == ["running"]


def test_a_rate_that_rises_later_is_charged_and_told_again_when_it_is_above_the_cap() -> None:
    world = World(a_buying(a_wish(limits=ONE, max_total_per_hour=nano(4))))
    rates = [1.0]

    def dearer(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "rateHourly": body["rateHourly"] * rates[-1]}

    rewrite(world, ALONE, dearer)
    world.buy()
    world.advance(MINUTE)
    for factor, times in ((1.5, 1), (1.8, 1), (3.0, 2), (3.5, 2)):
        rates.append(factor)
        world.advance(HOUR, step=MINUTE)
        assert world.titles.count("billed dearer than quoted") == times
    assert world.grabs[0].spent > nano(2 * (1.4 + 1.7 + 2.9 + 3.4))


def test_ports_that_only_the_question_for_it_alone_tells_are_asked_for() -> None:
    world = one()

    def portless(body: dict[str, Any]) -> dict[str, Any]:
        for row in body["data"]["attributes"]["instances"]:
            row["attributes"].update(portForwards=[], rateHourly=2.0)
        return body

    rewrite(world, LIST, portless)
    world.buy()
    world.advance(MINUTE)
    assert "ssh -p" in world.told[-1].body


def test_an_instance_that_comes_back_is_told_anew() -> None:
    world = World(a_buying(a_wish(limits=ONE, cooldown=9 * HOUR)))
    world.buy()
    world.advance(10 * MINUTE)
    hidden = dict(world.market._instances)
    world.market._instances.clear()
    world.advance(5 * MINUTE)
    assert world.statuses == ["deleted"]
    world.market._instances.update(hidden)
    world.advance(10 * MINUTE)
    assert world.statuses == ["running"]
    assert world.titles == ["bought", "runs", "ended", "bought", "runs"]
    assert "after all" in world.told[3].body


def add_a_nameless_one(body: dict[str, Any]) -> dict[str, Any]:
    """Put somebody's instance into a list, without its name."""
    rows = body["data"]["attributes"]["instances"]
    rows.append({"id": "foreign", "attributes": {"name": None, "status": "error"}})
    return body


def test_a_nameless_instance_of_somebody_else_keeps_nothing_from_being_found() -> None:
    world = one()
    rewrite(world, LIST, add_a_nameless_one)
    world.faults.on("acts-hangs", endpoint="create", times=1)
    world.buy()
    world.advance(MINUTE)
    assert world.statuses == ["running"]


def test_while_a_nameless_instance_may_be_it_nothing_is_given_up() -> None:
    world = one()
    rewrite(world, LIST, add_a_nameless_one)
    world.faults.on("hang", endpoint="create", times=1)
    world.buy()
    world.advance(HOUR, step=MINUTE)
    assert world.statuses == ["unknown"]
    assert world.titles == ["unclear whether it was bought"] * 2
    assert "instances without names" in world.told[-1].body


def test_lists_that_fail_for_long_are_told_again_and_again_while_anything_lives() -> None:
    world = one()
    world.faults.on("data-missing", endpoint="instances")
    world.advance(HOUR, step=MINUTE)
    assert world.titles == []
    world.buy()
    world.advance(2 * HOUR + 30 * MINUTE, step=MINUTE)
    assert world.titles.count("what was bought cannot be seen") == 3
    world.faults.off()
    world.advance(HOUR, step=MINUTE)
    world.faults.on("error-503", endpoint="instances")
    world.advance(14 * MINUTE, step=MINUTE)
    assert world.titles.count("what was bought cannot be seen") == 3


def test_what_turns_up_late_is_followed_though_no_rule_buys_any_more() -> None:
    world = one()
    world.faults.on("acts-hangs", endpoint="create", times=1)
    world.faults.on("instances-lag", seconds=3600)
    world.buy()
    world.advance(59 * MINUTE, step=MINUTE)
    assert world.statuses == ["failed"]
    for _ in range(10):
        world.now += MINUTE
        world.reconciler.run(world.now, [])
    assert world.statuses == ["running"]
    asked = world.simulation.requests.total
    world.books.kept.grabs.clear()
    world.reconciler.run(world.now + HOUR, [])
    assert world.simulation.requests.total == asked


def call(world: World, name: str) -> None:
    """Rename the one instance there is."""
    (made,) = world.market.all_instances()
    world.market._instances[made.id] = replace(made, name=name)


@pytest.mark.parametrize("late", [False, True])
def test_what_its_owner_has_renamed_is_told_once_and_not_deleted(
    late: bool,  # noqa: FBT001 - pytest passes it
) -> None:
    """Also if that came right before its end, and no look has shown it."""
    world = World(a_buying(a_wish(limits=ONE, time_to_live=10 * MINUTE)))
    world.buy()
    world.advance(9 * MINUTE + 50 * SECOND if late else MINUTE)
    ours = world.ours[0].name
    call(world, "mine")
    world.advance(HOUR, step=10 * SECOND)
    world.buy()
    assert [each.name for each in world.market.living()] == ["mine"]
    assert len([each for each in world.titles if each.startswith("renamed")]) == 1
    assert "still billing" not in world.titles
    call(world, "")
    world.advance(2 * MINUTE)
    assert len(world.market.living()) == 1
    call(world, ours)
    world.advance(2 * MINUTE)
    assert world.statuses == ["deleted"]


def test_empty_lists_free_no_limit_while_an_instance_cannot_be_asked_for_alone() -> None:
    """It is told, again when it happens again, and a person who knows says that it is gone."""
    world = one()
    world.buy()
    world.advance(10 * MINUTE)
    for times in (1, 2):
        world.faults.on("instances-empty")
        world.faults.on("error-503", endpoint="instance")
        world.advance(HOUR, step=MINUTE)
        world.buy()
        assert (world.statuses, len(world.ours)) == (["running"], 1)
        assert world.titles.count("cannot be found") == times
        world.faults.off()
        world.advance(2 * MINUTE)
    act(world, resolve_as_gone(world.grabs[0], "ada", world.now))
    assert world.statuses == ["deleted"]
    world.buying = a_buying(a_wish(limits=Limits(max_instances=0)))
    world.advance(10 * MINUTE)
    assert world.statuses == ["running"]
