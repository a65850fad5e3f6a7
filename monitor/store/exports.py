"""Reading history as it goes on in time: each instant at which something changed, one at a time.

Rows come in the order of time from the database, and only what holds at the moment is in memory,
however long the history is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    literal,
    not_,
    select,
    union_all,
)

from monitor.history.window import Window
from monitor.market.diff import HostnodeFacts, OfferFacts, OfferKey
from monitor.market.hostnode import HostnodeId
from monitor.store import history, progress
from monitor.store.coverage import touching
from monitor.store.marketplaces import Marketplace
from monitor.store.schema import gpus, hostnode_intervals, hostnodes, offer_intervals, offers

_AT_A_TIME = 1000
"""Rows that are fetched together."""

_Key = HostnodeId | OfferKey
_Facts = HostnodeFacts | OfferFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was known of a marketplace at the instant `at`, when something changed.

    It goes on from the moment before, without a gap, if `unbroken_since` is that one's instant;
    else that is `at` itself. The maps are good until the next moment is asked for.
    """

    at: datetime
    unbroken_since: datetime
    hostnodes: Mapping[HostnodeId, HostnodeFacts]
    offers: Mapping[OfferKey, OfferFacts]


class _Event(NamedTuple):
    """An interval of `key` that begins with these facts, or that ends."""

    at: datetime
    key: _Key
    facts: _Facts | None


def moments(connection: Connection, marketplace: Marketplace, window: Window) -> Iterator[Moment]:
    """Yield each instant in `window`, both ends included, at which the history changed.

    Where it begins and ends, or the window cuts it off, is such an instant too; it begins where
    intervals are kept.
    """
    window = progress.kept(connection, marketplace.name, window)
    stretches = touching(connection, marketplace, *window)
    if not stretches:
        return
    first = max(stretches[0].since, window.since)
    state = _State(connection, marketplace, first)
    events = _grouped(connection, marketplace, Window(first, window.until))
    at, group = next(events, (None, ()))
    for stretch in stretches:
        last = since = max(stretch.since, window.since)
        if since != first:
            state.clear()
        while at is not None and at <= since:
            state.apply(group)
            at, group = next(events, (None, ()))
        yield state.moment(since, since)
        until = min(stretch.until, window.until)
        while at is not None and at <= until:
            if state.apply(group):
                yield state.moment(at, last)
                last = at
            at, group = next(events, (None, ()))
        if last < until:
            yield state.moment(until, last)


class _State:
    """What holds at an instant of a stretch, and then at the next ones."""

    def __init__(self, connection: Connection, marketplace: Marketplace, at: datetime) -> None:
        self._hostnodes = dict(history.hostnodes_at(connection, marketplace, at).facts)
        self._offers = dict(history.offers_at(connection, marketplace, at).facts)

    def clear(self) -> None:
        self._hostnodes.clear()
        self._offers.clear()

    def moment(self, at: datetime, unbroken_since: datetime) -> Moment:
        return Moment(
            at=at, unbroken_since=unbroken_since, hostnodes=self._hostnodes, offers=self._offers
        )

    def apply(self, events: Iterable[_Event]) -> bool:
        """Go on with all that happened at one instant; return whether it changed anything."""
        before: dict[_Key, _Facts | None] = {}
        for _, key, facts in events:
            held: dict[Any, Any] = self._offers if isinstance(key, tuple) else self._hostnodes
            before.setdefault(key, held.get(key))
            if facts is None:
                held.pop(key, None)
            else:
                held[key] = facts
        return any(self._now(key) != facts for key, facts in before.items())

    def _now(self, key: _Key) -> _Facts | None:
        return self._offers.get(key) if isinstance(key, tuple) else self._hostnodes.get(key)


def _grouped(
    connection: Connection, marketplace: Marketplace, window: Window
) -> Iterator[tuple[datetime, Iterable[_Event]]]:
    """Yield each instant after the beginning of a window with all that happened at it."""
    places = {key: place for place, key in history.location_ids(connection, marketplace).items()}
    node = select(hostnodes.c.hostnode, hostnode_intervals).select_from(hostnodes)
    node = node.join(hostnode_intervals)
    sold = (
        select(hostnodes.c.hostnode, gpus.c.name, offer_intervals)
        .select_from(hostnodes)
        .join(offers)
        .join(gpus)
        .join(offer_intervals)
    )
    mine = hostnodes.c.marketplace_id == marketplace.id
    nodes = (
        _Event(row.at, row.hostnode, history.read_facts(row, places[row.location_id]))
        if row.begins
        else _Event(row.at, row.hostnode, None)
        for row in _in_order(connection, node.where(mine), hostnode_intervals.c, window)
    )
    offered = (
        _Event(
            row.at,
            (row.hostnode, row.name),
            OfferFacts(row.available, row.price) if row.begins else None,
        )
        for row in _in_order(connection, sold.where(mine), offer_intervals.c, window)
    )
    return groupby(merge(nodes, offered, key=attrgetter("at")), key=attrgetter("at"))


def _in_order(
    connection: Connection, intervals: Select[Any], columns: Any, window: Window
) -> Iterable[Row[Any]]:
    """Yield a row for each beginning and each end; at one instant, ends come first."""
    begins = intervals.add_columns(columns.valid_from.label("at"), literal(1).label("begins"))
    ends = intervals.add_columns(columns.valid_to.label("at"), literal(0).label("begins"))
    both = union_all(
        begins.where(_within(columns.valid_from, window)),
        ends.where(_within(columns.valid_to, window), not_(columns.gap)),
    )
    return connection.execution_options(yield_per=_AT_A_TIME).execute(both.order_by("at", "begins"))


def _within(column: Column[Any], window: Window) -> ColumnElement[bool]:
    return and_(column > window.since, column <= window.until)
