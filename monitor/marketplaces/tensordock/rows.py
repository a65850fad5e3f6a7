"""Hostnodes of an answer, one by one, as values; what cannot be used of them, as issues.

A bad field costs itself, a bad GPU its offer, a bad hostnode its row; each costs one issue.
"""

import sys
from collections import Counter
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
"""Places and prices of parts that are read once, for the next answer tells most of them again."""

_GPUS = ".available_resources.gpus"
_NOTHING_TOLD = wire.Resources()

_location_decoder = msgspec.json.Decoder(wire.Location | wire.NotAnObject)
_pricing_decoder = msgspec.json.Decoder(wire.Pricing | wire.NotAnObject)


class Rows:
    """The hostnodes and offers read so far, and the issues met on the way.

    `silent` counts the rows that do not say in a usable way what they offer (an empty list of GPUs
    says it: nothing). Places and part prices that are told again word for word are read once.
    """

    def __init__(self, where: str) -> None:
        """`where` is the path of a hostnode in the answer; its `{}` becomes the index."""
        self.hostnodes: list[Hostnode] = []
        self.offers: list[Offer] = []
        self.issues: list[Issue] = []
        self.issues_left_out: Counter[IssueReason] = Counter()
        self.silent = 0
        self._where = where
        self._flaws: list[Flaw] = []
        self._ids: set[str] = set()

    def add(self, row: wire.Hostnode | wire.NotAnObject, index: int = 0) -> None:
        """Read the hostnode that stands at `index` of the answer."""
        if type(row) is not wire.Hostnode:
            self.silent += 1
            self._flaws.append(Flaw(IssueReason.HOSTNODE_SHAPE, "", "an object", row))
        elif not fields.is_text(row.id):
            self.silent += 1
            self._flaws.append(Flaw(IssueReason.HOSTNODE_SHAPE, ".id", fields.A_TEXT, row.id))
        elif row.id in self._ids:
            self._flaws.append(Flaw(IssueReason.DUPLICATE, ".id", "an id not seen yet", row.id))
        else:
            self._ids.add(row.id)
            self._add_hostnode(row)
        if self._flaws:
            self._report(self._where.format(index))

    def _add_hostnode(self, row: wire.Hostnode) -> None:
        free = row.available_resources
        if type(free) is not wire.Resources:
            _want_object(free, ".available_resources", self._flaws)
            free = _NOTHING_TOLD
        hostnode = self._hostnode(row, free)
        self.hostnodes.append(hostnode)
        if type(free.gpus) is list:
            self._add_offers(hostnode, free.gpus)
            return
        self.silent += 1
        if free is not _NOTHING_TOLD:
            self._flaws.append(Flaw(IssueReason.OFFER_SHAPE, _GPUS, "an array", free.gpus))

    def _hostnode(self, row: wire.Hostnode, free: wire.Resources) -> Hostnode:
        flaws = self._flaws
        return Hostnode(
            id=HostnodeId(row.id),
            location=self._location(row),
            resources=Resources(
                vcpu_count=fields.count(free.vcpu_count, ".available_resources.vcpu_count", flaws),
                ram_gb=fields.gigabytes(free.ram_gb, ".available_resources.ram_gb", flaws),
                storage_gb=fields.gigabytes(
                    free.storage_gb, ".available_resources.storage_gb", flaws
                ),
            ),
            prices=self._component_prices(row),
            engine=fields.text(row.engine, ".engine", flaws),
            uptime=fields.percentage(row.uptime_percentage, ".uptime_percentage", flaws),
            ports=fields.ports(free.available_ports, ".available_resources.available_ports", flaws),
        )

    def _location(self, row: wire.Hostnode) -> Location:
        location, flaws = _location(bytes(row.location_id), bytes(row.location))
        if flaws:
            self._flaws += flaws
        return location

    def _component_prices(self, row: wire.Hostnode) -> ComponentPrices:
        prices, flaws = _component_prices(bytes(row.pricing))
        if flaws:
            self._flaws += flaws
        return prices

    def _add_offers(self, hostnode: Hostnode, gpus: list[wire.Gpu | wire.NotAnObject]) -> None:
        models: list[GpuModel] = []
        for index, gpu in enumerate(gpus):
            offer, flaw = _offer(hostnode, gpu, models)
            if offer is not None:
                models.append(offer.gpu)
                self.offers.append(offer)
            if flaw is not None:
                self._flaws.append(flaw._replace(where=f"{_GPUS}[{index}]{flaw.where}"))
        if gpus and not models:
            self.silent += 1

    def _report(self, path: str) -> None:
        """Turn the flaws of the hostnode at `path` into issues."""
        for flaw in self._flaws:
            if len(self.issues) < MOST_ISSUES:
                self.issues.append(_issue(flaw, path))
            else:
                self.issues_left_out[flaw.reason] += 1
        self._flaws.clear()


def _issue(flaw: Flaw, path: str) -> Issue:
    return Issue(
        reason=flaw.reason,
        path=f"{path}{flaw.where}",
        detail=f"wanted {flaw.wanted}, found {excerpt.of_value(flaw.found)}",
    )


def _offer(
    hostnode: Hostnode, gpu: wire.Gpu | wire.NotAnObject, models: list[GpuModel]
) -> tuple[Offer | None, Flaw | None]:
    """Read one GPU of a hostnode whose other `models` were read; an unpriced offer has a flaw."""
    if type(gpu) is not wire.Gpu:
        return None, Flaw(IssueReason.OFFER_SHAPE, "", "an object", gpu)
    name, count = gpu.v0_name, gpu.available_count
    if not fields.is_text(name):
        return None, Flaw(IssueReason.OFFER_SHAPE, ".v0Name", fields.A_TEXT, name)
    if not fields.is_count(count):
        return None, Flaw(IssueReason.OFFER_SHAPE, ".availableCount", fields.A_COUNT, count)
    if name in models:
        return None, Flaw(IssueReason.DUPLICATE, ".v0Name", "a GPU not seen yet", name)
    # Interned: there are few models and many offers, here and in the snapshots before and after.
    model = GpuModel(sys.intern(name))
    price = fields.price(gpu.price_per_hr)
    offer = Offer(hostnode=hostnode, gpu=model, available=int(count), price=price)
    if price is not None:
        return offer, None
    return offer, Flaw(IssueReason.UNPRICED, ".price_per_hr", fields.A_PRICE, gpu.price_per_hr)


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
