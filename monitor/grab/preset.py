"""A preset: an instance as it is to be bought, on whatever hostnode; and the order it makes."""

from dataclasses import dataclass, field

from monitor.market.hostnode import Hostnode
from monitor.market.instance import CloudInit, Forward, Order
from monitor.market.offer import GpuModel
from monitor.market.quote import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is bought; `ports` are the internal ports to forward, in the order they were given.

    Exactly one of `ssh_key_id` and `ssh_key` is given. What a user may hold secret is not shown.
    """

    name: str
    image: str
    shape: Shape
    ports: tuple[int, ...]
    ssh_key_id: str | None = None
    ssh_key: str | None = field(default=None, repr=False)
    cloud_init: CloudInit | None = field(default=None, repr=False)


def order(preset: Preset, *, name: str, hostnode: Hostnode, gpu: GpuModel) -> Order | str:
    """Return what to ask for on `hostnode`, or why nothing can be asked for, in a few words.

    `name` becomes the instance's. The external ports are the lowest that the hostnode has free,
    in the order of the preset's: the same look always makes the same order.
    """
    forwards = _forwards(preset.ports, hostnode.ports)
    if isinstance(forwards, str):
        return forwards
    return Order(
        name=name,
        image=preset.image,
        hostnode=hostnode.id,
        gpu=gpu,
        shape=preset.shape,
        forwards=forwards,
        ssh_key_id=preset.ssh_key_id,
        ssh_key=preset.ssh_key,
        cloud_init=preset.cloud_init,
    )


def _forwards(wanted: tuple[int, ...], free: tuple[int, ...] | None) -> tuple[Forward, ...] | str:
    if not wanted:
        return ()
    if free is None:
        return f"ports free not told, wanted {len(wanted)}"
    external = sorted(set(free))
    if len(external) < len(wanted):
        return f"{len(external)} ports free, wanted {len(wanted)}"
    pairs = zip(wanted, external, strict=False)
    return tuple(Forward(internal_port=inner, external_port=outer) for inner, outer in pairs)
