"""A day has one digest, whoever tells it, and what it counts is what was written."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from monitor.alerting.outbox import NotificationStatus
from monitor.rules.alert import AlertState, Transition, TransitionReason
from monitor.store import alerts, digests, outbox
from monitor.store.engine import Database
from monitor.store.schema import notifications
from tests.contract.samples import LABELS, NOON, RULE, a_draft, at, fail

DAY = NOON.date()


def test_a_day_is_claimed_once_and_remembered(database: Database) -> None:
    with database.transaction() as connection:
        assert digests.last_told_at(connection) is None
        assert not digests.has(connection, DAY)
        assert digests.claim(connection, DAY, NOON)
    with database.transaction() as connection:
        assert digests.has(connection, DAY)
        assert not digests.claim(connection, DAY, at(1))
        assert digests.claim(connection, DAY + timedelta(days=1), at(2))
        assert digests.last_told_at(connection) == at(2)


def test_a_claim_that_is_rolled_back_leaves_the_day_to_others(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _claim_and_fail(database)
    with database.transaction() as connection:
        assert digests.claim(connection, DAY, at(1))


def _claim_and_fail(database: Database) -> None:
    with database.transaction() as connection:
        digests.claim(connection, DAY, NOON)
        raise ZeroDivisionError


def test_what_came_to_a_state_is_counted_for_each_rule(database: Database) -> None:
    fired = Transition(
        rule=RULE,
        labels=LABELS,
        at=at(1),
        before=AlertState.INACTIVE,
        after=AlertState.FIRING,
        reason=TransitionReason.MATCHED,
        value=None,
    )
    with database.transaction() as connection:
        alerts.save(connection, [], [fired, fired])
        assert digests.transitions_to(connection, AlertState.FIRING, NOON) == {RULE: 2}
        assert digests.transitions_to(connection, AlertState.FIRING, at(2)) == {}
        assert digests.transitions_to(connection, AlertState.RESOLVED, NOON) == {}


def test_polls_that_failed_are_counted_by_outcome(database: Database) -> None:
    for minute in (1, 2):
        fail(database, at(minute))
    with database.read() as connection:
        assert digests.failed_polls(connection, NOON) == {("tensordock", "unreachable"): 2}
        assert digests.failed_polls(connection, at(2)) == {("tensordock", "unreachable"): 1}


def test_messages_given_up_and_waiting_are_counted_for_each_receiver(database: Database) -> None:
    with database.transaction() as connection:
        one, _ = outbox.enqueue(connection, [a_draft(), a_draft("mailto#1")], NOON)
        connection.execute(
            update(notifications)
            .where(notifications.c.id == one)
            .values(status=NotificationStatus.DEAD.value)
        )
        assert digests.given_up(connection, NOON) == {"chat": 1}
        assert digests.given_up(connection, at(1)) == {}
        assert digests.waiting(connection, at(1)) == {"chat": 1}
        assert digests.waiting(connection, NOON) == {}
