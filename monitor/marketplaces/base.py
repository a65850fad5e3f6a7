"""What the program needs of any marketplace it watches and buys from."""

from datetime import datetime
from typing import Protocol

from monitor.errors import MalformedError, MarketError, RefusedError, ThrottledError
from monitor.market.hostnode import HostnodeId
from monitor.market.instance import CreateOutcome, Instance, InstanceId, Order
from monitor.market.snapshot import HostnodeDetail, Outcome, Poll


class Marketplace(Protocol):
    """A marketplace that can be read and bought from; `name` is the one in the configuration."""

    @property
    def name(self) -> str:
        """The marketplace's name in the configuration, the database and the metrics."""

    def poll(self, now: datetime) -> Poll:
        """Fetch all hostnodes once; whatever the marketplace does is an outcome, never raised."""

    def hostnode(self, hostnode_id: HostnodeId) -> HostnodeDetail:
        """Fetch one hostnode as it is now.

        Raises:
            MarketError: for every answer that is not this hostnode; an unknown id is a
                `RefusedError` with status 404.
        """

    def create(self, order: Order) -> CreateOutcome:
        """Ask for one instance, in one request that is never sent again.

        Whatever the marketplace does is an outcome, never raised.
        """

    def request(self, order: Order) -> bytes:
        """Return the body that `create` would send, in JSON; it may hold secrets of the user."""

    def instances(self) -> tuple[Instance, ...]:
        """Fetch all instances of the organisation, whoever made them.

        Raises:
            MarketError: for every answer that is not the whole list; a list of which a part
                cannot be read is a `MalformedError`, so that no instance looks absent by mistake.
        """

    def instance(self, instance_id: InstanceId) -> Instance | None:
        """Fetch one instance; `None` if the marketplace says (404) that there is none.

        Raises:
            MarketError: for every other answer that is not this instance.
        """

    def delete(self, instance_id: InstanceId) -> None:
        """Ask once for an instance to be deleted; one that is gone already is deleted.

        That it returns is no proof: only a list without the instance is.

        Raises:
            MarketError: the marketplace did not say that it deletes it.
        """

    def close(self) -> None:
        """Close all connections; the marketplace cannot be used afterwards."""


def outcome_of(error: MarketError) -> Outcome:
    """Return the outcome of a poll that ended in `error`."""
    match error:
        case MalformedError():
            return Outcome.MALFORMED
        case RefusedError():
            return Outcome.REFUSED
        case ThrottledError():
            return Outcome.THROTTLED
        case _:
            return Outcome.UNREACHABLE
