"""Hostnodes of an answer, one by one, as values; what cannot be used of them, as issues.

A bad field costs itself, a bad GPU its offer, a bad hostnode its row; each costs one issue.
"""

import sys
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

import msgspec

from monitor.market.hostnode import (
    ComponentPrices,
    Hostnode,
    HostnodeId,
    Location,
    LocationId,
    Resources,
)
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Issue, IssueReason
from monitor.marketplaces.tensordock import excerpt, fields, wire
from monitor.marketplaces.tensordock.fields import Flaw

MOST_ISSUES = 1000
"""Issues of one answer that are kept; the others are only counted, so that memory is bounded."""

_REMEMBERED = 2048
"""Places, models and prices of parts that are read once: most are told again and again."""

_EARLIER = 2048
"""Rows that are remembered beside those of the last answer."""

_LONGEST = 8_192
"""Bytes that are remembered of one, or of a part of it."""

_GPUS = ".available_resources.gpus"
_NOTHING_TOLD = wire.Resources()

_row_decoder = msgspec.json.Decoder(wire.Hostnode | wire.NotAnObject)
_location_decoder = msgspec.json.Decoder(wire.Location | wire.NotAnObject)
_pricing_decoder = msgspec.json.Decoder(wire.Pricing | wire.NotAnObject)


class Row(msgspec.Struct, gc=False):
    """One hostnode of an answer as it was read: `hostnode` is `None` if there is no use of it.

    `silent` is one that does not say in a usable way what it offers (an empty list of GPUs says
    it: nothing). Flaws stand at places below the row, so that it may stand anywhere in the answer.
    """

    hostnode: Hostnode | None
    offers: Sequence[Offer]
    flaws: Sequence[Flaw]
    silent: bool = False


class Reader:
    """Reads the rows of one answer after the other; a row told again word for word is read once.

    Remembered are the last answer, and the rows that were new in those before: what is free goes
    and comes again. The same bytes give the same `Row`, so that who compares two snapshots meets
    the same objects where nothing changed.
    """

    def __init__(self) -> None:
        self._told: Sequence[msgspec.Raw] = ()
        self._rows: list[Row] = []
        self._places: dict[HostnodeId, int] = {}
        self._earlier: dict[bytes, Row] = {}

    def read(self, told: Sequence[msgspec.Raw]) -> list[Row]:
        """Return each row, in order.

        Raises:
            msgspec.DecodeError, UnicodeError: a row is no JSON; nothing of this answer is kept.
        """
        rows: list[Row] = []
        places: dict[HostnodeId, int] = {}
        before, most = self._told, len(self._told)
        place = 0  # of the row before that comes next, if the order is as it was
        for words in told:
            if place < most and words == before[place]:
                row = self._rows[place]
            else:
                row, place = self._read(words, place)
            place += 1
            if row.hostnode is not None:
                places[row.hostnode.id] = len(rows)
            rows.append(row)
        self._told, self._rows, self._places = told, rows, places
        return rows

    def _read(self, words: msgspec.Raw, place: int) -> tuple[Row, int]:
        """Return a row that does not stand where it did, and where it stood, `place` if nowhere."""
        known = self._earlier.get(bytes(words)) if self._earlier else None
        if known is not None:
            node = known.hostnode
            return known, place if node is None else self._places.get(node.id, place)
        told = _row_decoder.decode(words)
        if type(told) is wire.Hostnode and type(told.id) is str:
            stood = self._places.get(HostnodeId(told.id))
            if stood is not None:
                if words == self._told[stood]:
                    return self._rows[stood], stood
                place = stood
        row = read_row(told)
        if self._told and len(words) <= _LONGEST:
            self._earlier[bytes(words)] = row
            if len(self._earlier) > _EARLIER:
                del self._earlier[next(iter(self._earlier))]
        return row, place


