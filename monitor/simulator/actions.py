"""What can be done to a simulation from outside: by a scenario's steps, or by a call to /_sim."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from monitor.config.values import Count, Number, Percentage, SomeTime, Text, Whole
from monitor.simulator.rows import hostnode
from monitor.simulator.simulation import Simulation
from monitor.simulator.switchboard import find_endpoint, find_fault

Dollars = Annotated[Number, Field(ge=0)]
"""Dollars per GPU and hour; 0 is allowed, to see what becomes of it."""


def known_fault(name: str) -> str:
    """Return `name` if there is such a fault, for pydantic."""
    return find_fault(name).name


class Action(BaseModel):
    """A table of which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SetOffer(Action):
    """Another price or count for the offers that match both globs."""

    gpu: Text = "*"
    hostnode: Text = "*"
    price: Dollars | None = None
    count: Whole | None = None

    def apply(self, simulation: Simulation) -> int:
        """Return how many offers there were."""
        return simulation.market.set_offer(
            self.gpu, hostnode=self.hostnode, price=self.price, count=self.count
        )


class AddHostnode(Action):
    """A hostnode with one offer; what is not said is as in the documented example."""

    id: Text
    gpu: Text | None = None
    price: Dollars | None = None
    count: Whole | None = None
    city: Text | None = None
    state: Text | None = None
    country: Text | None = None
    tier: Whole | None = None
    uptime: Percentage | None = None
    vcpu_count: Whole | None = None
    ram_gb: Whole | None = None
    storage_gb: Whole | None = None

    def apply(self, simulation: Simulation) -> None:
        """Add it, in the place of one with the same id."""
        said = self.model_dump(exclude={"id"}, exclude_none=True)
        simulation.market.add(hostnode(self.id, **said))


class SwitchOn(Action):
    """A fault, where and how often it strikes, and for how long."""

    name: Annotated[Text, AfterValidator(known_fault)]
    endpoint: Text | None = None
    times: Count | None = None
    lasts_for: SomeTime | None = Field(default=None, alias="for")
    probability: Annotated[Number, Field(gt=0, le=1)] = 1.0
    seconds: Annotated[Number, Field(ge=0)] | None = None
    hostnode: Text = "*"

    @model_validator(mode="after")
    def _strikes_there(self) -> Self:
        if self.endpoint is not None:
            find_endpoint(find_fault(self.name), self.endpoint)
        return self

    def apply(self, simulation: Simulation, at: datetime) -> None:
        """Switch it on at `at`."""
        simulation.faults.on(
            self.name,
            endpoint=self.endpoint,
            times=self.times,
            until=None if self.lasts_for is None else at + self.lasts_for,
            probability=self.probability,
            seconds=self.seconds,
            hostnode=self.hostnode,
        )


class Advance(Action):
    """A jump of the simulation's clock."""

    advance: SomeTime
