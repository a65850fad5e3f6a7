"""Faults as values: where one can strike, whether the call still acts, what it makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.simulator.answers import Answer
from monitor.simulator.terms import Terms


class Endpoint(StrEnum):
    """The documented calls."""

    HOSTNODES = "hostnodes"
    HOSTNODE = "hostnode"
    LOCATIONS = "locations"
    CREATE = "create"
    INSTANCES = "instances"
    INSTANCE = "instance"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a fault may look at: when it strikes, and the seconds it was given."""

    now: datetime
    seconds: float


Spoil = Callable[[Answer, Call], Answer]
Bend = Callable[[Terms, Call], Terms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table.

    `acts` says whether the call still does its work, on terms `bend` has changed; `spoil` makes the
    answer that is given out of the true one. `seconds` is the usual length of what takes time.
    """

    name: str
    does: str
    on: tuple[Endpoint, ...] = tuple(Endpoint)
    acts: bool = True
    bend: Bend | None = None
    spoil: Spoil | None = None
    seconds: float = 0.0
