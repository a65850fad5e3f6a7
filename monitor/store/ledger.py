"""All that a cycle reads and writes, in one transaction that has its marketplace to itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.alerting.notice import Group
from monitor.alerting.outbox import Draft
from monitor.alerting.silence import Silence
from monitor.ledger import Recalled
from monitor.market.snapshot import Poll
from monitor.rules.alert import Alert, Labels, RuleName, Transition
from monitor.rules.evaluate import AlertKey
from monitor.rules.past import Needs, Past
from monitor.rules.system import PROGRAM
from monitor.store import alerts, groups, leases, marketplaces, outbox, past, polls, silences
from monitor.store.engine import Database
from monitor.store.marketplaces import Marketplace
from monitor.store.observations import Observations


class Ledgers:
    """Opens ledgers, and remembers between them which intervals are open, and the past."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._observations = Observations()
        self._recalled: dict[str, Recalled] = {}

    def recall(self, marketplace: str, needs: Needs) -> Recalled:
        """Return the past of a marketplace, which the caller goes on with.

        What was kept by `Ledger.remember` is given away once. It counts only if nobody else has
        recorded meanwhile; otherwise, and at a start, the past is read from the database.
        """
        kept = self._recalled.pop(marketplace, None)
        with self._database.read() as connection:
            found = marketplaces.find(connection, marketplace)
            token = None if found is None else found.history_token
            if kept is not None and kept.token == token and kept.past.needs == needs:
                return kept
            return Recalled(token=token, past=past.load(connection, found, needs))

    @contextmanager
    def ledger(self, marketplace: str) -> Iterator["Ledger"]:
        """Open a transaction; it commits at the end of the block, and rolls back on an error.

        A second one on the same marketplace, in whatever process, waits for its end. The program
        itself (`PROGRAM`) has a ledger too, of alerts that are about no marketplace.

        Raises:
            StoreBusyError, StoreError: as for `Database.transaction`.
        """
        # Should a loss of power undo it, the next poll sees the same, and tells it.
        with self._database.transaction(durable=False) as connection:
            before = _lock(connection, marketplace)
            ledger = Ledger(connection, before, self._observations)
            yield ledger
        if ledger.remembered is not None:
            self._recalled[marketplace] = ledger.remembered


class Ledger:
    """One open transaction on one marketplace."""

    def __init__(
        self, connection: Connection, before: Marketplace, observations: Observations
    ) -> None:
        self._connection = connection
        self._before = before
        self._observations = observations
        self._token = before.history_token
        self.remembered: Recalled | None = None

    def before(self) -> Marketplace:
        """Return what was known before this poll."""
        return self._before

    def record(self, poll: Poll, interval: timedelta, *, overtaken: bool = False) -> int:
        """Write the poll and the intervals it changes; return how many offers changed.

        Of a poll that was overtaken by a later one, only that it was made is written.
        """
        polls.record(self._connection, self._before, poll, overtaken=overtaken)
        if poll.snapshot is None or overtaken:
            return 0
        recorded = self._observations.record(
            self._connection, self._before, poll.snapshot, interval=interval
        )
        self._token = recorded.token
        return recorded.begun + recorded.changed + recorded.ended

    def remember(self, past: Past) -> None:
        """Keep the past of this marketplace as it is after this poll, once all is committed."""
        self.remembered = Recalled(token=self._token, past=past)

    def alerts(self) -> Mapping[AlertKey, Alert]:
        """Return the pending and firing alerts."""
        return alerts.load(self._connection, self._before.name)

    def save(self, changed: Iterable[Alert], transitions: Iterable[Transition]) -> None:
        """Write alerts that changed, and their transitions."""
        alerts.save(self._connection, changed, transitions)

    def resolved(self, rule: RuleName, labels: Iterable[Labels]) -> tuple[Alert, ...]:
        """Return, for each of `labels`, the alert of `rule` that was resolved last."""
        return alerts.last_resolved(self._connection, rule, labels)

    def groups(self) -> Mapping[Labels, Group]:
        """Return the groups of which something has been told or waits to be, by their keys."""
        return groups.load(self._connection, self._before.name)

    def silences(self, now: datetime) -> Sequence[Silence]:
        """Return the silences that have not ended."""
        return silences.listed(self._connection, since=now)

    def keep(self, group: Group) -> None:
        """Write a group."""
        groups.save(self._connection, group)

    def drop(self, group: Group) -> None:
        """Delete a group."""
        groups.remove(self._connection, group)

    def enqueue(self, drafts: Iterable[Draft], now: datetime) -> None:
        """Queue notifications."""
        outbox.enqueue(self._connection, drafts, now)


def _lock(connection: Connection, marketplace: str) -> Marketplace:
    if marketplace != PROGRAM:
        return marketplaces.lock(connection, marketplace)
    leases.take_turns(connection, PROGRAM)
    return Marketplace.unpolled(PROGRAM)
