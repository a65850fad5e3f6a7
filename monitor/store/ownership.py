"""One daemon for one SQLite file. On PostgreSQL several share the work by leases instead."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import StoreError, StoreInUseError
from monitor.store.engine import Database


@contextmanager
def sole_owner(database: Database) -> Iterator[None]:
    """Be the one process that owns `database` for the length of the block.

    The claim is a lock on `<file>.lock`, which the kernel releases however the process ends; the
    file stays, for to delete it would let two processes lock two files of one name. Commands that
    only read or queue need no claim. On PostgreSQL there is nothing to claim.

    Raises:
        StoreInUseError: another process has it; names its pid.
        StoreError: the lock's file cannot be written.
    """
    if database.file is None:
        yield
        return
    file = database.file.resolve()  # a link to it is the same file
    path = file.with_name(f"{file.name}.lock")
    lock = _opened(path)
    try:
        _claim(lock, path, database.name)
        yield
    finally:
        os.close(lock)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): look at the rights to its folder"
        ) from error


def _claim(lock: int, path: Path, name: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = path.read_text(encoding="ascii").strip() or "unknown"
        raise StoreInUseError(
            f"the database {name} is in use by the process with the pid {owner}: "
            "stop that one first, or use another database"
        ) from error
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
