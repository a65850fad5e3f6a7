"""What is older than the retention goes, in small batches; what is not over stays."""

from datetime import datetime, timedelta

from sqlalchemy import Select, Table, func, select

from monitor.alerting.outbox import NotificationStatus, Settlement
from monitor.grab.grab import COUNTING, GrabStatus
from monitor.history.window import DAY
from monitor.jobs.upkeep import Upkeep
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
    live,
    record,
    selling,
)
from tests.contract.test_history_jobs import shared

PRUNED = ("polls", "transitions", "alerts", "notifications", "grabs", "grab_events")


def rows(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {name: connection.scalar(_count(metadata.tables[name])) or 0 for name in PRUNED}


def _count(table: Table) -> Select[int]:
    return select(func.count()).select_from(table)


def prune(database: Database, keep: timedelta = DAY, limit: int = 100) -> int:
    with database.transaction() as connection:
        return retention.prune(connection, keep=keep, limit=limit)


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
    live(database, NOON, at(2) + DAY)
    assert prune(database) == 10
    assert rows(database) == dict.fromkeys(PRUNED, 1)
    assert prune(database) == 0


def test_a_batch_is_no_larger_than_asked_for(database: Database) -> None:
    for minute in range(3):
        fill(database, at(minute), NotificationStatus.SENT)
    live(database, NOON, at(9) + DAY)
    assert [prune(database, limit=2) for _ in range(3)] == [10, 3, 0]
    assert rows(database) == {**dict.fromkeys(PRUNED, 0), "polls": 1, "transitions": 1}


def test_what_is_not_over_stays_however_old(database: Database) -> None:
    with database.transaction() as connection:
        alerts.save(connection, [an_alert()], [])
        outbox.enqueue(connection, [a_draft()], NOON)
    live(database, NOON, NOON + 9 * DAY)
    assert prune(database) == 0


def test_of_grabs_only_those_that_bought_nothing_go(database: Database) -> None:
    for status in GrabStatus:
        add(database, status.value, status=status)
    with Books(database).book() as book:
        book.charge(RULE, NOON.date(), NanoDollars(1))
    live(database, NOON, NOON + 9 * DAY)
    assert prune(database) == 4
    with Books(database).reading() as book:
        left = {grab.status for grab in book.since(NOON)}
        assert left == COUNTING | {GrabStatus.DELETED}
        assert book.spent(NOON.date()) == {(RULE, NOON.date()): 1}


def test_history_is_left_alone(database: Database) -> None:
    for minute in range(2):
        record(database, selling(at(minute), 2))
    live(database, NOON, NOON + 9 * DAY)
    assert prune(database) == 1
    assert record(database, selling(at(2), 2)).begun == 0


def test_of_good_polls_rows_go_after_a_week_and_of_others_they_stay(database: Database) -> None:
    record(database, selling(NOON, 2))
    fail(database, at(1))
    week = NOON + retention.GOOD_POLLS_FOR
    for since, until, deleted in ((NOON, week, 0), (week, week + 2 * MINUTE, 1)):
        live(database, since, until)
        assert prune(database, keep=99 * DAY) == deleted
    assert record(database, selling(at(2), 2)).continuity is Continuity.CONTINUED


def test_a_clock_that_is_ahead_makes_nothing_old(database: Database) -> None:
    fill(database, NOON, NotificationStatus.SENT)
    live(database, NOON, NOON + DAY)
    (job,) = Upkeep(shared(database)).jobs()
    job.act(NOON + 999 * DAY)
    assert rows(database) == dict.fromkeys(PRUNED, 1)


def test_time_in_which_nothing_answered_counts_for_a_day_at_most(database: Database) -> None:
    fill(database, NOON, NotificationStatus.SENT)
    live(database, NOON, NOON)
    live(database, NOON + 99 * DAY, NOON + 100 * DAY)
    assert prune(database, keep=3 * DAY) == 0
    live(database, NOON + 100 * DAY, NOON + 101 * DAY)
    assert prune(database, keep=3 * DAY) == 3


def test_what_ended_in_an_outage_is_not_old_before_its_time(database: Database) -> None:
    fill(database, NOON + 99 * DAY - 60 * MINUTE, NotificationStatus.SENT)
    live(database, NOON, NOON)
    live(database, NOON + 99 * DAY, NOON + 101 * DAY)
    assert prune(database, keep=2 * DAY + 61 * MINUTE) == 0
    assert prune(database, keep=2 * DAY + 59 * MINUTE) == 3


def test_what_was_over_before_the_first_good_poll_is_not_old_for_that(database: Database) -> None:
    """What is bought ahead is in the book before its poll is recorded, and the program may die."""
    fill(database, NOON, NotificationStatus.SENT)
    live(database, at(1), at(2))
    assert prune(database) == 0
