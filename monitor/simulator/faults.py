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
    """What a fault may look at: when it strikes, and the seconds it was given.

    `recent` is how many calls there were in the last minute, this one included.
    """

    now: datetime
    seconds: float
    recent: int = 1


Spoil = Callable[[Answer, Call], Answer]
Bend = Callable[[Terms, Call], Terms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table.

    `when` narrows the calls it strikes. `acts` says whether the call still does its work, on terms
    that `bend` has changed; `spoil` makes the answer that is given out of the true one. `seconds`
    is the usual length of what takes time.
    """

    name: str
    does: str
    on: tuple[Endpoint, ...] = tuple(Endpoint)
    when: Callable[[Call], bool] | None = None
    acts: bool = True
    bend: Bend | None = None
    spoil: Spoil | None = None
    seconds: float = 0.0
