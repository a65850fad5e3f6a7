"""The store of a cycle in memory: what a backtest writes to instead of a database."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

from monitor.alerting.notice import Group
from monitor.alerting.outbox import Draft
from monitor.alerting.rest import Rest
from monitor.alerting.silence import Silence
from monitor.ledger import Recalled, Trace
from monitor.letter import Letter, Told, composed
from monitor.market.snapshot import Poll
from monitor.market.value import value
from monitor.rules.alert import RESOLVED, Alert, Labels, RuleName, Transition
from monitor.rules.evaluate import AlertKey, settled
from monitor.rules.past import Needs, Past


@value
class Known:
    """What was known of a marketplace before a poll; nobody overtakes a backtest.

    Its polls come one after the other, so that history never ends after one.
    """

    last_poll_at: datetime | None = None
    last_good_at: datetime | None = None
    failed_since: bool = False
    history_token: str | None = None
    recorded_until: datetime | None = None


class MemoryLedger:
    """One marketplace's ledger.

    `transitions` and `letters` hold all that was ever written. A backtest counts letters by the
    thousand, and shows few: they are composed when they are read.
    """

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self.letters: list[Letter] = []
        self.past: Past | None = None
        self.trace: Trace | None = None
        self._known = Known()
        self._active: Mapping[AlertKey, Alert] = {}
        self._changed: list[Alert] = []
        self._resolved: dict[AlertKey, Alert] = {}
        self._groups: dict[Labels, Group] = {}
        self._rest = Rest()

    @property
    def queued(self) -> list[tuple[datetime, Draft]]:
        """All notifications that were ever queued, each with its instant."""
        return [(each.notice.at, draft) for each in self.letters for draft in composed([each])[0]]

    def before(self) -> Known:
        """Return what was known before this poll."""
        return self._known

    def record(self, poll: Poll, interval: timedelta, *, overtaken: bool = False) -> int:
        """Note that `poll` was made; history itself is not kept."""
        del interval, overtaken
        failed = poll.snapshot is None
        good_at = self._known.last_good_at if failed else poll.at
        self._known = Known(last_poll_at=poll.at, last_good_at=good_at, failed_since=failed)
        return 0

    def remember(self, past: Past, trace: Trace | None) -> None:
        """Keep what there is after this poll."""
        self.past, self.trace = past, trace
        if self._changed and trace is not None and trace.evaluation is not None:
            # A backtest has no alerts about the program: these are all, and settled already.
            self._active, self._changed = trace.evaluation.active, []

    def alerts(self) -> Mapping[AlertKey, Alert]:
        """Return the pending and firing alerts."""
        if self._changed:
            self._active, self._changed = settled(self._active, self._changed), []
        return self._active

    def save(self, alerts: Collection[Alert], transitions: Iterable[Transition]) -> None:
        """Keep alerts that changed, and their transitions."""
        self._changed += alerts
        self._rest.change(alerts)
        for alert in alerts:
            if alert.state is RESOLVED:
                self._resolved[alert.rule, alert.labels] = alert
        self.transitions += transitions

    def resolved(self, rule: RuleName, labels: Iterable[Labels]) -> tuple[Alert, ...]:
        """Return, for each of `labels`, the alert of `rule` that was resolved last."""
        found = (self._resolved.get((rule, each)) for each in labels)
        return tuple(alert for alert in found if alert is not None)

    def groups(self) -> Mapping[Labels, Group]:
        """Return the groups of which something has been told or waits to be, by their keys."""
        return self._groups

    def rest(self) -> Rest:
        """Return what telling left at rest."""
        return self._rest

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        """Return no silences: a backtest tells what the rules do by themselves."""
        del now
        return ()

    def keep(self, group: Group) -> None:
        """Write a group."""
        self._groups[group.key] = group

    def drop(self, group: Group) -> None:
        """Delete a group."""
        del self._groups[group.key]

    def enqueue(self, letters: Collection[Letter], now: datetime) -> Told:
        """Keep what is to be told as of `now`, which its notice says."""
        del now
        self.letters += letters
        return Told(queued=sum(len(each.addressed()) for each in letters))


class MemoryStore:
    """The ledgers of all marketplaces; nobody else writes to them."""

    def __init__(self) -> None:
        self.ledgers: dict[str, MemoryLedger] = {}

    def recall(self, marketplace: str, needs: Needs) -> Recalled:
        """Return the past of a marketplace: what it was fed with so far."""
        ledger = self.of(marketplace)
        past = ledger.past if ledger.past and ledger.past.needs == needs else Past(needs)
        return Recalled(
            before=ledger.before(), past=past, alerts=ledger.alerts(), trace=ledger.trace
        )

    def ledger(self, marketplace: str) -> AbstractContextManager[MemoryLedger]:
        """Return the marketplace's ledger."""
        return nullcontext(self.of(marketplace))

    def of(self, marketplace: str) -> MemoryLedger:
        """Return the marketplace's ledger, outside of any cycle."""
        if marketplace not in self.ledgers:
            self.ledgers[marketplace] = MemoryLedger()
        return self.ledgers[marketplace]
