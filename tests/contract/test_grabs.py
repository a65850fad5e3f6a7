"""The book of grabs keeps what it is given, finds it again, and loses no race."""

from dataclasses import fields, replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from monitor.errors import StoreError
from monitor.grab.book import Switch
from monitor.grab.grab import COUNTING, Grab, GrabStatus, NewGrab, unwritten
from monitor.market.instance import Forward, InstanceId
from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName
from monitor.store.engine import Database
from monitor.store.grabs import Books
from monitor.store.schema import grabs
from tests.contract.grabs import a_new, add, find
from tests.contract.samples import NOON, RULE, at

OTHER = RuleName("any-4090")
EVERYTHING: dict[str, Any] = {
    "status": GrabStatus.RUNNING,
    "submitted_at": at(1),
    "running_at": at(2),
    "ended_at": at(3),
    "instance_id": InstanceId("instance-1"),
    "billed": NanoDollars(2_099_999_999),
    "address": "203.0.113.7",
    "forwards": (Forward(internal_port=22, external_port=20456),),
    "spent": NanoDollars(1),
    "spent_until": at(4),
    "checks": 3,
    "check_at": at(5),
    "told": ("dearer", "gone"),
}


def test_a_new_grab_is_read_as_it_was_written(database: Database) -> None:
    added = add(database)
    written = {each.name: getattr(a_new("a"), each.name) for each in fields(NewGrab)}
    assert added == Grab(**written, id=added.id, version=1)
    assert find(database, added) == added


def test_every_field_that_changes_is_kept(database: Database) -> None:
    before = add(database)
    with Books(database).book() as book:
        after = book.change(before, replace(before, **EVERYTHING), "it runs", at(2))
    assert after == replace(before, **EVERYTHING, reason="it runs", version=2)
    assert find(database, before) == after


def test_a_change_to_an_outdated_grab_is_not_made(database: Database) -> None:
    before = add(database)
    with Books(database).book() as book:
        sent = book.change(before, replace(before, status=GrabStatus.SUBMITTED), "sent", at(1))
        assert (
            book.change(before, replace(before, status=GrabStatus.EXPIRED), "late", at(1)) is None
        )
        assert book.touch(before, replace(before, checks=1)) is None
        assert book.find(before.id) == sent
        assert len(book.history(before.id)) == 2


def test_only_what_differs_is_written(database: Database) -> None:
    """Another field that somebody mended by hand meanwhile stays as it is."""
    before = add(database)
    with database.transaction() as connection:
        connection.execute(update(grabs).values(billed=7))
    with Books(database).book() as book:
        book.touch(before, replace(before, checks=1))
    found = find(database, before)
    assert found is not None
    assert (found.billed, found.checks) == (7, 1)


def test_history_is_every_step_with_its_time_and_reason(database: Database) -> None:
    planned = add(database, reason="cheapest")
    with Books(database).book() as book:
        sent = book.change(planned, replace(planned, status=GrabStatus.SUBMITTED), "sent", at(1))
        assert sent is not None
        seen = book.change(sent, sent, "not listed yet", at(2))
        assert seen is not None
        book.touch(seen, replace(seen, checks=1, reason="not to be kept"))
    with Books(database).reading() as book:
        steps = [(each.at, each.before, each.after, each.reason) for each in book.history(sent.id)]
        assert book.with_status({GrabStatus.SUBMITTED})[0].reason == "not listed yet"
    assert steps == [
        (NOON, None, GrabStatus.PLANNED, "cheapest"),
        (at(1), GrabStatus.PLANNED, GrabStatus.SUBMITTED, "sent"),
        (at(2), GrabStatus.SUBMITTED, GrabStatus.SUBMITTED, "not listed yet"),
    ]


def test_a_grab_that_is_new_and_sent_in_one_book_has_both_steps_and_was_written_once(
    database: Database,
) -> None:
    new = a_new("a", reason="cheapest")
    sending = {**EVERYTHING, "status": GrabStatus.SUBMITTED, "reason": "sent"}
    with Books(database).book() as book:
        added = book.add_as(new, replace(unwritten(new), **sending), at(1))
    assert added == replace(unwritten(new), **sending, id=added.id, version=1)
    assert find(database, added) == added
    with Books(database).reading() as book:
        steps = [(each.at, each.before, each.after, each.reason) for each in book.history(added.id)]
    assert steps == [
        (NOON, None, GrabStatus.PLANNED, "cheapest"),
        (at(1), GrabStatus.PLANNED, GrabStatus.SUBMITTED, "sent"),
    ]


def test_no_status_changes_without_a_step_of_history(database: Database) -> None:
    before = add(database)
    with Books(database).book() as book, pytest.raises(ValueError, match="without a step"):
        book.touch(before, replace(before, status=GrabStatus.DELETED))


def test_an_instance_name_is_had_once(database: Database) -> None:
    add(database, "box-gm1")
    with pytest.raises(StoreError):
        add(database, "box-gm1")
    refused = [add(database, "", status=GrabStatus.REFUSED) for _ in range(2)]
    assert len({each.id for each in refused}) == 2


def test_grabs_are_found_by_the_names_of_their_instances(database: Database) -> None:
    ended = add(database, "ended", status=GrabStatus.FAILED)
    planned = add(database, "planned")
    add(database, "", status=GrabStatus.REFUSED)
    with Books(database).reading() as book:
        assert book.named(["planned", "ended", "somebody's", ""]) == {
            "ended": ended,
            "planned": planned,
        }
        assert book.named([]) == {}


