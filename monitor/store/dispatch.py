"""The outbox as the dispatcher uses it: each step is a transaction of its own."""

from collections.abc import Collection
from datetime import datetime, timedelta

from monitor.alerting.outbox import Claimed, NotificationId, Settlement
from monitor.store import outbox
from monitor.store.engine import Database


class Outbox:
    """Claims, settles and releases notifications; safe to share between threads.

    With `only`, it claims none but these. Each method raises `StoreBusyError` or `StoreError` as
    `Database.transaction` does.
    """

    def __init__(
        self, database: Database, *, only: Collection[NotificationId] | None = None
    ) -> None:
        self._database = database
        self._only = only

    def claim(
        self, now: datetime, *, token: str, lease_for: timedelta, limit: int
    ) -> list[Claimed]:
        """Claim up to `limit` that are due, oldest first, at most one for each destination."""
        with self._database.transaction() as connection:
            return outbox.claim(
                connection, now, token=token, lease_for=lease_for, limit=limit, only=self._only
            )

    def settle(self, claimed: Claimed, settlement: Settlement) -> bool:
        """Write how an attempt ended; `False` if the claim was no longer ours."""
        with self._database.transaction() as connection:
            return outbox.settle(connection, claimed, settlement)

    def release(self, token: str) -> int:
        """Give back what `token` claimed and did not send; return how many."""
        with self._database.transaction() as connection:
            return outbox.release(connection, token)
