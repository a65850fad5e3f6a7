"""Which days have had their digest, and what a digest tells."""

from collections import Counter
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from monitor.rules.alert import AlertState
from monitor.store.keys import insertion
from monitor.store.schema import (
    UNENDED_NOTIFICATION,
    digests,
    marketplaces,
    notification_failures,
    notifications,
    polls,
    transitions,
)


def last_told_at(connection: Connection) -> datetime | None:
    """Return when the last digest was told, or left out because nothing had happened."""
    latest = select(digests.c.told_at).order_by(digests.c.told_at.desc()).limit(1)
    told_at: datetime | None = connection.scalar(latest)
    return told_at


def has(connection: Connection, day: date) -> bool:
    """Return whether a day has had its digest."""
    return connection.scalar(select(digests.c.day).where(digests.c.day == day)) is not None


def claim(connection: Connection, day: date, now: datetime) -> bool:
    """Take it upon us to tell a day's digest; `False` if it has been told."""
    statement = insertion(connection, digests).values(day=day, told_at=now)
    taken = statement.on_conflict_do_nothing().returning(digests.c.day)
    return connection.execute(taken).one_or_none() is not None


def transitions_to(connection: Connection, state: AlertState, since: datetime) -> Counter[str]:
    """Count for each rule the alerts that came to a state since an instant."""
    found = connection.execute(
        select(transitions.c.rule, func.count())
        .where(transitions.c.at >= since, transitions.c.after == state.value)
        .group_by(transitions.c.rule)
    )
    return Counter({str(name): count for name, count in found})


def failed_polls(connection: Connection, since: datetime) -> Counter[tuple[str, str]]:
    """Count for each marketplace and outcome the polls since an instant that were not `ok`."""
    found = connection.execute(
        select(marketplaces.c.name, polls.c.outcome, func.count())
        .join(marketplaces, marketplaces.c.id == polls.c.marketplace_id)
        .where(polls.c.at >= since, polls.c.outcome.not_in(("ok", "late")))
        .group_by(marketplaces.c.name, polls.c.outcome)
    )
    return Counter({(name, outcome): count for name, outcome, count in found})


def given_up(connection: Connection, since: datetime) -> Counter[str]:
    """Count for each receiver the notifications that were given up since an instant, and still are.

    When they were queued does not matter: it can take half a day to give one up.
    """
    failed = notification_failures.c
    lately = select(failed.notification_id).where(failed.at >= since, failed.status == "dead")
    found = connection.execute(
        select(notifications.c.receiver, func.count())
        .where(notifications.c.status == "dead", notifications.c.id.in_(lately))
        .group_by(notifications.c.receiver)
    )
    return Counter({str(name): count for name, count in found})


def waiting(connection: Connection, before: datetime) -> Counter[str]:
    """Count for each receiver the notifications that wait since before an instant."""
    found = connection.execute(
        select(notifications.c.receiver, func.count())
        .where(UNENDED_NOTIFICATION, notifications.c.created_at < before)
        .group_by(notifications.c.receiver)
    )
    return Counter({str(name): count for name, count in found})