@pytest.mark.parametrize(
    "wanted", [{GrabStatus.PLANNED, GrabStatus.UNKNOWN}, {GrabStatus.PLANNED, GrabStatus.REFUSED}]
)
def test_grabs_are_found_by_status_oldest_first(
    database: Database, wanted: set[GrabStatus]
) -> None:
    made = [add(database, status.value, status=status) for status in GrabStatus] + [add(database)]
    with Books(database).reading() as book:
        assert book.with_status(wanted) == tuple(each for each in made if each.status in wanted)
        assert book.with_status(()) == ()


def test_every_status_that_counts_is_found(database: Database) -> None:
    """The index of unended grabs names them one by one."""
    for status in GrabStatus:
        add(database, status.value, status=status)
    with Books(database).reading() as book:
        assert {grab.status for grab in book.with_status(COUNTING)} == COUNTING


def test_grabs_since_an_instant_are_those_decided_then_or_later(database: Database) -> None:
    early, late = (add(database, f"b{minute}", created_at=at(minute)) for minute in (0, 1))
    with Books(database).reading() as book:
        assert book.since(at(1)) == (late,)
        assert book.since(NOON) == (early, late)


def test_a_rule_that_was_refused_last_is_known_with_the_reason(database: Database) -> None:
    add(database, "", status=GrabStatus.REFUSED, reason="too dear")
    last = add(database, "", status=GrabStatus.REFUSED, reason="over daily spend")
    add(database, "", status=GrabStatus.REFUSED, rule=OTHER)
    add(database, "bought", rule=OTHER)
    with Books(database).reading() as book:
        assert book.last_refusals() == {RULE: last}


def test_what_a_rule_bought_is_what_was_sent_and_not_refused(database: Database) -> None:
    for status in GrabStatus:
        add(database, status.value, status=status)
    add(database, "other", status=GrabStatus.RUNNING, rule=OTHER)
    with Books(database).reading() as book:
        assert book.bought_by(RULE) == 6
        assert book.bought_by(OTHER) == 1
        assert book.bought_by(RuleName("never")) == 0


def test_spending_is_added_up_for_each_rule_and_day(database: Database) -> None:
    first, second = date(2026, 3, 21), date(2026, 3, 22)
    large = NanoDollars(10**15)
    with Books(database).book() as book:
        book.charge(RULE, first, NanoDollars(1))
        book.charge(RULE, first, large)
        book.charge(OTHER, first, NanoDollars(2))
        book.charge(RULE, second, NanoDollars(3))
    with Books(database).reading() as book:
        assert book.spent(second) == {(RULE, second): 3}
        assert book.spent(first) == {(RULE, first): large + 1, (OTHER, first): 2, (RULE, second): 3}


def test_an_older_one_counts_as_of_then_too_if_a_person_ended_it(database: Database) -> None:
    ended = add(database, "ended", created_at=NOON)
    other = add(database, "other", created_at=NOON)
    with Books(database).book() as book:
        for grab, life in ((ended, timedelta(0)), (other, timedelta(hours=1))):
            after = replace(grab, status=GrabStatus.DELETED, time_to_live=life, ended_at=at(9))
            book.change(grab, after, "gone_as_asked", at(9))
    with Books(database).reading() as book:
        assert [grab.id for grab in book.since(at(9))] == [ended.id]
        assert book.since(at(10)) == ()


def test_a_pause_says_who_and_why_and_since_when(database: Database) -> None:
    paused = Switch(paused=True, by="ann@box", reason="月末", at=NOON)
    with Books(database).reading() as book:
        assert book.switch() == Switch()
    with Books(database).book() as book:
        book.set_switch(paused)
        assert book.switch() == paused
    for opened in (Books(database).reading(), Books(database).book()):
        with opened as book:
            assert book.switch() == paused


def test_an_installation_keeps_the_name_it_was_given_first(database: Database) -> None:
    with Books(database).reading() as book:
        name = book.installation()
    with Books(database).book() as book:
        assert book.installation() == name
    assert len(name) == 6
    assert int(name, 16) >= 0


def test_the_newest_grabs_are_listed_first(database: Database) -> None:
    planned, refused, running = (
        add(database, "planned"),
        add(database, "", status=GrabStatus.REFUSED, rule=OTHER),
        add(database, "running", status=GrabStatus.RUNNING),
    )
    with Books(database).reading() as book:
        assert book.listed(limit=2) == (running, refused)
        assert book.listed(limit=9, rule=RULE) == (running, planned)
        assert book.listed(limit=9, status=GrabStatus.REFUSED) == (refused,)


def test_what_grabs_came_to_is_counted_once(database: Database) -> None:
    """A step within a status is no outcome."""
    planned = add(database, "planned")
    add(database, "", status=GrabStatus.REFUSED, rule=OTHER)
    with Books(database).book() as book:
        newest, counts = book.reached(0)
        assert counts == {(RULE, GrabStatus.PLANNED): 1, (OTHER, GrabStatus.REFUSED): 1}
        sent = book.change(planned, replace(planned, status=GrabStatus.SUBMITTED), "sent", at(1))
        assert sent is not None
        book.change(sent, sent, "not listed yet", at(2))
        last, counts = book.reached(newest)
        assert counts == {(RULE, GrabStatus.SUBMITTED): 1}
        assert book.reached(last) == book.reached(None) == (last, {})


def test_an_id_never_names_another_grab(database: Database) -> None:
    first = add(database)
    with database.transaction() as connection:
        connection.execute(grabs.delete())
    assert add(database).id > first.id
    assert find(database, first) is None
