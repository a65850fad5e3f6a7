"""A recording put in order as it is read: which polls follow on each other, and which do not.

Memory is bounded: lines are sorted within a window of them, and given out some at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import pairwise

from monitor.market.snapshot import EARLIEST
from monitor.marketplaces.replay import BadLine, RecordedHostnodes, ReplayLine

_WINDOW_LINES = 1000
_WINDOW_BYTES = 2**25
_BATCH_LINES = 500
_BATCH_BYTES = 2**24
_NO_REACH = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A recorded poll, and how far it is known to reach back to the one before, and ahead."""

    poll: RecordedHostnodes
    back: timedelta
    ahead: timedelta


class Timeline:
    """Reads a recording in the order of time.

    `outages` counts the polls that failed. `assumed` is whether the poll interval had to say what
    is a gap, as no line itself told. Of the first polls half are further apart than `median`, and a
    quarter further than `often`.

    Args:
        lines: what was recorded, in whatever order; of an instant told twice the first one counts.
        bridged: so many poll intervals without a good poll are no gap.
        interval: the poll interval; `None` takes the median of the first lines, or `otherwise` if
            there is but one of them.
        otherwise: see there.
        now: a line of a later instant is bad.
        bad: what is told of each bad line.
    """

    def __init__(
        self,
        lines: Iterable[ReplayLine],
        *,
        bridged: int,
        interval: timedelta | None,
        otherwise: timedelta,
        now: datetime,
        bad: Callable[[BadLine], None],
    ) -> None:
        self.interval = interval
        self.assumed = False
        self.outages = 0
        self.median: timedelta | None = None
        self.often: timedelta | None = None
        self._lines = lines
        self._bridged = bridged
        self._otherwise = otherwise
        self._now = now
        self._bad = bad
        self._first: list[datetime] | None = []

    def batches(self) -> Iterator[list[Placed]]:
        """Yield the good polls, so many at a time as memory is to hold."""
        batch: list[Placed] = []
        held = 0
        for placed in self._placed():
            batch.append(placed)
            held += len(placed.poll.hostnodes)
            if len(batch) == _BATCH_LINES or held >= _BATCH_BYTES:
                yield batch
                batch, held = [], 0
        if batch:
            yield batch

    def _placed(self) -> Iterator[Placed]:
        last: RecordedHostnodes | None = None
        for poll in self._sorted():
            if last is not None and last.at != poll.at:
                yield self._place(last, poll)
            if last is None or last.at != poll.at:
                last = poll
        if last is not None:
            yield self._place(last, None)

    def _sorted(self) -> Iterator[RecordedHostnodes]:
        window: list[tuple[datetime, int, RecordedHostnodes]] = []
        held = 0
        for poll in self._good():
            heappush(window, (poll.at, poll.line, poll))
            held += len(poll.hostnodes)
            while len(window) > _WINDOW_LINES or (held > _WINDOW_BYTES and len(window) > 1):
                _, _, earliest = heappop(window)
                held -= len(earliest.hostnodes)
                self._settle_interval()
                yield earliest
        self._settle_interval()
        while window:
            yield heappop(window)[-1]

    def _good(self) -> Iterator[RecordedHostnodes]:
        for line in self._lines:
            if isinstance(line, BadLine):
                self._bad(line)
            elif not EARLIEST <= line.at <= self._now:
                where = "in the future" if line.at > self._now else "before the year 2000"
                self._bad(BadLine(line=line.line, reason=f"{line.at} lies {where}"))
            else:
                if self._first is not None and len(self._first) < _WINDOW_LINES:
                    self._first.append(line.at)
                if isinstance(line, RecordedHostnodes):
                    yield line
                else:
                    self.outages += 1

    def _settle_interval(self) -> None:
        """Take the poll interval from the first window, unless it is given."""
        if self._first is None:
            return
        apart = sorted(after - before for before, after in pairwise(sorted(set(self._first))))
        self._first = None
        if apart:
            last = len(apart) - 1
            self.median, self.often = apart[last // 2], apart[last * 3 // 4]
        if self.interval is None:
            self.interval = self.median or self._otherwise

    def _place(self, poll: RecordedHostnodes, following: RecordedHostnodes | None) -> Placed:
        if poll.unbroken_since is None:
            self.assumed = True
            reach = self._bridged * (self.interval or _NO_REACH)
            return Placed(poll=poll, back=reach, ahead=reach)
        back = max(poll.at - poll.unbroken_since, _NO_REACH)
        return Placed(poll=poll, back=back, ahead=_told_ahead(poll, following))


def _told_ahead(poll: RecordedHostnodes, following: RecordedHostnodes | None) -> timedelta:
    """Return how long `poll` held by what the following line tells of it."""
    if following is None or following.unbroken_since is None:
        return _NO_REACH
    told = following.unbroken_since <= poll.at < following.at
    return following.at - poll.at if told else _NO_REACH
