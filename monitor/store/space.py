"""Giving back to the file system what deletion has left empty.

PostgreSQL's autovacuum makes room for new rows by itself. A SQLite file grows no smaller unless it
was made with `auto_vacuum = INCREMENTAL`, as new ones are; older ones by `compact`.
"""

from sqlalchemy import Connection

_KEPT = 256
"""Empty pages, a megabyte, that are left for what comes next."""
_INCREMENTAL = 2


def give_back(connection: Connection, *, pages: int) -> int:
    """Take up to `pages` empty pages off the end of a SQLite file; return how many it was."""
    if connection.dialect.name != "sqlite" or not shrinks(connection):
        return 0
    empty = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    surplus = min(empty - _KEPT, pages)
    if surplus <= 0:
        return 0
    # One by one: Python takes no more than the first step of a statement that returns no rows.
    for _ in range(surplus):
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return int(empty - connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())


def shrinks(connection: Connection) -> bool:
    """Return whether deleted rows cost no room for ever; a SQLite file must be made for it."""
    if connection.dialect.name != "sqlite":
        return True
    return bool(connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one() == _INCREMENTAL)
