"""The history in the database as the polls that were made, for commands that live through it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge

from monitor.history.window import Window
from monitor.market.hostnode import Hostnode, HostnodeId
from monitor.market.offer import Offer
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.store import marketplaces, polls
from monitor.store.engine import Database
from monitor.store.exports import Moment, moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What was recorded of one marketplace in a window.

    A poll stands where history changed and where the table of polls has one. Where that has none,
    for the history was imported, one stands every `interval` of a stretch without a gap: history
    says that nothing changed there.
    """

    database: Database
    marketplace: str
    window: Window
    interval: timedelta

    def earlier(self, reach: timedelta) -> Iterator[Poll]:
        """Read the polls that were made as far as `reach` before the window."""
        since = self.window.since
        polls = replace(self, window=Window(since - reach, since)).polls()
        return (poll for poll in polls if poll.at < since)

    def polls(self) -> Iterator[Poll]:
        """Read the polls, in order."""
        with self.database.read() as connection:
            found = marketplaces.find(connection, self.marketplace)
            if found is None:
                return
            made = polls.made(connection, found, self.window)
            good = [at for at, outcome in made if outcome is Outcome.OK]
            failed = [
                self._failed(at, outcome) for at, outcome in made if outcome is not Outcome.OK
            ]
            seen = self._seen(moments(connection, found, self.window), good)
            yield from merge(seen, failed, key=lambda poll: poll.at)

    def _seen(self, changes: Iterator[Moment], good: Sequence[datetime]) -> Iterator[Poll]:
        last: Snapshot | None = None
        for moment in changes:
            if last is not None and moment.unbroken_since == last.at:
                for at in self._between(last.at, moment.at, good):
                    yield self._good(last, at)
            last = self._snapshot(moment)
            yield self._good(last, moment.at)

    def _between(
        self, since: datetime, until: datetime, good: Sequence[datetime]
    ) -> Iterator[datetime]:
        """Yield the instants between two changes at which nothing had changed."""
        first, last = bisect_right(good, since), bisect_left(good, until)
        if first < len(good) and good[first] <= until:  # the table knows of this time
            yield from good[first:last]
            return
        at = since + self.interval
        while at < until:
            yield at
            at += self.interval

    def _snapshot(self, moment: Moment) -> Snapshot:
        nodes: dict[HostnodeId, Hostnode] = {
            key: facts.hostnode(key) for key, facts in moment.hostnodes.items()
        }
        return Snapshot(
            marketplace=self.marketplace,
            at=moment.at,
            hostnodes=tuple(nodes.values()),
            offers=tuple(
                Offer(hostnode=nodes[key], gpu=gpu, available=facts.available, price=facts.price)
                for (key, gpu), facts in moment.offers.items()
            ),
        )

    def _good(self, snapshot: Snapshot, at: datetime) -> Poll:
        return Poll(
            marketplace=self.marketplace,
            at=at,
            outcome=Outcome.OK,
            duration=0,
            snapshot=replace(snapshot, at=at),
        )

    def _failed(self, at: datetime, outcome: Outcome) -> Poll:
        return Poll(marketplace=self.marketplace, at=at, outcome=outcome, duration=0)
