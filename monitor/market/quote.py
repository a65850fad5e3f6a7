"""The price per hour of a shape on an offer, all parts.

`gpus × price_per_hr + vcpu_count × per_vcpu_hr + ram_gb × per_gb_ram_hr + storage_gb ×
per_gb_storage_hr`; checked against a recorded bill of 0.272999 $/h.
"""

from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
from monitor.market.value import value


@value
class Shape:
    """What one instance is made of: GPUs, virtual CPUs, gigabytes of RAM and of disk."""

    gpu_count: int = 1
    vcpu_count: int = 0
    ram_gb: int = 0
    storage_gb: int = 0


def quote(offer: Offer, shape: Shape) -> NanoDollars | None:
    """Return the nano-dollars per hour of `shape` on `offer`, or `None` if a part has no price.

    A part of which the shape has none needs no price.
    """
    prices = offer.hostnode.prices
    parts = (
        (shape.gpu_count, offer.price),
        (shape.vcpu_count, prices.per_vcpu),
        (shape.ram_gb, prices.per_gb_ram),
        (shape.storage_gb, prices.per_gb_storage),
    )
    total = 0
    for count, price in parts:
        if count and price is None:
            return None
        total += count * (price or 0)
    return NanoDollars(total)


def lacks(offer: Offer, shape: Shape) -> str | None:
    """Return what `offer`'s hostnode lacks to carry `shape`, or `None` if it can.

    What the marketplace did not tell counts as lacking: nothing is promised on a guess.
    """
    free = offer.hostnode.resources
    parts = (
        ("GPUs", shape.gpu_count, offer.available),
        ("vCPUs", shape.vcpu_count, free.vcpu_count),
        ("GB of RAM", shape.ram_gb, free.ram_gb),
        ("GB of disk", shape.storage_gb, free.storage_gb),
    )
    for name, wanted, has in parts:
        if wanted and has is None:
            return f"{name} free not told, wanted {wanted}"
        if wanted > (has or 0):
            return f"{has} {name} free, wanted {wanted}"
    return None
