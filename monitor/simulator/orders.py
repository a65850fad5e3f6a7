"""The body of `POST /instances`: read, and checked against the rules that were seen.

A body that breaks a rule is answered 400 with a list of complaints, each with its path.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

STORAGE_GB_MIN = 100


class Forward(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One forwarded port; the external one is a wish."""

    internal_port: int
    external_port: int | None = None


class GpuCount(msgspec.Struct, frozen=True):
    """How many GPUs of one model."""

    count: int


class OrderedResources(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance is to be made of."""

    vcpu_count: int
    ram_gb: int
    storage_gb: int
    gpus: dict[str, GpuCount]


class CloudInit(msgspec.Struct, frozen=True, kw_only=True):
    """What the new machine does first; checked for its types, otherwise ignored."""

    runcmd: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    package_update: bool = False
    package_upgrade: bool = False
    write_files: tuple[dict[str, str], ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of an instance to create."""

    name: str
    type: str
    image: str
    hostnode_id: str
    resources: OrderedResources
    port_forwards: tuple[Forward, ...] = ()
    ssh_key_id: str | None = None
    ssh_key: str | None = None
    cloud_init: CloudInit | None = None


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a body, and where."""

    code: str
    message: str
    path: tuple[str | int, ...]


class _Data(msgspec.Struct):
    type: str
    attributes: Order


class _Body(msgspec.Struct):
    data: _Data


@dataclass(frozen=True, slots=True)
class _Rule:
    broken: Callable[[Order], bool]
    message: str
    path: tuple[str, ...]


_RULES = (
    _Rule(lambda order: not order.name, "Name must not be empty", ("name",)),
    _Rule(lambda order: order.type != "virtualmachine", "Type must be virtualmachine", ("type",)),
    _Rule(
        lambda order: (
            order.image.startswith("ubuntu")
            and all(forward.internal_port != 22 for forward in order.port_forwards)  # noqa: PLR2004 - SSH's port
        ),
        "SSH port (22) must be forwarded for Ubuntu VMs",
        ("port_forwards",),
    ),
    _Rule(
        lambda order: (order.ssh_key_id is None) == (order.ssh_key is None),
        "Exactly one of ssh_key_id and ssh_key must be given",
        ("ssh_key_id",),
    ),
    _Rule(
        lambda order: order.resources.vcpu_count < 1 or order.resources.vcpu_count % 2 == 1,
        "vCPU count must be even",
        ("resources", "vcpu_count"),
    ),
    _Rule(
        lambda order: order.resources.ram_gb < 1,
        "RAM must be at least 1 GB",
        ("resources", "ram_gb"),
    ),
    _Rule(
        lambda order: order.resources.storage_gb < STORAGE_GB_MIN,
        f"Storage must be at least {STORAGE_GB_MIN} GB",
        ("resources", "storage_gb"),
    ),
    _Rule(
        lambda order: any(gpu.count < 1 for gpu in order.resources.gpus.values()),
        "GPU count must be at least 1",
        ("resources", "gpus"),
    ),
)

_decoder = msgspec.json.Decoder(_Body)


def read_order(body: bytes) -> Order | tuple[Complaint, ...]:
    """Return the order in `body`, or everything that is wrong with it.

    A wrong type hides what else is wrong, as there is then no order to check.
    """
    try:
        decoded = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        return (_wrong_type(str(error)),)
    order = decoded.data.attributes
    complaints = tuple(
        Complaint(code="custom", message=rule.message, path=("data", "attributes", *rule.path))
        for rule in _RULES
        if rule.broken(order)
    )
    return complaints or order


def _wrong_type(message: str) -> Complaint:
    what, _, where = message.partition(" - at `$")
    path = tuple(
        int(part) if part.isdecimal() else part for part in re.findall(r"[^.\[\]`]+", where)
    )
    return Complaint(code="invalid_type", message=what, path=path)
