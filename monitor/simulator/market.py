"""The simulated market: hostnodes with what they have left, and the instances made on them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from random import Random
from threading import RLock

import msgspec

from monitor.market.money import NanoDollars
from monitor.simulator.generate import unique_id
from monitor.simulator.instances import Instance
from monitor.simulator.orders import Order
from monitor.simulator.rows import HostnodeRow
from monitor.simulator.stock import (
    NO_NODES,
    UNAVAILABLE,
    Taken,
    assign,
    lacks,
    left,
    rate,
    reoffered,
    taken,
)
from monitor.simulator.terms import USUAL, Terms


@dataclass(frozen=True, slots=True)
class Machine:
    """A hostnode of the market; a recorded one is shown as recorded until something is changed.

    One that cannot be read (`row` is `None`) is shown as recorded for good, and sells nothing.
    """

    row: HostnodeRow | None
    recorded: msgspec.Raw | None = None

    def shown(self, held: Mapping[str, Taken], *, ports: bool) -> object:
        """Return what the list shows of it, with its free ports or without."""
        if self.row is None or (self.recorded is not None and self.row.id not in held):
            return self.recorded
        row = left(self.row, held.get(self.row.id))
        return row if ports else row.without_ports()


@dataclass(frozen=True, slots=True)
class Refused:
    """A create that was not done, in the marketplace's words."""

    error: str


