"""One cycle after the other over both databases: what is recorded, what fires, what is queued."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerting.outbox import DestinationKey
from monitor.ledger import Ledger, Recalled
from monitor.market.money import nano
from monitor.rules.alert import AlertState
from monitor.rules.past import Needs
from monitor.store import groups
from monitor.store.engine import Database
from monitor.store.ledger import Ledger as StoreLedger
from monitor.store.ledger import Ledgers
from monitor.telling import tell
from tests.contract.cycles import CHEAP, a_plan, a_rule, cycle, stages, written
from tests.contract.samples import NOON, a_poll, at, selling

SECOND = timedelta(seconds=1)
TWO_AND_TWO = {
    "chat": (DestinationKey("json#1"), DestinationKey("json#2")),
    "mail": (DestinationKey("mailto#1"), DestinationKey("mailto#2")),
}


class KilledError(Exception):
    """The process dies."""


class Killed:
    """A store in which every process dies just before its commit."""

    def __init__(self, store: Ledgers) -> None:
        self._store = store

    def recall(self, marketplace: str, needs: Needs) -> Recalled:
        return self._store.recall(marketplace, needs)

    @contextmanager
    def ledger(self, marketplace: str) -> Iterator[Ledger]:
        with self._store.ledger(marketplace) as ledger:
            yield ledger
            raise KilledError


def test_a_cycle_records_fires_and_queues_at_once(database: Database) -> None:
    report = cycle(Ledgers(database), a_poll(selling(NOON, 2, 3)))
    after = written(database)
    assert (report.changed, report.queued) == (2, 1)
    assert stages(report.transitions) == ["inactive → firing: matched"]
    assert after.transitions == report.transitions
    assert [alert.state for alert in after.alerts] == [AlertState.FIRING]
    assert [each.title for each in after.notifications] == [
        "cheap: gpu-0 from 2.00 $/h per GPU, 1 free, 東京, Österreich (tensordock)"
    ]
    assert after.latest is not None
    assert len(after.latest.offers) == 2


def test_each_destination_of_each_receiver_is_queued_on_its_own(database: Database) -> None:
    plan = a_plan(a_rule(), destinations=TWO_AND_TWO)
    assert cycle(Ledgers(database), a_poll(selling(NOON, 2)), plan).queued == 4
    assert [(each.receiver, each.destination) for each in written(database).notifications] == [
        ("chat", "json#1"),
        ("chat", "json#2"),
        ("mail", "mailto#1"),
        ("mail", "mailto#2"),
    ]


def test_killed_before_the_commit_neither_fires_nor_queues(database: Database) -> None:
    """The transition and its notifications are there together or not at all."""
    ledgers = Ledgers(database)
    plan = a_plan(a_rule(), destinations=TWO_AND_TWO)
    before = written(database)
    with pytest.raises(KilledError):
        cycle(Killed(ledgers), a_poll(selling(NOON, 2)), plan)
    assert written(database) == before
    assert cycle(ledgers, a_poll(selling(at(1), 2)), plan).queued == 4
    assert len(written(database).transitions) == 1


def test_killed_while_queueing_does_not_fire(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transition is ever committed before what is to be told about it."""

    def die(*_: object) -> None:
        raise KilledError

    ledgers = Ledgers(database)
    before = written(database)
    with monkeypatch.context() as patch:
        patch.setattr(StoreLedger, "enqueue", die)
        with pytest.raises(KilledError):
            cycle(ledgers, a_poll(selling(NOON, 2)))
    assert written(database) == before
    assert cycle(ledgers, a_poll(selling(at(1), 2))).queued == 1


def test_what_goes_on_is_not_told_again(database: Database) -> None:
    ledgers = Ledgers(database)
    queued = [cycle(ledgers, a_poll(selling(at(minute), 2))).queued for minute in range(5)]
    assert queued == [1, 0, 0, 0, 0]


def test_a_better_price_is_told(database: Database) -> None:
    ledgers = Ledgers(database)
    queued = [cycle(ledgers, a_poll(selling(at(n), p))).queued for n, p in enumerate([2, 1, 1])]
    assert queued == [1, 1, 0]
    assert [each.reason for each in written(database).notifications] == ["first", "improved"]