class Rows:
    """The hostnodes and offers of an answer, and the issues met on the way.

    `silent` counts the rows that are, or of which there is no use. `where` is the path of a
    hostnode in the answer; its `{}` becomes the index.
    """

    def __init__(self, rows: Iterable[Row], where: str) -> None:
        self.hostnodes: list[Hostnode] = []
        self.offers: list[Offer] = []
        self.issues: list[Issue] = []
        self.issues_left_out: dict[IssueReason, int] = {}
        self.silent = 0
        ids: set[HostnodeId] = set()
        for index, row in enumerate(rows):
            hostnode, flaws = row.hostnode, row.flaws
            if hostnode is None:
                self.silent += 1
            elif hostnode.id in ids:
                flaws = (Flaw(IssueReason.DUPLICATE, ".id", "an id not seen yet", hostnode.id),)
            else:
                ids.add(hostnode.id)
                self.hostnodes.append(hostnode)
                self.offers += row.offers
                self.silent += row.silent
            if flaws:
                self._report(flaws, where.format(index))

    def _report(self, flaws: Iterable[Flaw], path: str) -> None:
        """Turn the flaws of the hostnode at `path` into issues."""
        for flaw in flaws:
            if len(self.issues) < MOST_ISSUES:
                self.issues.append(_issue(flaw, path))
            else:
                left_out = self.issues_left_out.get(flaw.reason, 0)
                self.issues_left_out[flaw.reason] = left_out + 1


def read_row(row: wire.Hostnode | wire.NotAnObject) -> Row:
    """Return one element of a list of hostnodes, or one hostnode that was asked for, as values."""
    if type(row) is not wire.Hostnode:
        return Row(None, (), (Flaw(IssueReason.HOSTNODE_SHAPE, "", "an object", row),))
    if not fields.is_text(row.id):
        flaw = Flaw(IssueReason.HOSTNODE_SHAPE, ".id", fields.A_TEXT, row.id)
        return Row(None, (), (flaw,))
    flaws: list[Flaw] = []
    free = row.available_resources
    if type(free) is not wire.Resources:
        _want_object(free, ".available_resources", flaws)
        free = _NOTHING_TOLD
    hostnode = _hostnode(row, free, flaws)
    offers: list[Offer] = []
    if type(free.gpus) is list:
        _read_offers(hostnode, free.gpus, offers, flaws)
    elif free is not _NOTHING_TOLD:
        flaws.append(Flaw(IssueReason.OFFER_SHAPE, _GPUS, "an array", free.gpus))
    return Row(hostnode, offers, flaws, not offers and free.gpus != [])


def _hostnode(row: wire.Hostnode, free: wire.Resources, flaws: list[Flaw]) -> Hostnode:
    place, where, pricing = bytes(row.location_id), bytes(row.location), bytes(row.pricing)
    is_long = len(place) + len(where) > _LONGEST
    location, its_flaws = (_location.__wrapped__ if is_long else _location)(place, where)
    is_long = len(pricing) > _LONGEST
    prices, their_flaws = (_component_prices.__wrapped__ if is_long else _component_prices)(pricing)
    hostnode = Hostnode(
        id=row.id,
        location=location,
        resources=Resources(
            vcpu_count=fields.count(free.vcpu_count, ".available_resources.vcpu_count", flaws),
            ram_gb=fields.gigabytes(free.ram_gb, ".available_resources.ram_gb", flaws),
            storage_gb=fields.gigabytes(free.storage_gb, ".available_resources.storage_gb", flaws),
        ),
        prices=prices,
        engine=fields.text(row.engine, ".engine", flaws),
        uptime=fields.percentage(row.uptime_percentage, ".uptime_percentage", flaws),
        ports=fields.ports(free.available_ports, ".available_resources.available_ports", flaws),
    )
    flaws += its_flaws
    flaws += their_flaws
    return hostnode


def _read_offers(
    hostnode: Hostnode,
    gpus: list[wire.Gpu | wire.NotAnObject],
    offers: list[Offer],
    flaws: list[Flaw],
) -> None:
    for index, gpu in enumerate(gpus):
        offer, flaw = _offer(hostnode, gpu, offers)
        if offer is not None:
            offers.append(offer)
        if flaw is not None:
            flaws.append(flaw._replace(where=f"{_GPUS}[{index}]{flaw.where}"))


def _issue(flaw: Flaw, path: str) -> Issue:
    return Issue(
        reason=flaw.reason,
        path=f"{path}{flaw.where}",
        detail=f"wanted {flaw.wanted}, found {excerpt.of_value(flaw.found)}",
    )


