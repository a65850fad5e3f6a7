"""The daemon's cycle and its telling of what waits, over polls that were made before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, pairwise
from statistics import median_low

from monitor.backtest.buying import Purchases
from monitor.backtest.memory import MemoryLedger, MemoryStore
from monitor.cycle import run_cycle
from monitor.grab.wish import Buying
from monitor.market.snapshot import Poll
from monitor.market.value import value
from monitor.plan import Plan
from monitor.rules.past import OUTAGE_INTERVALS
from monitor.telling import tell

USUAL_INTERVAL = timedelta(minutes=1)
"""The interval of a recording too short to show one."""

_AT_A_TIME = 16


@value
class Recorded:
    """A marketplace that answers with a poll that was made before."""

    recorded: Poll

    @property
    def name(self) -> str:
        """The marketplace's name."""
        return self.recorded.marketplace

    def poll(self, now: datetime) -> Poll:
        """Return the recorded poll, which was made at `now`."""
        del now
        return self.recorded


@dataclass(slots=True, kw_only=True)
class Course:
    """What polls a backtest was fed with: how many, from when to when, and what is not known."""

    polls: int = 0
    failed: int = 0
    since: datetime | None = None
    until: datetime | None = None
    gaps: int = 0
    longest_gap: timedelta = timedelta(0)

    def follow(self, poll: Poll, interval: timedelta) -> None:
        """Count one more poll, later than the others."""
        silence = timedelta(0) if self.until is None else poll.at - self.until
        if silence > OUTAGE_INTERVALS * interval:
            self.gaps += 1
            self.longest_gap = max(self.longest_gap, silence)
        self.polls += 1
        self.failed += poll.snapshot is None
        self.since = self.since or poll.at
        self.until = poll.at


class Backtest:
    """One run of `plan` over the polls of one marketplace, in the order of time.

    `interval` is the one at which it was polled: longer silences freeze the clocks of alerts, as
    they do live.
    """

    def __init__(
        self, plan: Plan, marketplace: str, *, interval: timedelta, buying: Buying | None = None
    ) -> None:
        self._plan = replace(plan, system={})  # a recording says nothing of the program
        self._marketplace = marketplace
        self._interval = interval
        self._store = MemoryStore()
        self.course = Course()
        self.purchases = None if buying is None else Purchases(buying, plan.rules)

    @property
    def ledger(self) -> MemoryLedger:
        """All that was written."""
        return self._store.of(self._marketplace)

    @property
    def reach(self) -> timedelta:
        """How far before the first poll the rules look back."""
        needs = self._plan.needs
        last_offers = OUTAGE_INTERVALS * self._interval if needs.offers else timedelta(0)
        return max(*needs.windows, last_offers, timedelta(0))

    def remember(self, polls: Iterable[Poll]) -> Course:
        """Take in what was polled before, for rules that look back: nothing comes of it by itself.

        Whoever has no such polls begins as a daemon does that was started with the first one.
        """
        course = Course()
        past = self._store.recall(self._marketplace, self._plan.needs).past
        for poll in polls:
            course.follow(poll, self._interval)
            if poll.snapshot is not None:
                past.feed(poll.snapshot, self._interval)
        self.ledger.remember(past, None)
        return course

    def feed(self, polls: Iterable[Poll]) -> None:
        """Live through `polls`, and through the waits that end between them."""
        for poll in _ahead(polls):
            self.wait_until(poll.at)
            run_cycle(
                Recorded(recorded=poll),
                self._plan,
                self._store,
                interval=self._interval,
                now=poll.at,
                buyer=self.purchases,
            )
            self.course.follow(poll, self._interval)

    def wait_until(self, at: datetime) -> None:
        """Tell what has waited long enough at some instant before `at`, at that instant."""
        ledger = self.ledger
        told_at: datetime | None = None
        while True:
            waits = (each.due_at for each in ledger.groups().values() if each.due_at)
            due = min(waits, default=at)
            if due >= at or due == told_at:
                return
            told_at = due
            tell(ledger, self._plan, self._marketplace, ledger.alerts(), due)


def _ahead(polls: Iterable[Poll]) -> Iterator[Poll]:
    """Yield `polls`, a few at a time: to decode, and to live through, is quicker by itself."""
    left = iter(polls)
    while some := list(islice(left, _AT_A_TIME)):
        yield from some


def usual_interval(instants: Iterable[datetime]) -> timedelta:
    """Return the median time between polls: the interval a recording was made at."""
    between = [after - before for before, after in pairwise(instants) if after > before]
    return median_low(between) if between else USUAL_INTERVAL
