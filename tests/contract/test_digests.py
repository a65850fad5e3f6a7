"""A day has one digest, whoever tells it, and what it counts is what was written."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from monitor.alerting.outbox import NotificationStatus, Settlement
from monitor.rules.alert import AlertState, Transition, TransitionReason
from monitor.store import alerts, claims, digests, outbox
from monitor.store.engine import Database
from tests.contract.samples import LABELS, MINUTE, NOON, RULE, a_draft, at, fail

DAY = NOON.date()


def untold(connection: Connection, since: datetime) -> digests.News:
    """Return what the first digest tells that begins at an instant; no day is claimed for it."""
    return digests.untold(connection, DAY, since=since, earliest=since)


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
        news = untold(connection, NOON)
        assert (news.fired, news.ended) == ({RULE: 2}, {})
        assert untold(connection, at(2)).fired == {}


def test_polls_that_failed_are_counted_by_outcome(database: Database) -> None:
    for minute in (1, 2):
        fail(database, at(minute))
    with database.transaction() as connection:
        unreachable = ("tensordock", "unreachable")
        assert untold(connection, NOON).failed_polls == {unreachable: 2}
        assert untold(connection, at(2)).failed_polls == {unreachable: 1}


def test_what_lies_too_far_back_is_told_by_no_digest(database: Database) -> None:
    """Though the last one, of long ago, had not told it."""
    with database.transaction() as connection:
        assert digests.claim(connection, DAY, NOON)
        digests.untold(connection, DAY, since=NOON, earliest=NOON)
    for minute in (1, 3):
        fail(database, at(minute))
    with database.transaction() as connection:
        news = digests.untold(connection, DAY, since=NOON, earliest=at(2))
    assert news.failed_polls == {("tensordock", "unreachable"): 1}


def test_messages_that_wait_are_counted_for_each_receiver(database: Database) -> None:
    with database.transaction() as connection:
        outbox.enqueue(connection, [a_draft()], NOON)
        assert digests.waiting(connection, at(1)) == {"chat": 1}
        assert digests.waiting(connection, NOON) == {}


def test_a_message_is_given_up_when_it_is_not_when_it_was_queued(database: Database) -> None:
    """So the digest of the day on which it was given up tells of it, and no other."""
    with database.transaction() as connection:
        outbox.enqueue(connection, [a_draft(), a_draft("mailto#1")], NOON)
        given_up, _ = claims.claim(connection, at(700), token="t", lease_for=MINUTE, limit=9)
        dead = Settlement(status=NotificationStatus.DEAD, at=at(700), error="no")
        claims.settle(connection, [(given_up, dead)])
        assert digests.given_up(connection, at(60)) == {"chat": 1}
        assert digests.given_up(connection, at(701)) == {}
        assert outbox.resend(connection, given_up.id)
        assert digests.given_up(connection, at(60)) == {}
