"""Instances: what was created, what it costs, and how each answer shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from monitor.market.money import NanoDollars, dollars
from monitor.simulator.orders import Forward, OrderedResources

TYPE = "virtualmachine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One created machine; `rate` is nano-dollars per hour, billed until it is deleted."""

    id: str
    name: str
    hostnode_id: str
    image: str
    resources: OrderedResources
    port_forwards: tuple[Forward, ...]
    ip_address: str
    rate: NanoDollars
    created_at: datetime
    runs_at: datetime
    deleted_at: datetime | None = None
    listed_until: datetime | None = None

    @property
    def living(self) -> bool:
        """Whether it holds resources and is billed."""
        return self.deleted_at is None

    def listed(self, now: datetime) -> bool:
        """Whether it is still shown."""
        return self.listed_until is None or now < self.listed_until

    def status(self, now: datetime) -> str:
        """Return `creating`, `running` or, if it lingers, `deleting`."""
        if not self.living:
            return "deleting"
        return "creating" if now < self.runs_at else "running"

    def spent(self, now: datetime) -> NanoDollars:
        """Return what was billed for it until `now`, to the nano-dollar."""
        lasted = (self.deleted_at or now) - self.created_at
        # In whole microseconds: a rate times a duration is more than a timedelta can hold.
        ticks, hour = lasted // timedelta.resolution, timedelta(hours=1) // timedelta.resolution
        return NanoDollars(self.rate * ticks // hour)


class Attributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instance's fields, as a list shows them and, with `rateHourly`, as it is shown alone."""

    name: str
    status: str
    ipAddress: str  # noqa: N815 - the wire's own name
    portForwards: tuple[Forward, ...]  # noqa: N815 - likewise
    resources: OrderedResources
    rateHourly: float | None = None  # noqa: N815 - likewise


def attributes(instance: Instance, now: datetime, *, rate: bool = False) -> Attributes:
    """Return `instance` as the wire shows it at `now`."""
    return Attributes(
        name=instance.name,
        status=instance.status(now),
        ipAddress=instance.ip_address,
        portForwards=instance.port_forwards,
        resources=instance.resources,
        rateHourly=dollars(instance.rate) if rate else None,
    )


def created(instance: Instance, now: datetime) -> bytes:
    """Return the answer to the create that made `instance`."""
    shown = {
        "type": TYPE,
        "id": instance.id,
        "name": instance.name,
        "status": instance.status(now),
    }
    return msgspec.json.encode({"data": shown})


def alone(instance: Instance, now: datetime) -> bytes:
    """Return the answer to `GET /instances/{id}`, which is not wrapped."""
    shown = msgspec.to_builtins(attributes(instance, now, rate=True))
    return msgspec.json.encode({"type": TYPE, "id": instance.id, **shown})


def listed(instances: Iterable[Instance], now: datetime) -> bytes:
    """Return the list in the first of its three shapes, `data.attributes.instances[]`.

    `shapes` makes the other two of it.
    """
    rows = [
        {"type": TYPE, "id": instance.id, "attributes": attributes(instance, now)}
        for instance in instances
    ]
    return msgspec.json.encode({"data": {"type": "instances", "attributes": {"instances": rows}}})
