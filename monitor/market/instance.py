"""An instance: what is asked for, what came of the asking, and what the marketplace lists."""

from dataclasses import field
from datetime import timedelta
from enum import StrEnum
from typing import NewType

from monitor.market.hostnode import HostnodeId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.market.quote import Shape
from monitor.market.value import value

InstanceId = NewType("InstanceId", str)


@value
class Forward:
    """A port of the instance and the port of the hostnode by which it is reached."""

    internal_port: int
    external_port: int


@value
class WriteFile:
    """A file that cloud-init writes at the first boot; `None` leaves a key out."""

    path: str
    content: str
    owner: str | None = None
    permissions: str | None = None
    encoding: str | None = None
    append: bool | None = None


@value
class CloudInit:
    """The part of cloud-init that the marketplace takes."""

    package_update: bool = False
    package_upgrade: bool = False
    packages: tuple[str, ...] = ()
    runcmd: tuple[str, ...] = ()
    write_files: tuple[WriteFile, ...] = ()


@value
class Order:
    """All that a request to create one instance says. `name` is unique: it finds it again.

    Exactly one of `ssh_key_id` and `ssh_key` is given. What a user may hold secret is not shown.
    """

    name: str
    image: str
    hostnode: HostnodeId
    gpu: GpuModel
    shape: Shape
    forwards: tuple[Forward, ...]
    ssh_key_id: str | None = None
    ssh_key: str | None = field(default=None, repr=False)
    cloud_init: CloudInit | None = field(default=None, repr=False)


@value
class Created:
    """It was made: the answer had a non-empty id, which is the only sign of success."""

    instance_id: InstanceId


class NotCreatedReason(StrEnum):
    """Why a marketplace made nothing."""

    HOSTNODE = "hostnode"
    """This hostnode cannot carry it; another one may."""
    FUNDS = "funds"
    """The balance is too low: no hostnode will do."""
    ACCESS = "access"
    """The token is refused (401, 403)."""
    REQUEST = "request"
    """The request itself is objected to: the preset is wrong."""
    THROTTLED = "throttled"
    """Too many requests (429)."""
    UNREACHABLE = "unreachable"
    """No connection came about, so nothing was sent."""


@value
class NotCreated:
    """It was definitely not made. `detail` is the marketplace's own words, without a secret."""

    reason: NotCreatedReason
    detail: str
    retry_after: timedelta | None = None


@value
class Unclear:
    """It may have been made, or may yet be: a time-out, a lost connection, a 5xx, no readable 200.

    To send it again could buy twice; the list of instances tells, by the name.
    """

    detail: str


CreateOutcome = Created | NotCreated | Unclear


class InstanceStatus(StrEnum):
    """What an instance does, however the marketplace spells it."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    """Stopping, stopped or dissociated: it does not work, and may still be billed."""
    DELETING = "deleting"
    DELETED = "deleted"
    FAILED = "failed"
    UNTOLD = "untold"
    """A word that is not known, or none."""


@value
class Instance:
    """An instance as the marketplace shows it, in a list or alone.

    `name` is empty where none was told that can be read: then it may be anybody's.
    `rate` is nano-dollars per hour as billed; `None` is "not told", which a 0 means too. `address`
    and `forwards` are where it is reached, as far as told.
    """

    id: InstanceId
    name: str
    status: InstanceStatus
    rate: NanoDollars | None = None
    address: str | None = None
    forwards: tuple[Forward, ...] = ()