def _offer(
    hostnode: Hostnode, gpu: wire.Gpu | wire.NotAnObject, others: Collection[Offer]
) -> tuple[Offer | None, Flaw | None]:
    """Read one GPU of a hostnode whose `others` were read; an unpriced offer has a flaw."""
    if type(gpu) is not wire.Gpu:
        return None, Flaw(IssueReason.OFFER_SHAPE, "", "an object", gpu)
    name, count = gpu.v0_name, gpu.available_count
    model = _model(name) if type(name) is str and len(name) <= fields.LONGEST_TEXT else None
    if model is None:
        return None, Flaw(IssueReason.OFFER_SHAPE, ".v0Name", fields.A_TEXT, name)
    if not fields.is_count(count):
        return None, Flaw(IssueReason.OFFER_SHAPE, ".availableCount", fields.A_COUNT, count)
    if others and any(model == other.gpu for other in others):
        return None, Flaw(IssueReason.DUPLICATE, ".v0Name", "a GPU not seen yet", name)
    price = fields.price(gpu.price_per_hr)
    offer = Offer(hostnode=hostnode, gpu=model, available=int(count), price=price)
    if price is not None:
        return offer, None
    return offer, Flaw(IssueReason.UNPRICED, ".price_per_hr", fields.A_PRICE, gpu.price_per_hr)


@lru_cache(maxsize=_REMEMBERED)
def _model(name: str) -> GpuModel | None:
    """Return the one text that all offers of a model share, here and in the snapshots before."""
    return GpuModel(sys.intern(name)) if fields.is_text(name) else None


@lru_cache(maxsize=_REMEMBERED)
def _location(location_id: bytes, location: bytes) -> tuple[Location, tuple[Flaw, ...]]:
    flaws: list[Flaw] = []
    row = _location_decoder.decode(location)
    if type(row) is not wire.Location:
        _want_object(row, ".location", flaws)
        row = wire.Location()
    uuid = fields.text(row.uuid, ".location.uuid", flaws)
    place = fields.text(msgspec.json.decode(location_id), ".location_id", flaws) or uuid
    upload = row.network_speed_upload_gbps
    storage = row.has_network_storage
    where = Location(
        id=None if place is None else LocationId(place),
        city=fields.text(row.city, ".location.city", flaws),
        state=fields.text(row.stateprovince, ".location.stateprovince", flaws),
        country=fields.text(row.country, ".location.country", flaws),
        organization_id=fields.text(row.organization, ".location.organization", flaws),
        organization=fields.text(row.organization_name, ".location.organizationName", flaws),
        tier=fields.count(row.tier, ".location.tier", flaws),
        network_gbps=fields.gbps(row.network_speed_gbps, ".location.network_speed_gbps", flaws),
        network_upload_gbps=fields.gbps(upload, ".location.network_speed_upload_gbps", flaws),
        network_storage=fields.flag(storage, ".location.has_network_storage", flaws),
    )
    return where, tuple(flaws)


@lru_cache(maxsize=_REMEMBERED)
def _component_prices(pricing: bytes) -> tuple[ComponentPrices, tuple[Flaw, ...]]:
    flaws: list[Flaw] = []
    row = _pricing_decoder.decode(pricing)
    if type(row) is not wire.Pricing:
        _want_object(row, ".pricing", flaws)
        row = wire.Pricing()
    storage = row.per_gb_storage_hr
    prices = ComponentPrices(
        per_vcpu=fields.part_price(row.per_vcpu_hr, ".pricing.per_vcpu_hr", flaws),
        per_gb_ram=fields.part_price(row.per_gb_ram_hr, ".pricing.per_gb_ram_hr", flaws),
        per_gb_storage=fields.part_price(storage, ".pricing.per_gb_storage_hr", flaws),
    )
    return prices, tuple(flaws)


def _want_object(found: object, where: str, flaws: list[Flaw]) -> None:
    """Note that `found` is no object; null is "not told" and nothing to note."""
    if found is not None:
        flaws.append(Flaw(IssueReason.FIELD, where, "an object", found))
