"""The way through the house: fetch and decode, then record, evaluate and queue in one transaction.

A poll that is not `ok` is recorded and changes nothing else: absence of evidence resolves nothing.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.ledger import Ledger, Recalled
from monitor.market.snapshot import Poll
from monitor.plan import Plan
from monitor.rules.alert import Transition
from monitor.rules.evaluate import Seen, evaluate, look
from monitor.rules.lifecycle import outage
from monitor.rules.past import Needs
from monitor.telling import tell


class Polled(Protocol):
    """A marketplace that can be polled; whatever goes wrong is the poll's outcome."""

    @property
    def name(self) -> str:
        """The marketplace's name in the database."""

    def poll(self, now: datetime) -> Poll:
        """Fetch and decode all hostnodes."""


class Store(Protocol):
    """Where cycles are written."""

    def recall(self, marketplace: str, needs: Needs) -> Recalled:
        """Return the past of a marketplace, which the caller goes on with."""

    def ledger(self, marketplace: str) -> AbstractContextManager[Ledger]:
        """Open a transaction; it commits at the end of the block, and rolls back on an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """What one cycle came to."""

    poll: Poll
    changed: int = 0
    transitions: tuple[Transition, ...] = ()
    queued: int = 0


def run_cycle(
    marketplace: Polled, plan: Plan, store: Store, *, interval: timedelta, now: datetime
) -> CycleReport:
    """Poll once and do all that follows from it.

    Raises:
        StoreError: nothing was written.
    """
    recalled = store.recall(marketplace.name, plan.needs)
    poll = marketplace.poll(now)
    seen: Seen = {}
    if poll.snapshot is not None:
        recalled.past.feed(poll.snapshot, interval)
        seen = look(plan.rules.values(), poll.snapshot, recalled.past)
    with store.ledger(poll.marketplace) as ledger:
        before = ledger.before()
        # Another process has recorded a later look than ours: to evaluate this one would end, and
        # begin again, what has only changed in the meantime.
        overtaken = before.history_token != recalled.token
        changed = ledger.record(poll, interval, overtaken=overtaken)
        if not overtaken:
            ledger.remember(recalled.past)
        if poll.snapshot is None or overtaken:
            return CycleReport(poll=poll)
        evaluation = evaluate(
            plan.rules.values(),
            seen,
            ledger.alerts(),
            now=now,
            unknown=outage(before.last_good_at, now, interval, failed_since=before.failed_since),
        )
        ledger.save(evaluation.changed, evaluation.transitions)
        queued = tell(ledger, plan, poll.marketplace, evaluation.active.values(), now)
    return CycleReport(
        poll=poll, changed=changed, transitions=evaluation.transitions, queued=queued
    )
