"""Deleting what is older than the retention: polls, alerts, silences, notifications, grabs.

How old something is, is counted back from the last good poll of any marketplace, and time in which
none answered counts for a day at most: a clock that is ahead makes nothing old. Intervals are the
history, and are summed up before they go: see `expiry`. Grabs that cost money are the accounts, and
few: they stay.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, func, select

from monitor.history.sessions import merged
from monitor.history.window import EPOCH, Window, reaching_back
from monitor.market.snapshot import Outcome
from monitor.store import coverage
from monitor.store.expiry import LONGEST_OUTAGE
from monitor.store.schema import (
    ENDED_NOTIFICATION,
    UNBOUGHT_GRAB,
    alerts,
    grabs,
    notifications,
    polls,
    silences,
    transitions,
)

GOOD_POLLS_FOR = timedelta(days=7)
"""What a good poll saw is in the intervals, and that it was made in coverage: its row goes soon."""

_Expired = tuple[Table, Column[datetime], ColumnElement[bool]]


def prune(connection: Connection, *, keep: timedelta, limit: int) -> int:
    """Delete up to `limit` rows of each kind that ended more than `keep` ago.

    Notifications that are neither sent nor given up stay, and so do alerts that are not
    resolved, silences that go on, grabs that bought something or may yet, and the newest poll and
    transition. The history of a grab goes with it.

    Returns:
        The number of rows deleted; while it is not 0 there may be more. Between two batches
        others can write.
    """
    lived = merged(coverage.of_all(connection))
    before, good_before = (_back(lived, length) for length in (keep, GOOD_POLLS_FOR))
    return sum(_prune(connection, *expired, limit) for expired in _expired(before, good_before))


def _back(lived: Sequence[Window], length: timedelta) -> datetime:
    """Return what is to be older than; where less than `length` was lived, nothing is so old."""
    before = reaching_back(lived, length, outage=LONGEST_OUTAGE)
    return before if any(each.since < before for each in lived) else EPOCH


def _expired(before: datetime, good_before: datetime) -> list[_Expired]:
    ended, good = notifications.c.created_at, polls.c.outcome == Outcome.OK
    return [
        (polls, polls.c.at, _but_newest(polls, polls.c.at < before)),
        (polls, polls.c.at, _but_newest(polls, and_(good, polls.c.at < good_before))),
        (transitions, transitions.c.at, _but_newest(transitions, transitions.c.at < before)),
        (alerts, alerts.c.resolved_at, alerts.c.resolved_at < before),
        (notifications, ended, and_(ENDED_NOTIFICATION, ended < before)),
        (silences, silences.c.ends_at, silences.c.ends_at < before),
        (grabs, grabs.c.created_at, and_(UNBOUGHT_GRAB, grabs.c.created_at < before)),
    ]


def _but_newest(table: Table, old: ColumnElement[bool]) -> ColumnElement[bool]:
    """Leave the row with the highest id: SQLite counts on from it, and digests tell by the id."""
    newest = select(func.max(table.c.id)).scalar_subquery()
    return and_(old, table.c.id < newest)


def _prune(
    connection: Connection,
    table: Table,
    at: Column[datetime],
    condition: ColumnElement[bool],
    limit: int,
) -> int:
    oldest = select(table.c.id).where(condition).order_by(at).limit(limit)
    return connection.execute(delete(table).where(table.c.id.in_(oldest))).rowcount
