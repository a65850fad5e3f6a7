"""What sending and following need of the rest of the program."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from monitor.alerting.notice import Message
from monitor.grab.book import Book, Books
from monitor.grab.grab import Grab
from monitor.grab.reasons import Refusal
from monitor.grab.wish import Buying
from monitor.market.hostnode import HostnodeId
from monitor.market.instance import CreateOutcome, Instance, InstanceId, Order
from monitor.market.snapshot import HostnodeDetail
from monitor.rules.alert import RuleName

log = structlog.get_logger("monitor.provision")


class Market(Protocol):
    """A marketplace that can be bought from; `monitor.marketplaces.base.Marketplace` is one."""

    def hostnode(self, hostnode_id: HostnodeId) -> HostnodeDetail:
        """Fetch one hostnode as it is now, or raise a `MarketError`."""

    def create(self, order: Order) -> CreateOutcome:
        """Ask for one instance, once; whatever happens is an outcome."""

    def instances(self) -> tuple[Instance, ...]:
        """Fetch all instances, or raise a `MarketError`."""

    def instance(self, instance_id: InstanceId) -> Instance | None:
        """Fetch one instance, `None` if there is none, or raise a `MarketError`."""

    def delete(self, instance_id: InstanceId) -> None:
        """Ask once for an instance to be deleted, or raise a `MarketError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A marketplace, and how long a create on it may take."""

    market: Market
    create_timeout: timedelta


class Teller(Protocol):
    """Tells people about a purchase, at least once."""

    def tell(self, rule: RuleName, message: Message, *, urgent: bool) -> None:
        """Queue a message to whoever is told about `rule`; an urgent one to the operators too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What everything here works with.

    `buying` and `shop` give what is configured at the moment of the call, so that a reload counts
    from the next step on; `stopped` says why nothing may be bought now, if the stop file exists.
    `digits` gives ten hexadecimal digits that were not given before.
    """

    books: Books
    buying: Callable[[], Buying]
    shop: Callable[[str], Shop | None]
    stopped: Callable[[], Refusal | None]
    teller: Teller
    clock: Callable[[], datetime]
    digits: Callable[[], str]


def log_step(grab: Grab) -> None:
    """Log a step of a grab, once it is committed."""
    log.info(
        "grab changed",
        id=grab.id,
        rule=grab.rule,
        status=grab.status.value,
        reason=grab.reason,
        hostnode=grab.hostnode,
        instance=grab.instance_id,
    )


def write(book: Book, before: Grab, after: Grab, now: datetime) -> Grab | None:
    """Write what became of a grab: a step of its history if status or reason differ.

    `None` if somebody else has written it meanwhile; then nothing is.
    """
    if after == before:
        return before
    if (after.status, after.reason) == (before.status, before.reason):
        return book.touch(before, after)
    return book.change(before, after, after.reason, now)
