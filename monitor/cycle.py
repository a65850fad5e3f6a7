"""The way through the house: fetch and decode, then record, evaluate and queue in one transaction.

A poll that is not `ok` is recorded and changes nothing else: absence of evidence resolves nothing.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.ledger import Ledger
from monitor.market.snapshot import Poll
from monitor.plan import Plan
from monitor.rules.alert import Transition
from monitor.rules.evaluate import evaluate, look
from monitor.rules.lifecycle import outage
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

    def history_token(self, marketplace: str) -> str | None:
        """Return what names the state of the marketplace's history; each good poll renews it."""

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
    token = store.history_token(marketplace.name)
    poll = marketplace.poll(now)
    seen = {} if poll.snapshot is None else look(plan.rules.values(), poll.snapshot)
    with store.ledger(poll.marketplace) as ledger:
        before = ledger.before()
        # Another process has recorded a later look than ours: to evaluate this one would end, and
        # begin again, what has only changed in the meantime.
        overtaken = before.history_token != token
        changed = ledger.record(poll, interval, overtaken=overtaken)
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
