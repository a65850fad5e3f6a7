"""What a hostnode has left, and what an order on it costs. Pure.

What a recorded hostnode does not tell is taken as plenty, and as free of charge.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

import msgspec

from monitor.market.money import NanoDollars, nano
from monitor.simulator.generate import FIRST_PORT
from monitor.simulator.instances import Instance
from monitor.simulator.orders import Forward, Order, OrderedResources
from monitor.simulator.rows import GpuRow, HostnodeRow, Number, PricingRow
from monitor.simulator.terms import Ports

NO_NODES = "No available nodes found"
UNAVAILABLE = "Hostnode unavailable"


@dataclass(slots=True)
class Taken:
    """What instances hold of one hostnode."""

    gpus: Counter[str] = field(default_factory=Counter)
    vcpu_count: int = 0
    ram_gb: int = 0
    storage_gb: int = 0
    ports: set[int] = field(default_factory=set)

    def add(self, instance: Instance) -> None:
        """Add what `instance` holds."""
        resources = instance.resources
        self.gpus.update({gpu: wanted.count for gpu, wanted in resources.gpus.items()})
        self.vcpu_count += resources.vcpu_count
        self.ram_gb += resources.ram_gb
        self.storage_gb += resources.storage_gb
        self.ports.update(forward.external_port or 0 for forward in instance.port_forwards)


def taken(instances: Iterable[Instance]) -> dict[str, Taken]:
    """Return what living instances hold, by hostnode."""
    held: dict[str, Taken] = {}
    for instance in instances:
        if instance.living:
            held.setdefault(instance.hostnode_id, Taken()).add(instance)
    return held


def left(row: HostnodeRow, held: Taken | None) -> HostnodeRow:
    """Return `row` without what is held of it; nothing falls below 0."""
    if held is None:
        return row
    free = row.available_resources
    gpus = (
        msgspec.structs.replace(gpu, available=_minus(gpu.available, held.gpus[gpu.gpu]))
        for gpu in row.gpus
    )
    ports = free.available_ports
    return row.with_resources(
        msgspec.structs.replace(
            free,
            gpus=(*gpus,),
            vcpu_count=_minus(free.vcpu_count, held.vcpu_count),
            ram_gb=_minus(free.ram_gb, held.ram_gb),
            storage_gb=_minus(free.storage_gb, held.storage_gb),
            available_ports=ports and tuple(port for port in ports if port not in held.ports),
        )
    )


def reoffered(
    row: HostnodeRow,
    offers: Iterable[GpuRow],
    price: float | None,
    count: int | None,
    held: Taken | None,
) -> HostnodeRow:
    """Return `row` with `offers` at another price and with `count` left beside what is held."""
    changed = set(offers)
    return row.with_gpus(
        msgspec.structs.replace(
            offer,
            price=offer.price if price is None else price,
            available=offer.available
            if count is None
            else count + (held.gpus[offer.gpu] if held else 0),
        )
        if offer in changed
        else offer
        for offer in row.gpus
    )


def lacks(row: HostnodeRow, wanted: OrderedResources) -> bool:
    """Return whether `row` cannot carry `wanted`."""
    free = row.available_resources
    pairs = (
        (wanted.vcpu_count, free.vcpu_count),
        (wanted.ram_gb, free.ram_gb),
        (wanted.storage_gb, free.storage_gb),
        *((amount.count, _sold(row, name)) for name, amount in wanted.gpus.items()),
    )
    return any(has is not None and needs > has for needs, has in pairs)


def rate(row: HostnodeRow, order: Order) -> NanoDollars:
    """Return the price per hour of `order` on `row`, all parts."""
    parts = row.pricing or PricingRow()
    wanted = order.resources
    prices = {gpu.gpu: gpu.price for gpu in row.gpus}
    total = (
        wanted.vcpu_count * nano(parts.per_vcpu_hr or 0)
        + wanted.ram_gb * nano(parts.per_gb_ram_hr or 0)
        + wanted.storage_gb * nano(parts.per_gb_storage_hr or 0)
        + sum(gpu.count * nano(prices[name] or 0) for name, gpu in wanted.gpus.items())
    )
    return NanoDollars(total)


def assign(row: HostnodeRow, order: Order, ports: Ports) -> tuple[Forward, ...] | None:
    """Return the forwards an instance gets, or `None` if too few ports are free.

    A wished port that is not free is replaced by the next free one. A hostnode whose ports are not
    told has every port from 20000.
    """
    if ports is Ports.IGNORED:
        return ()
    told = row.available_resources.available_ports
    wished = [forward.external_port for forward in order.port_forwards]
    keep = set() if ports is Ports.REASSIGNED else _free_wishes(wished, told)
    spare = (port for port in (told or count(FIRST_PORT)) if port not in wished)
    forwards = []
    for forward in order.port_forwards:
        port = forward.external_port if forward.external_port in keep else next(spare, None)
        if port is None:
            return None
        keep.discard(port)
        forwards.append(Forward(internal_port=forward.internal_port, external_port=port))
    return tuple(forwards)


def _free_wishes(wished: Iterable[int | None], told: tuple[int, ...] | None) -> set[int]:
    return {port for port in wished if port is not None and (told is None or port in told)}


def _sold(row: HostnodeRow, name: str) -> int | None:
    """Return how many GPUs of the model can be had: 0 if it is not offered or has no price."""
    for gpu in row.gpus:
        if gpu.gpu == name and gpu.price:
            return gpu.available
    return 0


def _minus(has: Number | None, held: int) -> Number | None:
    return None if has is None else max(0, has - held)
