"""Reading what was offered in a window, from the intervals: SQL selects, the rest is clipping.

An interval of a window is one that begins in it, or the last one that began before it: so the
primary key leads to each, however much is older.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Label,
    Select,
    Table,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from monitor.history.narrow import sold_at
from monitor.history.pieces import Offered, Piece
from monitor.history.selection import Model, Selection
from monitor.history.window import Window
from monitor.market.diff import HostnodeFacts
from monitor.market.hostnode import HostnodeId, Location
from monitor.market.money import NanoDollars
from monitor.store import history, progress
from monitor.store.marketplaces import find
from monitor.store.schema import (
    coverage,
    gpus,
    hostnode_intervals,
    hostnodes,
    marketplaces,
    offer_intervals,
    offers,
)
from monitor.store.types import UtcDateTime

_FEW = 500
"""Names that are written into a statement: SQLite takes some thousands."""

ByHostnode = dict[HostnodeId, list[Offered]]


Sold = tuple[Model, HostnodeId]


def covered(
    connection: Connection, marketplace: str, window: Window, *, deleted_too: bool = False
) -> list[Window]:
    """Return the stretches of a window in which the marketplace was polled continuously.

    With `deleted_too` also of the time whose intervals are deleted, of which only roll-ups tell.
    """
    if not deleted_too:
        window = progress.kept(connection, marketplace, window)
    if not window.length:
        return []
    rows = connection.execute(
        select(coverage.c.valid_from, coverage.c.valid_to)
        .join(marketplaces)
        .where(
            marketplaces.c.name == marketplace,
            coverage.c.valid_from < window.until,
            coverage.c.valid_to > window.since,
        )
        .order_by(coverage.c.valid_from)
    )
    return [Window(*row).clip(window) for row in rows]


def offered(
    connection: Connection,
    selection: Selection,
    window: Window,
    *,
    deleted_too: bool = False,
    of: Collection[Model] | None = None,
    among: Collection[HostnodeId] | None = None,
    up_to: Mapping[Model, NanoDollars] | None = None,
) -> dict[Model, ByHostnode]:
    """Return what each selected offer was in a window, in the order of time.

    Between the pieces of an offer it was not listed or not selected, or nothing is known. Every
    model that was ever sold is in the answer, with the hostnodes that sold it in the window.
    With `deleted_too` what is left of time whose intervals are deleted is told as well, with `of`
    only those of the models, with `among` only what is on one of those hostnodes, and with `up_to`
    no more than could be had, and of those models only what may have cost so much or less.
    """
    sold = _sold(connection, selection)
    if of is not None:
        sold = {key: each for key, each in sold.items() if each[0] in of}
    if among is not None:
        sold = {key: each for key, each in sold.items() if each[1] in among}
    found: dict[Model, ByHostnode] = {
        model: defaultdict(list) for model in sorted({model for model, _ in sold.values()})
    }
    kept = {} if deleted_too else progress.raw_since(connection)
    windows = {
        model: window._replace(since=max(window.since, kept.get(model.marketplace, window.since)))
        for model in found
    }
    statement = _offer_intervals(found, window)
    if selection.hostnode is not None or among is not None:
        statement = statement.where(_on({name for _, name in sold.values()}))
    if up_to is not None:
        statement = statement.where(_as_cheap(selection, found, up_to))
    for key, began, ended, available, price in connection.execute(statement):
        if key in sold:
            model, hostnode = sold[key]
            asked = windows[model]
            since, until = max(began, asked.since), min(ended, asked.until)
            if since < until:
                found[model][hostnode].append(Offered(since, until, available, price))
    if selection.needs_hostnodes:
        return _narrowed(connection, selection, found, window)
    return found


def models(connection: Connection, selection: Selection) -> list[Model]:
    """Return the selected models, of all that were ever sold."""
    return sorted({model for model, _ in _sold(connection, selection).values()})


def _sold(connection: Connection, selection: Selection) -> dict[int, Sold]:
    """Return the selected offers by their keys, as far as names tell."""
    statement = (
        select(offers.c.id, marketplaces.c.name, gpus.c.name, hostnodes.c.hostnode)
        .select_from(offers)
        .join(hostnodes, hostnodes.c.id == offers.c.hostnode_id)
        .join(marketplaces, marketplaces.c.id == hostnodes.c.marketplace_id)
        .join(gpus, gpus.c.id == offers.c.gpu_id)
    )
    if selection.marketplace is not None:
        statement = statement.where(marketplaces.c.name == selection.marketplace)
    return {
        key: (Model(marketplace, gpu), hostnode)
        for key, marketplace, gpu, hostnode in connection.execute(statement)
        if selection.has_gpu(gpu) and selection.has_hostnode(hostnode)
    }


def _offer_intervals(asked: Collection[Model], window: Window) -> Select[Any]:
    intervals = offer_intervals.c
    return (
        select(
            intervals.offer_id,
            intervals.valid_from,
            _ended(offer_intervals),
            intervals.available,
            intervals.price,
        )
        .select_from(offers)
        .join(gpus, gpus.c.id == offers.c.gpu_id)
        .join(hostnodes, hostnodes.c.id == offers.c.hostnode_id)
        .join(marketplaces, marketplaces.c.id == hostnodes.c.marketplace_id)
        .join(offer_intervals, _overlaps(intervals.offer_id, offers.c.id, window))
        .where(_asked(asked))
        .order_by(intervals.offer_id, intervals.valid_from)
    )


def _narrowed(
    connection: Connection, selection: Selection, found: Mapping[Model, ByHostnode], window: Window
) -> dict[Model, ByHostnode]:
    """Return the parts of what was offered that are selected by what else is known of hostnodes."""
    names = {name for each in found.values() for name in each}
    facts = _hostnodes(connection, found, window, names)
    return {
        model: {
            name: list(sold_at(pieces, facts[model.marketplace, name], selection))
            for name, pieces in each.items()
        }
        for model, each in found.items()
    }


def _hostnodes(
    connection: Connection,
    asked: Collection[Model],
    window: Window,
    names: Collection[HostnodeId],
) -> dict[tuple[str, HostnodeId], list[Piece[HostnodeFacts]]]:
    """Return what was known of these hostnodes, and perhaps of others that sold the models."""
    places = _places(connection, {model.marketplace for model in asked})
    sellers = (
        select(offers.c.hostnode_id)
        .join(gpus, gpus.c.id == offers.c.gpu_id)
        .join(hostnodes, hostnodes.c.id == offers.c.hostnode_id)
        .join(marketplaces, marketplaces.c.id == hostnodes.c.marketplace_id)
        .where(_asked(asked))
    )
    rows = connection.execute(
        select(
            marketplaces.c.name,
            hostnodes.c.hostnode,
            _ended(hostnode_intervals),
            hostnode_intervals,
        )
        .select_from(hostnodes)
        .join(marketplaces, marketplaces.c.id == hostnodes.c.marketplace_id)
        .join(
            hostnode_intervals, _overlaps(hostnode_intervals.c.hostnode_id, hostnodes.c.id, window)
        )
        .where(hostnodes.c.id.in_(sellers), _on(names))
        .order_by(hostnodes.c.id, hostnode_intervals.c.valid_from)
    )
    found = defaultdict(list)
    for row in rows:
        facts = history.read_facts(row, places[row.location_id])
        found[row.name, row.hostnode].append(Piece(row.valid_from, row.ended, facts))
    return found


def _places(connection: Connection, names: Iterable[str]) -> dict[int, Location]:
    known = (find(connection, name) for name in names)
    return {
        key: place
        for marketplace in known
        if marketplace is not None
        for place, key in history.location_ids(connection, marketplace).items()
    }


def _asked(asked: Collection[Model]) -> ColumnElement[bool]:
    """Return the condition that spares most of what nobody asked for."""
    return and_(
        marketplaces.c.name.in_({model.marketplace for model in asked}),
        gpus.c.name.in_({model.gpu for model in asked}),
    )


def _as_cheap(
    selection: Selection, asked: Iterable[Model], up_to: Mapping[Model, NanoDollars]
) -> ColumnElement[bool]:
    """Return the condition that an offer could be had, for so much or less if a model is listed.

    A shape costs as much as its GPUs, and more.
    """
    count = 1 if selection.shape is None else selection.shape.gpu_count
    price = offer_intervals.c.price
    return and_(
        offer_intervals.c.available > 0,
        price.is_not(None),
        or_(
            false(),
            *(
                and_(
                    marketplaces.c.name == model.marketplace,
                    gpus.c.name == model.gpu,
                    price <= up_to[model] // count if model in up_to else true(),
                )
                for model in asked
            ),
        ),
    )


def _on(names: Collection[HostnodeId]) -> ColumnElement[bool]:
    """Return the condition that spares most of what is on other hostnodes, if these are few."""
    return hostnodes.c.hostnode.in_(names) if len(names) <= _FEW else true()


def _overlaps(column: Column[Any], of: Column[int], window: Window) -> ColumnElement[bool]:
    """Return the condition under which an interval of `of` reaches into a window."""
    intervals, earlier = column.table.c, column.table.alias().c
    began = (
        select(func.max(earlier.valid_from))
        .where(earlier[column.name] == of, earlier.valid_from <= window.since)
        .scalar_subquery()
    )
    return and_(
        column == of,
        intervals.valid_from < window.until,
        intervals.valid_from >= func.coalesce(began, literal(window.since, UtcDateTime())),
        or_(intervals.valid_to.is_(None), intervals.valid_to > window.since),
    )


def _ended(table: Table) -> Label[datetime]:
    """Return where an interval ends: one that is open is known until the last good poll."""
    return func.coalesce(table.c.valid_to, marketplaces.c.recorded_until).label("ended")
