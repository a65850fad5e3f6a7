"""All that a cycle reads and writes, in one transaction that has its marketplace to itself."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.alerting.notice import Group
from monitor.alerting.rest import Rest
from monitor.alerting.silence import Silence
from monitor.ledger import Recalled, Trace
from monitor.letter import Letter, Told, composed
from monitor.market.snapshot import Poll
from monitor.rules.alert import Alert, Labels, RuleName, Transition
from monitor.rules.evaluate import AlertKey, settled
from monitor.rules.past import Needs, Past
from monitor.rules.system import PROGRAM
from monitor.store import alerts, groups, leases, marketplaces, outbox, past, polls, silences
from monitor.store.engine import Database
from monitor.store.marketplaces import Marketplace
from monitor.store.observations import Observations


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What a cycle leaves to the next one: the past, and the pending and firing alerts.

    The past counts while the history has this token, the alerts while nobody has locked the
    marketplace since. Only acknowledgements come in between. The trace always counts: who goes on
    from it looks what has changed.
    """

    token: str | None
    past: Past
    trace: Trace | None
    version: int
    alerts: Mapping[AlertKey, Alert]


class Ledgers:
    """Opens ledgers, and remembers between them which intervals are open, and the past."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._observations = Observations()
        self._kept: dict[str, _Kept] = {}

    def recall(self, marketplace: str, needs: Needs) -> Recalled:
        """Return the past of a marketplace, which the caller goes on with.

        What was kept by `Ledger.remember` is given away once. It counts only if nobody else has
        recorded meanwhile; otherwise, and at a start, the past is read from the database.
        """
        kept = self._kept.pop(marketplace, None)
        with self._database.read() as connection:
            found = marketplaces.find(connection, marketplace)
            before = found or Marketplace.unpolled(marketplace)
            is_same = kept is not None and kept.token == before.history_token
            is_untouched = kept is not None and kept.version == before.version
            return Recalled(
                before=before,
                past=kept.past
                if kept and is_same and kept.past.needs == needs
                else past.load(connection, found, needs),
                alerts=kept.alerts
                if kept and is_untouched
                else alerts.load(connection, marketplace),
                trace=kept.trace if kept else None,
            )

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
        if (kept := ledger.kept()) is not None:
            self._kept[marketplace] = kept


class Ledger:
    """One open transaction on one marketplace."""

    def __init__(
        self, connection: Connection, before: Marketplace, observations: Observations
    ) -> None:
        self._connection = connection
        self._before = before
        self._observations = observations
        self._token = before.history_token
        self._past: Past | None = None
        self._trace: Trace | None = None
        self._alerts: Mapping[AlertKey, Alert] = {}

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

    def remember(self, past: Past, trace: Trace | None) -> None:
        """Keep the past of this marketplace as it is after this poll, once all is committed.

        So are its alerts, as they are saved, and what the cycle leaves to the next one.
        """
        self._past, self._trace = past, trace

    def kept(self) -> _Kept | None:
        """Return what is remembered, if anything is."""
        if self._past is None:
            return None
        before = self._before
        return _Kept(
            token=self._token,
            past=self._past,
            trace=self._trace,
            version=before.version,
            alerts=self._alerts,
        )

    def alerts(self) -> Mapping[AlertKey, Alert]:
        """Return the pending and firing alerts."""
        self._alerts = alerts.load(self._connection, self._before.name)
        return self._alerts

    def save(self, changed: Collection[Alert], transitions: Iterable[Transition]) -> None:
        """Write alerts that changed, and their transitions."""
        alerts.save(self._connection, changed, transitions)
        if changed:
            self._alerts = settled(self._alerts, changed)

    def resolved(self, rule: RuleName, labels: Iterable[Labels]) -> tuple[Alert, ...]:
        """Return, for each of `labels`, the alert of `rule` that was resolved last."""
        return alerts.last_resolved(self._connection, rule, labels)

    def groups(self) -> Mapping[Labels, Group]:
        """Return the groups of which something has been told or waits to be, by their keys."""
        return groups.load(self._connection, self._before.name)

    def rest(self) -> Rest:
        """Return one that knows of nothing: other processes write groups here too."""
        return Rest()

    def silences(self, now: datetime) -> Sequence[Silence]:
        """Return the silences that have not ended."""
        return silences.listed(self._connection, since=now)

    def keep(self, group: Group) -> None:
        """Write a group."""
        groups.save(self._connection, group)

    def drop(self, group: Group) -> None:
        """Delete a group."""
        groups.remove(self._connection, group)

    def enqueue(self, letters: Collection[Letter], now: datetime) -> Told:
        """Queue what is to be told, composed for each destination."""
        drafts, told = composed(letters)
        outbox.enqueue(self._connection, drafts, now)
        return told


def _lock(connection: Connection, marketplace: str) -> Marketplace:
    if marketplace != PROGRAM:
        return marketplaces.lock(connection, marketplace)
    leases.take_turns(connection, PROGRAM)
    return Marketplace.unpolled(PROGRAM)
