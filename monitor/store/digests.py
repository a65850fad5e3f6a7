"""Which days have had their digest, and what a digest tells."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    and_,
    func,
    select,
    text,
    update,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What no digest has told yet.

    `fired` and `ended` count the alerts of each rule, `failed_polls` the polls of each marketplace
    and outcome that were not `ok`.
    """

    fired: Mapping[str, int]
    ended: Mapping[str, int]
    failed_polls: Mapping[tuple[str, str], int]


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


def untold(connection: Connection, day: date, *, since: datetime, earliest: datetime) -> News:
    """Count what no digest has told, and note that the one of `day`, which we have claimed, does.

    It begins at the row where the last one ended, whatever instants the rows have: a poll that was
    under way then is of an earlier one. Only where none has noted its end, it begins at `since`.
    Nothing from before `earliest` counts.
    """
    _wait_for_writers(connection)
    told = connection.execute(
        select(func.max(digests.c.last_poll), func.max(digests.c.last_transition))
    ).one()
    new_polls, new_transitions = (
        rows.c.at >= since if last is None else and_(rows.c.id > last, rows.c.at >= earliest)
        for rows, last in zip((polls, transitions), told, strict=True)
    )
    ends = {"last_poll": _last(polls), "last_transition": _last(transitions)}
    connection.execute(update(digests).where(digests.c.day == day).values(ends))
    return News(
        fired=_transitions_to(connection, AlertState.FIRING, new_transitions),
        ended=_transitions_to(connection, AlertState.RESOLVED, new_transitions),
        failed_polls=_failed(connection, new_polls),
    )


def _last(table: Table) -> ScalarSelect[int]:
    return select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery()


def _wait_for_writers(connection: Connection) -> None:
    """Wait until nobody else has polls or transitions to commit; who comes later waits for us.

    On SQLite a transaction is alone with its writing. PostgreSQL numbers rows before they are
    committed, so that a lower number can come after a higher one was read. The tables are locked
    in the order in which a cycle writes them.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE polls, transitions IN SHARE ROW EXCLUSIVE MODE"))


def _transitions_to(
    connection: Connection, state: AlertState, new: ColumnElement[bool]
) -> Counter[str]:
    found = connection.execute(
        select(transitions.c.rule, func.count())
        .where(new, transitions.c.after == state.value)
        .group_by(transitions.c.rule)
    )
    return Counter({str(name): count for name, count in found})


def _failed(connection: Connection, new: ColumnElement[bool]) -> Counter[tuple[str, str]]:
    found = connection.execute(
        select(marketplaces.c.name, polls.c.outcome, func.count())
        .join(marketplaces, marketplaces.c.id == polls.c.marketplace_id)
        .where(new, polls.c.outcome.not_in(("ok", "late")))
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
