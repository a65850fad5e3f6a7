"""Rate limits: when each destination that has one was last told, in the claim's transaction.

They hold across restarts, and for several processes on one database.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from monitor.alerting.outbox import DestinationKey, RateLimit
from monitor.store.schema import paced_sends

_C = paced_sends.c


def allowed(
    connection: Connection, destination: DestinationKey, rate: RateLimit, now: datetime, most: int
) -> int:
    """Return how many may be sent to a destination now, at most `most`.

    What was sent at a later instant is from a clock that was set back, and does not count.
    """
    spent = connection.scalar(
        select(func.coalesce(func.sum(_C.sends), 0)).where(
            _C.destination == destination, _C.at > now - rate.per, _C.at <= now
        )
    )
    return max(0, min(most, rate.count - int(spent or 0)))


def note(
    connection: Connection, destination: DestinationKey, rate: RateLimit, now: datetime, sends: int
) -> None:
    """Write that so many are sent now, and forget what no longer counts."""
    connection.execute(
        delete(paced_sends).where(_C.destination == destination, _C.at <= now - rate.per)
    )
    connection.execute(insert(paced_sends).values(destination=destination, at=now, sends=sends))
