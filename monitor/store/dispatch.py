"""The outbox as the dispatcher uses it: each step is a transaction of its own."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.alerting.outbox import Claimed, DestinationKey, NotificationId, RateLimit, Settlement
from monitor.store import claims
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
        self,
        now: datetime,
        *,
        token: str,
        lease_for: timedelta,
        limit: int,
        run: int = 1,
        rates: Mapping[DestinationKey, RateLimit] | None = None,
    ) -> list[Claimed]:
        """Claim what is due for up to `limit` destinations, up to `run` for each, in order."""
        with self._database.transaction() as connection:
            return claims.claim(
                connection,
                now,
                token=token,
                lease_for=lease_for,
                limit=limit,
                run=run,
                rates=rates,
                only=self._only,
            )

    def settle(self, ended: Sequence[tuple[Claimed, Settlement]]) -> int:
        """Write how attempts ended; return how many claims were still ours."""
        with self._database.transaction() as connection:
            return claims.settle(connection, ended)

    def release(self, unsent: Sequence[Claimed]) -> int:
        """Give back what was claimed and not sent; return how many."""
        with self._database.transaction() as connection:
            return claims.release(connection, unsent)
