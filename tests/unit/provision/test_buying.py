"""From a rule that fires to an instance that runs and ends, and what comes between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from monitor.grab.acts import approve, created, end, resolve_as_created
from monitor.grab.book import Switch
from monitor.grab.follow import NEVER_MADE_AFTER
from monitor.grab.grab import Grab, GrabStatus, Mode
from monitor.grab.reasons import Cause
from monitor.grab.wish import Limits, Orphans, WhenDearer
from monitor.market.instance import InstanceId
from monitor.market.money import nano
from monitor.provision.reconcile import Reconciler
from monitor.rules.alert import RuleName
from monitor.simulator.answers import Answer
from tests.unit.grab.buying import HOUR, MINUTE, a_buying, a_wish
from tests.unit.provision.world import CREATE_TIMEOUT, SECOND, World

ONE = Limits(max_instances=1)


def one(**changes: Any) -> World:
    """Return a world in which the rule may have one instance."""
    return World(a_buying(a_wish(limits=ONE), **changes))


def test_what_a_rule_wishes_for_is_bought_followed_and_told() -> None:
    world = one()
    world.buy()
    assert world.statuses == ["created"]
    world.follow()
    world.advance(20 * SECOND)
    (grab,) = world.grabs
    (instance,) = world.ours
    assert (grab.status, grab.instance_id, grab.billed) == ("running", instance.id, instance.rate)
    assert world.titles == ["bought", "runs"]
    ssh = f"ssh -p {instance.port_forwards[0].external_port} user@{instance.ip_address}"
    assert ssh in world.told[-1].body
    assert [step.after.value for step in world.books.kept.history(grab.id)] == [
        "planned",
        "submitted",
        "created",
        "running",
    ]


def test_it_ends_with_its_time_to_live_and_what_it_cost_is_charged() -> None:
    world = World(a_buying(a_wish(limits=ONE, time_to_live=2 * HOUR, cooldown=9 * HOUR)))
    world.buy()
    world.advance(2 * HOUR + MINUTE)
    (grab,) = world.grabs
    assert (grab.status, Cause.of(grab.reason)) == ("deleted", Cause.GONE_AS_ASKED)
    assert world.titles == ["bought", "runs", "deleting", "ended"]
    billed = world.market.spent(world.now)
    assert abs(sum(world.books.kept.charged.values()) - billed) < billed // 100
    assert grab.spent == sum(world.books.kept.charged.values())


def test_it_ends_when_what_it_may_cost_is_spent() -> None:
    world = World(a_buying(a_wish(time_to_live=None, stop_when_spent=nano(3), limits=ONE)))
    world.buy()
    world.advance(2 * HOUR)
    assert nano(2.95) < world.market.spent(world.now) < nano(3.05)
    assert world.titles == ["bought", "runs", "deleting", "ended"]


def test_a_dry_run_looks_again_and_sends_nothing() -> None:
    world = World(a_buying(a_wish(mode=Mode.DRY_RUN, limits=ONE)))
    world.buy()
    assert (world.statuses, world.sent, world.titles) == (["dry_run"], [], ["would buy"])
    assert any("/hostnodes/hn-1" in request.path for request in world.simulation.requests.last(9))


def test_a_person_is_asked_and_what_is_approved_is_bought() -> None:
    world = World(a_buying(a_wish(mode=Mode.APPROVE, limits=ONE)))
    world.buy()
    world.follow()
    world.follow()
    (grab,) = world.grabs
    assert (grab.status, world.titles) == ("awaiting_approval", ["to approve"])
    assert f"gpu-monitor grabs approve {grab.id}" in world.told[0].body
    act(world, approve(grab, "ada", world.now))
    world.send()
    assert world.statuses == ["created"]


def test_what_nobody_approves_expires() -> None:
    world = World(a_buying(a_wish(mode=Mode.APPROVE, limits=ONE)))
    world.buy()
    world.advance(16 * MINUTE, step=MINUTE)
    assert (world.statuses, world.sent) == (["expired"], [])


def act(world: World, done: Grab | str) -> None:
    """Write what a person did."""
    assert isinstance(done, Grab)
    with world.books.book() as book:
        before = book.find(done.id)
        assert before is not None
        book.change(before, done, done.reason, world.now)


@pytest.mark.parametrize("fault", ["price-differs", "hang"])
def test_an_offer_that_a_second_look_does_not_confirm_is_not_bought(fault: str) -> None:
    world = one()
    world.faults.on(fault, endpoint="hostnode", hostnode="hn-1")
    world.buy()
    assert [each.hostnode_id for each in world.ours] == ["hn-2"]


def test_dearer_means_the_next_candidate_and_the_dear_one_cools_down() -> None:
    world = one()
    world.faults.on("price-differs", hostnode="hn-1")
    world.buy()
    first, second = world.books.all()
    assert (first.status, Cause.of(first.reason)) == ("refused", Cause.DEARER)
    assert (second.status, second.hostnode, second.attempt) == ("created", "hn-2", 2)
    assert first.chain == second.chain


def test_gone_means_the_next_candidate() -> None:
    world = one()
    world.poll()
    world.market.set_offer(hostnode="hn-1", count=0)
    world.send()
    assert [each.hostnode_id for each in world.ours] == ["hn-2"]


def test_no_ports_left_means_the_next_candidate() -> None:
    world = one()
    world.poll()
    row = world.market.hostnode("hn-1")
    assert row is not None
    free = msgspec.structs.replace(row.available_resources, available_ports=())
    world.market.add(row.with_resources(free))
    world.send()
    assert [each.hostnode_id for each in world.ours] == ["hn-2"]


def test_a_refusal_moves_on_up_to_a_limit_and_tells_when_nothing_is_left() -> None:
    world = one(max_attempts=3)
    world.faults.on("no-nodes", endpoint="create")
    world.buy()
    assert [(g.attempt, g.hostnode, g.status.value) for g in world.grabs] == [
        (1, "hn-1", "failed"),
        (2, "hn-2", "failed"),
        (3, "hn-3", "failed"),
    ]
    assert world.titles == ["not bought"]
    assert "3 hostnodes were tried" in world.told[0].body


def test_what_no_other_hostnode_would_change_is_not_tried_elsewhere() -> None:
    world = one()
    world.faults.on("funds-balance", endpoint="create")
    world.buy()
    world.buy()
    assert [Cause.of(grab.reason) for grab in world.books.all()] == [
        Cause.FUNDS,
        Cause.BACKING_OFF,
    ]


@pytest.mark.parametrize("fault", ["acts-hangs", "acts-drops", "acts-error-500", "acts-unreadable"])
def test_what_is_unclear_blocks_is_told_found_by_its_name_and_never_sent_again(fault: str) -> None:
    world = one()
    world.faults.on(fault, endpoint="create", times=1)
    world.faults.on("instances-lag", seconds=60)
    world.buy()
    assert world.statuses == ["unknown"]
    for _ in range(6):
        world.advance(9 * SECOND, step=SECOND)
        world.buy()
        assert (world.statuses, len(world.sent)) == (["unknown"], 1)
    world.advance(30 * SECOND)
    assert (world.statuses, len(world.sent), len(world.ours)) == (["running"], 1, 1)
    assert world.titles[0] == "unclear whether it was bought"


@pytest.mark.parametrize("fault", ["hang", "drop", "error-502"])
def test_what_was_never_made_is_given_up_long_after_any_lag(fault: str) -> None:
    world = one()
    world.faults.on(fault, endpoint="create", times=1)
    world.buy()
    world.advance(NEVER_MADE_AFTER + CREATE_TIMEOUT - MINUTE)
    assert world.statuses == ["unknown"]
    world.advance(3 * MINUTE)
    (grab,) = world.grabs
    assert (grab.status, Cause.of(grab.reason)) == ("failed", Cause.NEVER_MADE)
    assert sum(world.books.kept.charged.values()) == 0
    world.buy()
    assert len(world.ours) == 1


def test_lists_that_fail_settle_nothing() -> None:
    world = one()
    world.faults.on("hang", endpoint="create", times=1)
    world.buy()
    world.faults.on("data-missing", endpoint="instances")
    world.advance(2 * HOUR)
    assert world.statuses == ["unknown"]


def test_what_turns_up_after_it_was_given_up_is_followed_all_the_same() -> None:
    world = one()
    world.faults.on("acts-hangs", endpoint="create", times=1)
    world.faults.on("instances-lag", seconds=3600)
    world.buy()
    world.advance(59 * MINUTE)
    assert world.statuses == ["failed"]
    world.advance(10 * MINUTE)
    assert world.statuses == ["running"]


@pytest.mark.parametrize("shape", ["instances-wrapped", "instances-flat", "status-case"])
def test_whatever_its_shape_the_list_is_understood(shape: str) -> None:
    world = one()
    world.faults.on(shape, endpoint="instances")
    world.faults.on("acts-hangs", endpoint="create", times=1)
    world.buy()
    world.advance(MINUTE)
    assert world.statuses == ["running"]


def test_ports_that_were_reassigned_are_the_ones_told() -> None:
    world = one()
    world.faults.on("ports-reassigned", endpoint="create")
    world.buy()
    world.advance(20 * SECOND)
    (instance,) = world.ours
    assert f"ssh -p {instance.port_forwards[0].external_port} " in world.told[-1].body


def test_ports_that_were_ignored_are_told_too() -> None:
    world = one()
    world.faults.on("ports-ignored", endpoint="create")
    world.buy()
    world.advance(20 * SECOND)
    assert "no port is forwarded to 22" in world.told[-1].body


def test_a_rate_of_zero_is_not_free() -> None:
    world = one()
    world.faults.on("rate-zero", endpoint="instance")
    world.buy()
    world.advance(HOUR)
    (grab,) = world.grabs
    assert grab.billed is None
    assert grab.quoted is not None
    assert sum(world.books.kept.charged.values()) > grab.quoted * 0.95


def test_a_bill_above_the_quote_is_told_and_charged() -> None:
    world = one()
    world.faults.on("rate-higher", endpoint="create")
    world.buy()
    world.advance(HOUR)
    assert "billed dearer than quoted" in world.titles
    assert world.statuses == ["running"]
    billed = world.market.spent(world.now)
    assert sum(world.books.kept.charged.values()) > billed * 0.97


@pytest.mark.parametrize(("most", "status"), [(2.3, "deleted"), (4.0, "running")])
def test_a_bill_above_what_was_allowed_ends_it_if_so_configured(most: float, status: str) -> None:
    wish = a_wish(limits=ONE, max_total_per_hour=nano(most), cooldown=HOUR)
    world = World(a_buying(wish, when_dearer=WhenDearer.DELETE))
    world.faults.on("rate-higher", endpoint="create")
    world.buy()
    world.advance(2 * MINUTE)
    assert world.statuses == [status]


def test_when_a_days_money_is_spent_after_all_everything_ends() -> None:
    """Billed a quarter more than quoted, what was reserved until midnight does not last."""
    limits = Limits(
        max_instances=1,
        max_total_per_hour=nano(5),
        max_spend_per_day=nano(25),
        max_spend_per_month=nano(500),
        max_creates_per_hour=5,
    )
    world = World(a_buying(a_wish(time_to_live=12 * HOUR), limits=limits))
    world.faults.on("rate-higher", endpoint="create")
    world.buy()
    world.advance(12 * HOUR, step=MINUTE)
    assert world.grabs[0].status is GrabStatus.DELETED
    assert (
        nano(24.9)
        < world.spent(world.now.date()) + world.spent((world.now - HOUR).date())
        < nano(25.2)
    )


def test_an_instance_that_vanished_is_only_gone_after_several_good_lists() -> None:
    world = one()
    world.buy()
    world.advance(10 * MINUTE)
    world.market.vanish(now=world.now)
    world.advance(70 * SECOND)
    assert world.statuses == ["running"]
    world.advance(3 * MINUTE)
    (grab,) = world.grabs
    assert (grab.status, Cause.of(grab.reason)) == ("deleted", Cause.VANISHED)
    assert world.titles[-1] == "ended"


def test_a_list_without_it_is_not_believed_while_it_is_shown_alone() -> None:
    world = one()
    world.buy()
    world.advance(10 * MINUTE)
    world.faults.on("instances-lag", seconds=86_400)
    world.advance(HOUR)
    assert world.statuses == ["running"]


@pytest.mark.parametrize("fault", ["delete-lingers", "acts-error-500", "error-503", "hang"])
def test_a_deletion_is_tried_until_the_list_no_longer_shows_it(fault: str) -> None:
    world = World(a_buying(a_wish(limits=ONE, cooldown=9 * HOUR)))
    world.buy()
    world.advance(MINUTE)
    world.faults.on(fault, endpoint="delete", times=3)
    act(world, end(world.grabs[0], "ada", world.now))
    world.advance(10 * MINUTE)
    assert world.statuses == ["deleted"]
    assert world.ours == []


def test_what_is_still_billed_is_told_again_and_again() -> None:
    world = one()
    world.buy()
    world.advance(MINUTE)
    world.faults.on("error-503", endpoint="delete")
    act(world, end(world.grabs[0], "ada", world.now))
    world.advance(2 * HOUR)
    assert world.statuses == ["deleting"]
    assert world.titles.count("still billing") == 4
    assert world.titles.count("deleting") == 1


def test_what_is_to_end_before_it_is_found_ends_when_it_is() -> None:
    world = World(a_buying(a_wish(limits=ONE, cooldown=HOUR)))
    world.faults.on("acts-hangs", endpoint="create", times=1)
    world.buy()
    act(world, end(world.grabs[0], "ada", world.now))
    world.advance(MINUTE)
    assert (world.statuses, world.ours) == (["deleted"], [])


def test_a_person_who_knows_the_instance_says_so() -> None:
    world = one()
    world.faults.on("acts-hangs", endpoint="create", times=1)
    world.faults.on("instances-lag", seconds=600)
    world.buy()
    instance = world.ours[0].id
    act(world, resolve_as_created(world.grabs[0], InstanceId(instance), "ada", world.now))
    world.advance(MINUTE)
    assert world.statuses == ["running"]


@pytest.mark.parametrize("when", ["decided", "sent"])
@pytest.mark.parametrize("how", ["stop_file", "switch", "mode"])
def test_nothing_is_bought_once_it_is_stopped_however_and_whenever(how: str, when: str) -> None:
    world = one()
    if when == "sent":
        world.poll()
    if how == "stop_file":
        world.stop_file = True
    elif how == "switch":
        world.books.kept.set_switch(Switch(paused=True, by="ada"))
    else:
        world.buying = a_buying(a_wish(mode=Mode.APPROVE, limits=ONE), mode=Mode.APPROVE)
    world.buy()
    assert world.sent == []


def during(world: World, path: str, happens: Callable[[], object]) -> None:
    """Let something happen after the next request to `path` has acted, before it is answered."""
    answer = world._answer

    def answered(request: httpx.Request) -> Answer:
        found = answer(request)
        if path in request.url.path and request.method != "DELETE":
            world._answer = answer  # type: ignore[method-assign]  # the seam this test is about
            happens()
        return found

    world._answer = answered  # type: ignore[method-assign]  # likewise


def test_a_stop_file_that_appears_during_the_second_look_stops_it() -> None:
    world = one()
    during(world, "/hostnodes/", lambda: setattr(world, "stop_file", True))
    world.buy()
    assert (world.sent, Cause.of(world.books.all()[0].reason)) == ([], Cause.STOP_FILE)


def test_an_answer_that_comes_late_undoes_nothing_that_was_found_meanwhile() -> None:
    """Another process gave up waiting, and found the instance; then the answer is lost for good."""
    world = one()
    world.faults.on("acts-hangs", endpoint="create", times=1)

    def find() -> None:
        with world.books.book() as book:
            (sent,) = book.with_status({GrabStatus.SUBMITTED})
            made = world.ours[0]
            found = created(sent, InstanceId(made.id), "found: by another process", world.now)
            book.change(sent, found, found.reason, world.now)

    during(world, "/instances", find)
    world.buy()
    assert world.statuses == ["created"]


def test_what_was_bought_is_followed_and_ended_while_buying_is_paused() -> None:
    world = World(a_buying(a_wish(limits=ONE, time_to_live=10 * MINUTE)))
    world.buy()
    world.books.kept.set_switch(Switch(paused=True, by="ada"))
    world.advance(11 * MINUTE)
    assert (world.statuses, world.ours) == (["deleted"], [])


def test_what_is_too_old_is_not_sent() -> None:
    world = one()
    world.poll()
    world.now += 3 * MINUTE
    world.send()
    assert (world.statuses, world.sent) == (["expired"], [])


def orphaned(fate: Orphans) -> World:
    """Return a world in which the database forgot what it had bought."""
    world = one(orphans=fate)
    world.buy()
    world.books.kept.grabs.clear()
    world.restart()
    world.buying = a_buying(a_wish(limits=Limits(max_instances=0)), orphans=fate)
    return world


def test_an_instance_that_no_row_knows_is_told_once_and_left_alone() -> None:
    world = orphaned(Orphans.TELL)
    world.advance(HOUR)
    assert world.titles == ["an instance that no row knows"]
    assert len(world.ours) == 1


def test_or_it_is_adopted_and_followed() -> None:
    world = orphaned(Orphans.ADOPT)
    world.advance(HOUR)
    assert world.statuses == ["running"]
    assert world.titles[0] == "an instance that no row knows"
    assert sum(world.books.kept.charged.values()) > nano(1.8)


def test_or_it_is_deleted() -> None:
    world = orphaned(Orphans.DELETE)
    world.advance(2 * MINUTE)
    assert (world.statuses, world.ours) == (["deleted"], [])


@pytest.mark.parametrize(
    "name",
    [
        "box-gma1b2c400000000ff",
        "box-gma1b2c3000000000",
        "box-gma1b2c300000000ff-copy",
        "Box-gma1b2c300000000ff",
        "my-own-machine",
    ],
)
@pytest.mark.parametrize("fate", [Orphans.ADOPT, Orphans.DELETE])
def test_what_is_somebody_elses_is_never_touched(name: str, fate: Orphans) -> None:
    world = World(
        a_buying(a_wish(limits=ONE, time_to_live=5 * MINUTE, cooldown=HOUR), orphans=fate)
    )
    world.poll()
    with world.books.book() as book:
        (planned,) = book.with_status({GrabStatus.PLANNED})
    world.send()
    made = world.market.all_instances()[0]
    world.market._instances["foreign"] = type(made)(
        **{
            **{n: getattr(made, n) for n in made.__dataclass_fields__},
            "id": "foreign",
            "name": name,
        }
    )
    world.advance(HOUR, step=MINUTE)
    assert [each.id for each in world.market.living()] == ["foreign"]
    assert world.statuses == ["deleted"]
    assert planned.instance_name == made.name


def test_a_second_instance_with_a_name_of_ours_is_told_and_left_alone() -> None:
    world = one(orphans=Orphans.DELETE)
    world.buy()
    (made,) = world.ours
    world.market._instances["twin"] = type(made)(
        **{**{n: getattr(made, n) for n in made.__dataclass_fields__}, "id": "twin"}
    )
    world.advance(10 * MINUTE)
    assert world.titles.count("two instances with one name") == 1
    assert {each.id for each in world.market.living()} == {made.id, "twin"}
    act(world, end(world.grabs[0], "ada", world.now))
    world.buying = a_buying(a_wish(limits=Limits(max_instances=0)))
    world.advance(10 * MINUTE)
    assert {each.id for each in world.market.living()} == {"twin"}


def test_a_stopped_instance_is_told_once() -> None:
    world = one()
    world.buy()
    world.advance(MINUTE)
    world.faults.on("status-stopped")
    world.advance(10 * MINUTE)
    assert world.titles.count("stopped, and may still be billed") == 1


def test_a_rule_that_is_removed_stops_what_it_had_planned_and_keeps_what_runs() -> None:
    world = World(a_buying(a_wish(limits=Limits(max_instances=2))))
    world.buy()
    world.poll()
    world.buying = a_buying(a_wish(RuleName("other"), limits=Limits(max_instances=0)))
    world.send()
    world.advance(10 * MINUTE)
    assert [grab.status.value for grab in world.books.all()] == ["running", "refused"]


def test_what_nobody_can_follow_any_more_is_told_once() -> None:
    world = one()
    world.buy()
    world.follow()
    tools = replace(world.tools, shop=lambda _: None)
    lost = Reconciler(tools, sending=frozenset, alone=True)
    for _ in range(3):
        lost.run(world.now, [])
    assert world.titles == ["bought", "nobody follows it any more"]


def test_days_are_charged_each_on_its_own() -> None:
    world = World(a_buying(a_wish(limits=ONE, time_to_live=24 * HOUR)))
    world.buy()
    world.advance(24 * HOUR + MINUTE, step=timedelta(minutes=7))
    first, second = sorted(world.books.kept.charged.items(), key=lambda each: each[0][1])
    for (_, day), amount in (first, second):
        assert abs(amount - world.spent(day)) < world.spent(day) // 50
