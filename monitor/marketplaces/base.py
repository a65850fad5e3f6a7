"""What the program needs of any marketplace it watches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.errors import MalformedError, MarketError, RefusedError, ThrottledError
from monitor.market.hostnode import Hostnode, HostnodeId
from monitor.market.offer import Offer
from monitor.market.snapshot import Issue, Outcome, Poll


@dataclass(frozen=True, slots=True, kw_only=True)
class HostnodeDetail:
    """One hostnode asked for by its id, what it offers, and what could not be read of it."""

    hostnode: Hostnode
    offers: tuple[Offer, ...]
    issues: tuple[Issue, ...] = ()


class Marketplace(Protocol):
    """A marketplace that can be read; `name` is the one in the configuration."""

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
