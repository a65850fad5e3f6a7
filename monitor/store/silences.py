"""Silences, kept after they end as a record of who silenced what."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from monitor.alerting.silence import NewSilence, Silence, SilenceId
from monitor.store.encoding import matchers_text, read_matchers
from monitor.store.schema import silences


def add(connection: Connection, silence: NewSilence, now: datetime) -> Silence:
    """Write a silence, and return it with the id it was given."""
    made = connection.execute(
        insert(silences)
        .values(
            matchers=matchers_text(silence.matchers),
            starts_at=silence.starts_at,
            ends_at=silence.ends_at,
            created_at=now,
            created_by=silence.created_by,
            comment=silence.comment,
        )
        .returning(silences)
    )
    return _silence(made.one())


_SINCE = (
    select(silences)
    .where(silences.c.ends_at > bindparam("since"))
    .order_by(silences.c.ends_at, silences.c.id)
)


def listed(connection: Connection, since: datetime) -> list[Silence]:
    """Return the silences that end after an instant, in the order of their ends."""
    rows = connection.execute(_SINCE, {"since": since})
    return [_silence(row) for row in rows]


def expire(connection: Connection, silence: SilenceId, now: datetime) -> bool:
    """End a silence at once; say whether there is one with that id that had not ended."""
    ended = connection.execute(
        update(silences)
        .where(silences.c.id == silence, silences.c.ends_at > now)
        .values(ends_at=now)
    )
    return ended.rowcount == 1


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        id=row.id,
        matchers=read_matchers(row.matchers),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_by=row.created_by,
        comment=row.comment,
    )