class SimulatedMarket:
    """Hostnodes and instances; every method may be called from any thread.

    What instances hold is taken off the hostnodes whenever they are shown, so it comes back by
    itself when they are deleted, and outlasts a replayed snapshot.
    """

    def __init__(
        self,
        hostnodes: Iterable[HostnodeRow] = (),
        *,
        seed: int = 0,
        boots_for: timedelta = timedelta(seconds=5),
    ) -> None:
        self._lock = RLock()
        self._machines = [Machine(row) for row in hostnodes]
        self._instances: dict[str, Instance] = {}
        self._rng = Random(seed)
        self._boots_for = boots_for
        self._list_bodies: dict[bool, bytes] = {}

    def hostnodes(self) -> list[HostnodeRow]:
        """Return the hostnodes with what they have left."""
        with self._lock:
            held = self._held()
            return [left(row, held.get(row.id)) for row in self._rows()]

    def hostnode(self, hostnode_id: str) -> HostnodeRow | None:
        """Return one hostnode with what it has left."""
        with self._lock:
            row = next((row for row in self._rows() if row.id == hostnode_id), None)
            return row and left(row, self._held().get(hostnode_id))

    def list_body(self, terms: Terms = USUAL) -> bytes:
        """Return the answer to `GET /hostnodes`; written once per change."""
        with self._lock:
            ports = terms.ports_listed
            if ports not in self._list_bodies:
                held = self._held()
                shown = [machine.shown(held, ports=ports) for machine in self._machines]
                body = msgspec.json.encode({"data": {"hostnodes": shown}})
                self._list_bodies[ports] = body
            return self._list_bodies[ports]

    def replace(self, machines: Iterable[Machine]) -> None:
        """Put other hostnodes in the place of all."""
        with self._changing():
            self._machines = list(machines)

    def evolve(self, step: Callable[[list[HostnodeRow]], list[HostnodeRow]]) -> None:
        """Let `step` say what becomes of the hostnodes."""
        with self._changing():
            self._machines = [Machine(row) for row in step(list(self._rows()))]

    def add(self, row: HostnodeRow) -> None:
        """Add a hostnode, in the place of one with the same id."""
        with self._changing():
            self._keep(lambda old: old.id != row.id)
            self._machines.append(Machine(row))

    def remove(self, hostnode: str) -> int:
        """Remove the hostnodes whose id matches the glob; return how many there were."""
        with self._changing():
            before = len(self._machines)
            self._keep(lambda row: not fnmatchcase(row.id, hostnode))
            return before - len(self._machines)

    def set_offer(
        self,
        gpu: str = "*",
        *,
        hostnode: str = "*",
        price: float | None = None,
        count: int | None = None,
    ) -> int:
        """Set what is shown of the offers that match both globs; return how many there were.

        `price` is dollars per GPU and hour, `count` how many can be had beside those already held.
        """
        with self._changing():
            held = self._held()
            changed = 0
            for index, row in enumerate(machine.row for machine in self._machines):
                if row is None or not fnmatchcase(row.id, hostnode):
                    continue
                matching = [offer for offer in row.gpus if fnmatchcase(offer.gpu, gpu)]
                if matching:
                    changed += len(matching)
                    after = reoffered(row, matching, price, count, held.get(row.id))
                    self._machines[index] = Machine(after)
            return changed

    def create(self, order: Order, *, now: datetime, terms: Terms = USUAL) -> Instance | Refused:
        """Make an instance if the hostnode has what it takes, else say why not."""
        with self._changing():
            row = self.hostnode(order.hostnode_id)
            if row is None:
                return Refused(UNAVAILABLE)
            if not order.resources.gpus or lacks(row, order.resources):
                return Refused(NO_NODES)
            forwards = assign(row, order, terms.ports)
            if forwards is None:
                return Refused(NO_NODES)
            instance = Instance(
                id=unique_id(self._rng),
                name=order.name,
                hostnode_id=order.hostnode_id,
                image=order.image,
                resources=order.resources,
                port_forwards=forwards,
                ip_address=f"203.0.113.{self._rng.randint(1, 254)}",
                rate=NanoDollars(round(rate(row, order) * terms.rate_factor)),
                created_at=now,
                runs_at=now + self._boots_for,
            )
            self._instances[instance.id] = instance
            return instance

    def delete(self, instance_id: str, *, now: datetime, terms: Terms = USUAL) -> bool:
        """Delete an instance; return whether there was one to delete."""
        with self._changing():
            instance = self._instances.get(instance_id)
            if instance is None or not instance.living:
                return False
            self._instances[instance_id] = replace(
                instance, deleted_at=now, listed_until=now + terms.lingers_for
            )
            return True

    def instance(self, instance_id: str, *, now: datetime) -> Instance | None:
        """Return an instance if it is shown at `now`."""
        with self._lock:
            instance = self._instances.get(instance_id)
            return instance if instance is not None and instance.listed(now) else None

    def instances(self, *, now: datetime, terms: Terms = USUAL) -> list[Instance]:
        """Return the instances the list shows at `now`, oldest first."""
        with self._lock:
            return [
                instance
                for instance in self._instances.values()
                if instance.listed(now) and instance.created_at + terms.hidden_for <= now
            ]

    def all_instances(self) -> list[Instance]:
        """Return every instance ever made, oldest first."""
        with self._lock:
            return list(self._instances.values())

    def living(self) -> list[Instance]:
        """Return the instances that hold resources and are billed, listed or not."""
        with self._lock:
            return [instance for instance in self._instances.values() if instance.living]

    def vanish(self, *, now: datetime) -> None:
        """Let the newest living instance be gone without a delete."""
        with self._changing():
            newest = next(reversed(self.living()), None)
            if newest is not None:
                self.delete(newest.id, now=now)

    def spent(self, now: datetime) -> NanoDollars:
        """Return what was billed for all instances until `now`."""
        with self._lock:
            return NanoDollars(sum(instance.spent(now) for instance in self._instances.values()))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            self._list_bodies.clear()
            yield

    def _rows(self) -> Iterator[HostnodeRow]:
        return (machine.row for machine in self._machines if machine.row is not None)

    def _keep(self, wanted: Callable[[HostnodeRow], bool]) -> None:
        self._machines = [
            machine for machine in self._machines if machine.row is None or wanted(machine.row)
        ]

    def _held(self) -> dict[str, Taken]:
        return taken(self._instances.values())
