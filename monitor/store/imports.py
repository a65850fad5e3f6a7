"""Putting recorded looks into the history where it knows nothing yet.

The algebra is in `monitor/history/splice.py`. Each batch is one transaction after which the
history is whole, so that an import that was cut off can be begun again: what it has put in is then
known, and left alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import uuid4

from sqlalchemy import Connection, delete, false, insert, or_, update

from monitor.history.splice import Look, Splice, is_covered, splices
from monitor.market.diff import HostnodeFacts, OfferFacts, OfferKey
from monitor.market.hostnode import HostnodeId, Location
from monitor.store import history, marketplaces, progress
from monitor.store.coverage import touching
from monitor.store.engine import Database
from monitor.store.intervals import end
from monitor.store.marketplaces import Marketplace
from monitor.store.names import hostnode_ids, hostnode_values, location_ids, offer_ids
from monitor.store.schema import coverage, hostnode_intervals, offer_intervals
from monitor.store.schema import marketplaces as marketplace_rows
from monitor.store.strands import Woven

_NODE, _OFFER = hostnode_intervals.c.hostnode_id, offer_intervals.c.offer_id


@dataclass(slots=True, kw_only=True)
class _Fabric:
    """Both tables as they are at the end of a stretch; `until` is that end."""

    until: datetime | None = None
    nodes: Woven[HostnodeId, HostnodeFacts] = field(default_factory=partial(Woven, column=_NODE))
    sold: Woven[OfferKey, OfferFacts] = field(default_factory=partial(Woven, column=_OFFER))


class Importer:
    """Puts looks into the history of one marketplace, and remembers how the last ones ended."""

    def __init__(self, database: Database, marketplace: str) -> None:
        self._database = database
        self._name = marketplace
        self._last = _Fabric()
        self._places: Mapping[Location, int] = {}

    def unknown(self, instants: Collection[datetime]) -> set[datetime]:
        """Return those of `instants` of which the history knows nothing."""
        if not instants:
            return set()
        with self._database.read() as connection:
            found = marketplaces.find(connection, self._name)
            if found is None:
                return set(instants)
            stretches = touching(connection, found, min(instants), max(instants))
        return {at for at in instants if not is_covered(at, stretches)}

    def put(self, looks: Collection[Look]) -> int:
        """Write those of `looks` that tell something new; return how many did.

        Raises:
            StoreError: nothing of them was written.
        """
        if not looks:
            return 0
        since, until = min(each.at - each.back for each in looks), max(map(_reaches, looks))
        with self._database.transaction() as connection:
            marketplace = marketplaces.lock(connection, self._name)
            found = splices(looks, touching(connection, marketplace, since, until))
            tail = marketplace.recorded_until
            for splice in found:
                tail = self._splice(connection, marketplace, splice, tail)
        return sum(len(splice.looks) for splice in found)

    def _splice(
        self,
        connection: Connection,
        marketplace: Marketplace,
        splice: Splice,
        tail: datetime | None,
    ) -> datetime | None:
        """Write one splice; return where the history then ends, given that it ended at `tail`."""
        is_tail = tail is None or splice.since > tail
        if is_tail and tail is not None and splice.before is None:
            self._break_off(connection, marketplace, tail)
        fabric = _Fabric()
        if splice.before is not None:
            fabric = self._at(connection, marketplace, splice.before.until, is_tail=is_tail)
        for look in splice.looks:
            fabric.nodes.strand.see(look.at, look.hostnodes)
            fabric.sold.strand.see(look.at, look.offers)
        self._name_all(connection, marketplace, fabric)
        self._write(connection, marketplace, fabric, splice, is_tail=is_tail)
        _cover(connection, marketplace, splice)
        progress.invalidate(connection, marketplace.id, *splice.told)
        leads_to_tail = splice.after is not None and splice.after.until == tail
        if is_tail or leads_to_tail:
            tail = splice.until if is_tail else tail
            _sign(connection, marketplace, tail)
        return tail

    def _at(
        self, connection: Connection, marketplace: Marketplace, at: datetime, *, is_tail: bool
    ) -> _Fabric:
        if self._last.until == at:
            self._last.nodes.is_tail = self._last.sold.is_tail = is_tail
            return self._last
        nodes = history.hostnodes_at(connection, marketplace, at)
        sold = history.offers_at(connection, marketplace, at)
        return _Fabric(
            nodes=Woven.onto(_NODE, nodes, at, is_tail=is_tail),
            sold=Woven.onto(_OFFER, sold, at, is_tail=is_tail),
        )

    def _break_off(self, connection: Connection, marketplace: Marketplace, tail: datetime) -> None:
        """End what is open at the last instant at which it was seen."""
        open_ = self._at(connection, marketplace, tail, is_tail=True)
        for woven in (open_.nodes, open_.sold):
            end(connection, woven.column, woven.rows(), tail, gap=True)

    def _name_all(self, connection: Connection, marketplace: Marketplace, fabric: _Fabric) -> None:
        """Give an id to each location, hostnode and offer that is new."""
        strand = fabric.nodes.strand
        seen = (*(span.facts for span in strand.over), *strand.facts.values())
        places = (facts.location for facts in seen)
        self._places = location_ids(connection, marketplace, self._places, places)
        fabric.nodes.ids.update(hostnode_ids(connection, marketplace, fabric.nodes.unnamed()))
        fabric.sold.ids.update(offer_ids(connection, fabric.nodes.ids, fabric.sold.unnamed()))

    def _write(
        self,
        connection: Connection,
        marketplace: Marketplace,
        fabric: _Fabric,
        splice: Splice,
        *,
        is_tail: bool,
    ) -> None:
        values = partial(hostnode_values, self._places)
        if splice.after is None:
            fabric.nodes.write(connection, values, splice.until, is_tail=is_tail)
            fabric.sold.write(connection, OfferFacts._asdict, splice.until, is_tail=is_tail)
            fabric.until = splice.until
            self._last = fabric
        else:
            at = splice.after.since
            nodes = history.hostnodes_at(connection, marketplace, at)
            sold = history.offers_at(connection, marketplace, at)
            fabric.nodes.write(connection, values, at, is_tail=False, after=nodes)
            fabric.sold.write(connection, OfferFacts._asdict, at, is_tail=False, after=sold)
            self._last = _Fabric()


def _reaches(look: Look) -> datetime:
    return look.at + look.ahead


def _cover(connection: Connection, marketplace: Marketplace, splice: Splice) -> None:
    """Note that the time of a splice is covered, in one stretch with what it joins."""
    ours = coverage.c.marketplace_id == marketplace.id
    joined = []
    if splice.before is not None:
        joined.append(coverage.c.valid_to == splice.before.until)
    if splice.after is not None:
        joined.append(coverage.c.valid_from == splice.after.since)
    old = connection.execute(
        delete(coverage)
        .where(ours, or_(false(), *joined))
        .returning(coverage.c.valid_from, coverage.c.valid_to)
    ).all()
    connection.execute(
        insert(coverage).values(
            marketplace_id=marketplace.id,
            valid_from=min([splice.since, *(row.valid_from for row in old)]),
            valid_to=max([splice.until, *(row.valid_to for row in old)]),
        )
    )


def _sign(connection: Connection, marketplace: Marketplace, until: datetime | None) -> None:
    """Say where the history ends; whoever remembers its open intervals must read them again."""
    connection.execute(
        update(marketplace_rows)
        .where(marketplace_rows.c.id == marketplace.id)
        .values(recorded_until=until, history_token=uuid4().hex)
    )
