"""Following where the marketplace shows too little, or shows it wrongly."""

from monitor.grab.acts import end
from tests.unit.grab.buying import MINUTE, a_buying, a_wish
from tests.unit.provision.test_buying import ONE, act
from tests.unit.provision.told import LIST, rewrite
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
