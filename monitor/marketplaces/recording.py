"""From recorded polls to polls, as the client would have made them."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from monitor.errors import MalformedError
from monitor.market.snapshot import Outcome, Poll
from monitor.marketplaces.replay import BadLine, RecordedError, RecordedHostnodes, ReplayLine
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.marketplaces.tensordock.rows import Reader


def polls(lines: Iterable[ReplayLine], marketplace: str) -> Iterator[Poll]:
    """Yield a poll of `marketplace` for each good line, in the order of time.

    A line that is not later than the one before it is passed over: two looks at one instant are
    one, and what was seen before cannot be seen after.
    """
    last: datetime | None = None
    reader = Reader()
    for line in lines:
        if isinstance(line, BadLine) or (last is not None and line.at <= last):
            continue
        last = line.at
        if isinstance(line, RecordedError):
            yield _failed(marketplace, line.at, line.error, "recorded as such")
        else:
            yield decoded(line, marketplace, reader)


def decoded(line: RecordedHostnodes, marketplace: str, reader: Reader | None = None) -> Poll:
    """Return the poll that was recorded; what cannot be decoded is its outcome.

    `reader` has read the line before this one, if that is at hand.
    """
    at = line.at
    try:
        snapshot = decode_hostnodes(line.body, marketplace=marketplace, at=at, reader=reader)
    except MalformedError as error:
        return _failed(marketplace, at, Outcome.MALFORMED, str(error))
    if not snapshot.hostnodes:
        return _failed(marketplace, at, Outcome.EMPTY, "the list of hostnodes was empty")
    return Poll(marketplace=marketplace, at=at, outcome=Outcome.OK, duration=0, snapshot=snapshot)


def _failed(marketplace: str, at: datetime, outcome: Outcome, detail: str) -> Poll:
    return Poll(marketplace=marketplace, at=at, outcome=outcome, duration=0, detail=detail)
