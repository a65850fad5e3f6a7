"""Rolling up and deleting as the daemon does, for tests; run as a program it is there to be killed.

`python -m tests.contract.rolling URL` rolls up and deletes again and again.
"""

import sys
from contextlib import closing
from datetime import datetime

from monitor.history.window import DAY
from monitor.store import expiry, rollups
from monitor.store.engine import Database


def roll_up(database: Database) -> int:
    """Make all roll-ups that are due; return how many batches it took."""
    with database.transaction() as connection:
        names = rollups.begin(connection)
    return sum(_roll_up(database, name) for name in names)


def _roll_up(database: Database, name: str) -> int:
    batches = 0
    while True:
        with database.read() as connection:
            batch = rollups.due(connection, name)
            made = None if batch is None else rollups.make(connection, batch)
        if batch is None or made is None:
            return batches
        with database.transaction() as connection:
            assert rollups.write(connection, batch, made)
        batches += 1


def expire(database: Database, name: str, before: datetime, limit: int = 3) -> list[int]:
    """Delete what is older than an instant; return how many rows each batch deleted."""
    with database.transaction() as connection:
        expired = expiry.expire(connection, name, before=before)
    batches: list[int] = []
    while expired is not None:
        with database.transaction() as connection:
            batches.append(expiry.drop(connection, expired, limit=limit))
        if not batches[-1]:
            break
    return batches


def main() -> None:
    """Do both, a day further each time, until everything is done."""
    url, since, days = sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])
    with closing(Database.open(url)) as database:
        print("working", flush=True)  # noqa: T201  the test waits for it
        roll_up(database)
        for day in range(days):
            expire(database, "tensordock", since + day * DAY)


if __name__ == "__main__":
    main()
