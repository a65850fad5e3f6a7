"""What is older than the retention goes, in small batches; what is not over stays."""

from datetime import datetime

from sqlalchemy import Select, Table, func, select

from monitor.alerting.outbox import NotificationStatus, Settlement
from monitor.grab.grab import COUNTING, GrabStatus
from monitor.history.window import DAY
from monitor.market.money import NanoDollars
from monitor.rules.alert import AlertState, Transition, TransitionReason
from monitor.store import alerts, claims, marketplaces, outbox, polls, retention
from monitor.store.engine import Database
from monitor.store.grabs import Books
from monitor.store.observations import Continuity
from monitor.store.schema import metadata
from tests.contract.grabs import add
from tests.contract.samples import (
    LABELS,
    MINUTE,
    NOON,
    RULE,
    a_draft,
    a_failure,
    an_alert,
    at,
    fail,
    record,
    selling,
)

PRUNED = ("polls", "transitions", "alerts", "notifications", "grabs", "grab_events")


def rows(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {name: connection.scalar(_count(metadata.tables[name])) or 0 for name in PRUNED}


def _count(table: Table) -> Select[int]:
    return select(func.count()).select_from(table)


def prune(database: Database, before: datetime, limit: int = 100) -> int:
    with database.transaction() as connection:
        return retention.prune(connection, now=before + DAY, keep=DAY, limit=limit)


def fill(database: Database, when: datetime, status: NotificationStatus) -> None:
    """Write one row of each kind that was over at `when`."""
    resolved = an_alert(state=AlertState.RESOLVED, resolved_at=when)
    moved = Transition(
        rule=RULE,
        labels=LABELS,
        at=when,
        before=AlertState.FIRING,
        after=AlertState.RESOLVED,
        reason=TransitionReason.ENDED,
        value=None,
    )
    with database.transaction() as connection:
        marketplace = marketplaces.lock(connection, "tensordock")
        polls.record(connection, marketplace, a_failure(when))
        alerts.save(connection, [an_alert()], [])
        alerts.save(connection, [resolved], [moved])
        outbox.enqueue(connection, [a_draft()], when)
        (claimed,) = claims.claim(connection, when, token="t", lease_for=MINUTE, limit=1)
        claims.settle(connection, [(claimed, Settlement(status=status, at=when))])
    add(database, "", status=GrabStatus.REFUSED, created_at=when)


def test_what_ended_before_goes_and_the_rest_stays(database: Database) -> None:
    fill(database, NOON, NotificationStatus.SENT)
    fill(database, at(1), NotificationStatus.DEAD)
    fill(database, at(2), NotificationStatus.SENT)
    assert prune(database, before=at(2)) == 10
    assert rows(database) == dict.fromkeys(PRUNED, 1)
    assert prune(database, before=at(2)) == 0


def test_a_batch_is_no_larger_than_asked_for(database: Database) -> None:
    for minute in range(3):
        fill(database, at(minute), NotificationStatus.SENT)
    assert [prune(database, at(9), limit=2) for _ in range(3)] == [10, 3, 0]
    assert rows(database) == {**dict.fromkeys(PRUNED, 0), "polls": 1, "transitions": 1}


def test_what_is_not_over_stays_however_old(database: Database) -> None:
    with database.transaction() as connection:
        alerts.save(connection, [an_alert()], [])
        outbox.enqueue(connection, [a_draft()], NOON)
    assert prune(database, before=at(1000)) == 0


def test_of_grabs_only_those_that_bought_nothing_go(database: Database) -> None:
    for status in GrabStatus:
        add(database, status.value, status=status)
    with Books(database).book() as book:
        book.charge(RULE, NOON.date(), NanoDollars(1))
    assert prune(database, before=at(1000)) == 4
    with Books(database).reading() as book:
        left = {grab.status for grab in book.since(NOON)}
        assert left == COUNTING | {GrabStatus.DELETED}
        assert book.spent(NOON.date()) == {(RULE, NOON.date()): 1}


def test_history_is_left_alone(database: Database) -> None:
    for minute in range(2):
        record(database, selling(at(minute), 2))
    assert prune(database, before=at(1000)) == 1
    assert record(database, selling(at(2), 2)).begun == 0


def test_of_good_polls_rows_go_after_a_week_and_of_others_they_stay(database: Database) -> None:
    record(database, selling(NOON, 2))
    fail(database, at(1))
    now = NOON + retention.GOOD_POLLS_FOR
    for minutes, deleted in ((0, 0), (2, 1)):
        with database.transaction() as connection:
            found = retention.prune(connection, now=now + minutes * MINUTE, keep=99 * DAY, limit=9)
        assert found == deleted
    assert record(database, selling(at(2), 2)).continuity is Continuity.CONTINUED
