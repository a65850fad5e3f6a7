"""Recording good polls as intervals: a row is written only where something changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from uuid import uuid4

from sqlalchemy import Connection, bindparam, insert, update

from monitor.errors import StoreError
from monitor.market.diff import (
    Changes,
    HostnodeFacts,
    OfferFacts,
    OfferKey,
    changes,
    hostnode_facts,
    offer_facts,
)
from monitor.market.hostnode import HostnodeId, Location
from monitor.market.snapshot import Snapshot
from monitor.rules.past import OUTAGE_INTERVALS
from monitor.store import history
from monitor.store.intervals import Open, carry, end
from monitor.store.marketplaces import Marketplace
from monitor.store.names import hostnode_ids, hostnode_values, location_ids, offer_ids
from monitor.store.schema import coverage, hostnode_intervals, marketplaces, offer_intervals


class Continuity(StrEnum):
    """How a recorded poll follows on the history."""

    FIRST = "first"
    """There was no history."""
    CONTINUED = "continued"
    """What did not change goes on."""
    GAP = "gap"
    """The last good poll was too long ago: all intervals ended there, and began anew."""
    LATE = "late"
    """The clock was set back: history covers that instant already, and nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the recording of a good poll came to: how many intervals of offers it wrote.

    `begun` are offers that were not there before (all of them, on a first poll and after a gap),
    `changed` those with another price or count, `ended` those that are gone. `token` names the
    state of the history after it.
    """

    continuity: Continuity
    token: str | None
    begun: int = 0
    changed: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """The open intervals of a marketplace, as the history of that token has them."""

    token: str = ""
    hostnodes: Open[HostnodeId, HostnodeFacts] = field(default_factory=Open)
    offers: Open[OfferKey, OfferFacts] = field(default_factory=Open)
    locations: Mapping[Location, int] = field(default_factory=dict)


class Observations:
    """Records good polls, and remembers the open intervals so that it need not read them back.

    Each recording gives the history a new token. What is remembered counts only if the database
    has its token: so neither a rollback nor another process' recording can make it wrong.
    """

    def __init__(self) -> None:
        self._states: dict[str, tuple[_State, ...]] = {}

    def record(
        self,
        connection: Connection,
        marketplace: Marketplace,
        snapshot: Snapshot,
        *,
        interval: timedelta,
    ) -> Recorded:
        """Write what `snapshot` changes; `marketplace` was locked in this transaction.

        Raises:
            StoreError: the history was changed by somebody else.
        """
        at, until = snapshot.at, marketplace.recorded_until
        continuity = _continuity(marketplace, at, interval)
        if continuity is Continuity.LATE:
            return Recorded(continuity=continuity, token=marketplace.history_token)
        known = base = self._known(connection, marketplace)
        if until is not None and continuity is Continuity.GAP:
            _break_off(connection, known, until)
            base = _State(locations=known.locations)
        state, found = _write(connection, marketplace, snapshot, base)
        cover = _cover if continuity is Continuity.CONTINUED else _cover_anew
        cover(connection, marketplace, at)
        _sign(connection, marketplace, at, state.token)
        # The transaction may yet be rolled back: then `known` is what counts.
        self._states[marketplace.name] = (known, state)
        return Recorded(
            continuity=continuity,
            token=state.token,
            begun=len(found.begun),
            changed=len(found.changed),
            ended=len(found.ended),
        )

    def _known(self, connection: Connection, marketplace: Marketplace) -> _State:
        for state in self._states.get(marketplace.name, ()):
            if state.token == marketplace.history_token:
                return state
        return _load(connection, marketplace)


def _continuity(marketplace: Marketplace, at: datetime, interval: timedelta) -> Continuity:
    until = marketplace.recorded_until
    if until is None:
        return Continuity.FIRST
    if at <= until:
        return Continuity.LATE
    return Continuity.GAP if at - until > OUTAGE_INTERVALS * interval else Continuity.CONTINUED


def _load(connection: Connection, marketplace: Marketplace) -> _State:
    if marketplace.recorded_until is None:
        return _State()
    return _State(
        token=marketplace.history_token or "",
        hostnodes=history.hostnodes_at(connection, marketplace, marketplace.recorded_until),
        offers=history.offers_at(connection, marketplace, marketplace.recorded_until),
        locations=history.location_ids(connection, marketplace),
    )


def _break_off(connection: Connection, known: _State, at: datetime) -> None:
    """End every interval at the last instant at which it was seen."""
    nodes, sold = known.hostnodes.rows.values(), known.offers.rows.values()
    end(connection, hostnode_intervals.c.hostnode_id, nodes, at, gap=True)
    end(connection, offer_intervals.c.offer_id, sold, at, gap=True)


def _write(
    connection: Connection, marketplace: Marketplace, snapshot: Snapshot, base: _State
) -> tuple[_State, Changes[OfferKey, OfferFacts]]:
    """Write the intervals that lead from `base` to `snapshot`."""
    moved = changes(base.hostnodes.facts, hostnode_facts(snapshot.hostnodes))
    seen = (facts.location for facts in (*moved.begun.values(), *moved.changed.values()))
    places = location_ids(connection, marketplace, base.locations, seen)
    nodes = carry(
        connection,
        hostnode_intervals.c.hostnode_id,
        base.hostnodes,
        moved,
        snapshot.at,
        ids=hostnode_ids(connection, marketplace, moved.begun),
        values=partial(hostnode_values, places),
    )
    found = changes(base.offers.facts, offer_facts(snapshot.offers))
    sold = carry(
        connection,
        offer_intervals.c.offer_id,
        base.offers,
        found,
        snapshot.at,
        ids=offer_ids(connection, {key: of for key, (of, _) in nodes.rows.items()}, found.begun),
        values=OfferFacts._asdict,
    )
    return _State(token=uuid4().hex, hostnodes=nodes, offers=sold, locations=places), found


_EXTEND = (
    update(coverage)
    .where(
        coverage.c.marketplace_id == bindparam("marketplace"),
        coverage.c.valid_to == bindparam("until"),
    )
    .values(valid_to=bindparam("at"))
)
_SIGN = update(marketplaces).where(marketplaces.c.id == bindparam("marketplace"))


def _cover(connection: Connection, marketplace: Marketplace, at: datetime) -> None:
    """Extend the stretch of continuous polling that ends at the last recorded poll."""
    extended = connection.execute(
        _EXTEND, {"marketplace": marketplace.id, "until": marketplace.recorded_until, "at": at}
    )
    if extended.rowcount != 1:
        raise StoreError(
            f"the history of {marketplace.name} does not end where it was left: "
            "let nobody write to it by hand"
        )


def _cover_anew(connection: Connection, marketplace: Marketplace, at: datetime) -> None:
    connection.execute(
        insert(coverage).values(marketplace_id=marketplace.id, valid_from=at, valid_to=at)
    )


def _sign(connection: Connection, marketplace: Marketplace, at: datetime, token: str) -> None:
    connection.execute(
        _SIGN, {"marketplace": marketplace.id, "recorded_until": at, "history_token": token}
    )