def test_a_resolved_notice_says_the_last_best_price(database: Database) -> None:
    ledgers = Ledgers(database)
    plan = a_plan(a_rule(limit=nano(9)))
    for minute, prices in enumerate([(5, 6), (4, 6), ()]):
        cycle(ledgers, a_poll(selling(at(minute), *prices)), plan)
    assert written(database).notifications[-1].title == (
        "resolved: cheap: gpu-0 ended after 2 min, last from 4.00 $/h per GPU, and 1 more"
        " (tensordock)"
    )


def test_without_send_resolved_an_end_is_not_told_and_the_next_start_is(
    database: Database,
) -> None:
    ledgers = Ledgers(database)
    plan = a_plan(a_rule(), send_resolved=False)
    queued = [
        cycle(ledgers, a_poll(selling(at(2 * minute), price)), plan, 300 * SECOND).queued
        for minute, price in enumerate([2, 3, 2])
    ]
    assert queued == [1, 0, 1]
    assert [each.reason for each in written(database).notifications] == ["first", "first"]


def test_nothing_is_told_before_group_wait_is_over(database: Database) -> None:
    """Then it is told by whoever finds the group due, without another poll."""
    ledgers = Ledgers(database)
    plan = a_plan(a_rule(), group_wait=10 * SECOND)

    def due(seconds: int) -> int:
        now = NOON + seconds * SECOND
        with database.read() as connection:
            waited = groups.due(connection, now)
        with ledgers.ledger("tensordock") as ledger:
            told = tell(ledger, plan, "tensordock", ledger.alerts(), now).queued
        assert len(waited) == told
        return told

    assert cycle(ledgers, a_poll(selling(NOON, 2)), plan).queued == 0
    assert [due(second) for second in (1, 9, 10, 11)] == [0, 0, 1, 0]
    assert [each.created_at for each in written(database).notifications] == [NOON + 10 * SECOND]


def test_killed_while_telling_a_group_tells_it_once_later(database: Database) -> None:
    ledgers = Ledgers(database)
    plan = a_plan(a_rule(), group_wait=10 * SECOND)
    cycle(ledgers, a_poll(selling(NOON, 2)), plan)
    now = NOON + 10 * SECOND

    def told(store: Ledgers | Killed) -> int:
        with store.ledger("tensordock") as ledger:
            return tell(ledger, plan, "tensordock", ledger.alerts(), now).queued

    with pytest.raises(KilledError):
        told(Killed(ledgers))
    assert written(database).notifications == ()
    assert [told(ledgers), told(ledgers)] == [1, 0]


def test_what_ends_within_group_wait_is_never_told(database: Database) -> None:
    ledgers = Ledgers(database)
    plan = a_plan(a_rule(), group_wait=120 * SECOND)
    for minute, price in enumerate([2, 3, 3, 3]):
        cycle(ledgers, a_poll(selling(at(minute), price)), plan)
    assert written(database).notifications == ()
    with database.read() as connection:
        assert groups.load(connection, "tensordock") == {}


def test_a_rule_that_was_removed_ends_its_alerts_and_tells_nobody(database: Database) -> None:
    ledgers = Ledgers(database)
    cycle(ledgers, a_poll(selling(NOON, 2)))
    report = cycle(ledgers, a_poll(selling(at(1), 2)), a_plan())
    assert stages(report.transitions) == ["firing → resolved: rule_removed"]
    assert len(written(database).notifications) == 1
    with database.read() as connection:
        assert groups.load(connection, "tensordock") == {}


def test_a_rule_that_came_back_is_told_as_new(database: Database) -> None:
    ledgers = Ledgers(database)
    plans = [a_plan(a_rule()), a_plan(), a_plan(a_rule())]
    for minute, plan in enumerate(plans):
        cycle(ledgers, a_poll(selling(at(minute), 2)), plan)
    assert [each.reason for each in written(database).notifications] == ["first", "first"]


def test_marketplaces_do_not_touch_each_other(database: Database) -> None:
    """One that has nothing to offer ends no alert of the other."""
    ledgers = Ledgers(database)
    cycle(ledgers, a_poll(selling(NOON, 2)))
    other = replace(selling(at(1), 3), marketplace="other")
    report = cycle(ledgers, a_poll(other))
    assert report.transitions == ()
    assert [alert.rule for alert in written(database).alerts] == [CHEAP]
