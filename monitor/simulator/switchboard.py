"""Which faults are switched on, for which calls, how often and for how long."""

from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from random import Random
from threading import Lock

from monitor.simulator.catalogue import FAULTS
from monitor.simulator.faults import Endpoint, Fault


class FaultError(ValueError):
    """No such fault, or it cannot be switched on where it was asked for."""


@dataclass(slots=True, kw_only=True, eq=False)
class Switched:
    """A fault that is on.

    `left` is how many more calls it strikes (`None`: every one), `until` when it ends,
    `probability` the chance that it strikes a call, `hostnode` a glob on the id of the hostnode
    that the call is about.
    """

    fault: Fault
    on: tuple[Endpoint, ...]
    left: int | None
    until: datetime | None
    probability: float
    seconds: float
    hostnode: str


class Switchboard:
    """The faults that are on; every method may be called from any thread."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = Lock()
        self._rng = Random(seed)
        self._switched: list[Switched] = []

    def on(
        self,
        name: str,
        *,
        endpoint: str | None = None,
        times: int | None = None,
        until: datetime | None = None,
        probability: float = 1.0,
        seconds: float | None = None,
        hostnode: str = "*",
    ) -> Switched:
        """Switch a fault on, for all the endpoints it knows unless one is named.

        Raises:
            FaultError: there is no such fault, or it does not know the endpoint.
        """
        fault = find_fault(name)
        switched = Switched(
            fault=fault,
            on=fault.on if endpoint is None else (find_endpoint(fault, endpoint),),
            left=times,
            until=until,
            probability=probability,
            seconds=fault.seconds if seconds is None else seconds,
            hostnode=hostnode,
        )
        with self._lock:
            self._switched.append(switched)
        return switched

    def off(self, fault: str | Switched | None = None) -> int:
        """Switch off one switched fault, all of one name, or all; return how many were on."""
        with self._lock:
            before = len(self._switched)
            self._switched = [
                switched
                for switched in self._switched
                if fault is not None and fault not in (switched, switched.fault.name)
            ]
            return before - len(self._switched)

    def active(self, now: datetime) -> list[Switched]:
        """Return the faults that are on at `now`, oldest first."""
        with self._lock:
            self._expire(now)
            return list(self._switched)

    def strike(self, endpoint: Endpoint, *, now: datetime, hostnode: str = "") -> list[Switched]:
        """Return the faults that this call meets, and count it against them."""
        with self._lock:
            self._expire(now)
            struck = [
                switched
                for switched in self._switched
                if endpoint in switched.on
                and fnmatchcase(hostnode, switched.hostnode)
                and self._rng.random() < switched.probability
            ]
            for switched in struck:
                if switched.left is not None:
                    switched.left -= 1
            return struck

    def _expire(self, now: datetime) -> None:
        self._switched = [
            switched
            for switched in self._switched
            if switched.left != 0 and (switched.until is None or now < switched.until)
        ]


def find_fault(name: str) -> Fault:
    """Return the fault called `name`.

    Raises:
        FaultError: there is none; the message proposes the nearest.
    """
    if name in FAULTS:
        return FAULTS[name]
    near = get_close_matches(name, FAULTS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`simulate --list-faults` shows them all"
    raise FaultError(f"there is no fault {name!r}; {hint}")


def find_endpoint(fault: Fault, name: str) -> Endpoint:
    """Return the endpoint called `name` if `fault` can strike there.

    Raises:
        FaultError: it cannot.
    """
    if name not in fault.on:
        known = ", ".join(fault.on)
        raise FaultError(f"fault {fault.name!r} does not strike {name!r}, only: {known}")
    return Endpoint(name)
