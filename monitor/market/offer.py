"""An offer: one GPU model on one hostnode, at a price and a count."""

from typing import NewType

from monitor.market.hostnode import Hostnode
from monitor.market.money import NanoDollars
from monitor.market.value import value

GpuModel = NewType("GpuModel", str)


@value
class Offer:
    """`available` GPUs of one model on one hostnode.

    `price` is nano-dollars per GPU and hour without CPU, RAM and disk; `None` is *unpriced*: the
    marketplace gave no price that can be one (missing, zero, negative, not a number). An unpriced
    offer is never free and meets no condition on its price.
    """

    hostnode: Hostnode
    gpu: GpuModel
    available: int
    price: NanoDollars | None
