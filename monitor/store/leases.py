"""Timed claims on a name, by which several processes on one database agree who does a job."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, or_

from monitor.store.keys import insertion
from monitor.store.schema import leases

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def acquire(
    connection: Connection, name: str, *, holder: str, now: datetime, lease_for: timedelta
) -> bool:
    """Take the lease `name` until `now + lease_for`, or renew it; say whether `holder` has it.

    It is had by one holder at a time, until it is released or its time is over. One that ends much
    later than any could is from a clock that was set back; a little later is a holder whose clock
    is ahead, or who read his after us and asked before.
    """
    insert = insertion(connection, leases)
    values = {"holder": holder, "lease_until": now + lease_for}
    statement = (
        insert.values(name=name, **values)
        .on_conflict_do_update(
            index_elements=[leases.c.name],
            set_=values,
            where=or_(
                leases.c.holder == holder,
                leases.c.lease_until <= now,
                leases.c.lease_until > now + 2 * lease_for,
            ),
        )
        .returning(leases.c.name)
    )
    return connection.execute(statement).one_or_none() is not None


def take_turns(connection: Connection, name: str) -> None:
    """Wait until no other transaction takes turns on `name`; the next one waits for our end."""
    values = {"holder": "", "lease_until": _LONG_AGO}
    insert = insertion(connection, leases).values(name=name, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=[leases.c.name], set_=values))


def release(connection: Connection, name: str, *, holder: str) -> bool:
    """Give the lease back; say whether `holder` still had it."""
    statement = delete(leases).where(leases.c.name == name, leases.c.holder == holder)
    return connection.execute(statement).rowcount == 1
