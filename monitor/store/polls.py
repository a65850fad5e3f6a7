"""A row for every poll, whatever came of it."""

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from monitor.history.window import Window
from monitor.market.snapshot import Outcome, Poll
from monitor.store.marketplaces import Marketplace
from monitor.store.schema import marketplaces, polls

# Made once: what is bought waits for the cycle.
_ADD = insert(polls)
_NOTE = update(marketplaces).where(marketplaces.c.id == bindparam("marketplace"))


def record(
    connection: Connection, marketplace: Marketplace, poll: Poll, *, overtaken: bool = False
) -> None:
    """Write that `poll` was made. Two polls of one instant are two rows.

    Of one that was overtaken by a later poll, nothing is said about what was polled last.
    """
    snapshot = poll.snapshot
    row = {
        "marketplace_id": marketplace.id,
        "at": poll.at,
        "outcome": poll.outcome.value,
        "duration": poll.duration,
        "hostnodes": 0 if snapshot is None else len(snapshot.hostnodes),
        "offers": 0 if snapshot is None else len(snapshot.offers),
        "issues": len(poll.issues) if snapshot is None else sum(snapshot.issue_counts.values()),
        "detail": poll.detail,
    }
    connection.execute(_ADD, row)
    if overtaken:
        return
    last = {"last_poll_at": poll.at, "last_outcome": poll.outcome.value}
    if poll.outcome is Outcome.OK:
        last["last_good_at"] = poll.at
    connection.execute(_NOTE, {"marketplace": marketplace.id, **last})


def made(
    connection: Connection, marketplace: Marketplace, window: Window
) -> list[tuple[datetime, Outcome]]:
    """Return when polls were made in a window, its end included, and what each came to."""
    found = connection.execute(
        select(polls.c.at, polls.c.outcome)
        .where(
            polls.c.marketplace_id == marketplace.id,
            polls.c.at >= window.since,
            polls.c.at <= window.until,
        )
        .order_by(polls.c.at)
    )
    return [(row.at, Outcome(row.outcome)) for row in found]


def counts(connection: Connection, marketplace: str, since: datetime) -> Counter[Outcome]:
    """Return how many polls since an instant came to each outcome."""
    found = connection.execute(
        select(polls.c.outcome, func.count())
        .join(marketplaces)
        .where(marketplaces.c.name == marketplace, polls.c.at >= since)
        .group_by(polls.c.outcome)
    )
    return Counter({Outcome(outcome): count for outcome, count in found})
