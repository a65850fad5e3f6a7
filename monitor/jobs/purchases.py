"""Purchases: decided after a cycle, sent and followed by two threads that are woken at once.

Sending may wait minutes for an answer, so following has a thread of its own. Where processes share
a database, each sends what it or a command has planned (only one can), and one follows.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from monitor.alerting.notice import Message, NotifyReason
from monitor.clock import utc_now
from monitor.cycle import Chances
from monitor.errors import StoreError
from monitor.grab.names import DIGITS
from monitor.grab.reasons import Refusal
from monitor.grab.wish import Buying
from monitor.jobs.shared import SECOND, Shared, job
from monitor.provision.base import Shop, Tools
from monitor.provision.execute import Executor
from monitor.provision.foresight import Firing, Known
from monitor.provision.reconcile import Reconciler
from monitor.provision.stop_file import stopped_by
from monitor.rules.alert import RuleName
from monitor.scheduler import Watch, Worker
from monitor.store import leases, outbox
from monitor.store.grabs import Books

log = structlog.get_logger("monitor.jobs")

FOLLOWS = "follow"
"""The lease of the process that follows what was bought."""
LEASE_FOR = timedelta(seconds=30)


class Purchases:
    """Buys what rules wish for, and looks after it; `wake` is called when messages are queued."""

    def __init__(self, shared: Shared, watch: Watch, wake: Callable[[], None]) -> None:
        self._shared = shared
        self._wake_delivery = wake
        self._follows_until: datetime | None = None
        self._known: Known | None = None
        self._tools = Tools(
            books=Books(shared.database),
            buying=lambda: shared.setup.buying,
            shop=self._shop,
            stopped=self._stopped,
            teller=self,
            clock=utc_now,
            digits=lambda: secrets.token_hex(DIGITS // 2),
        )
        self._executor = Executor(self._tools, settled=self._settled, stopping=shared.stopping)
        self._reconciler = Reconciler(
            self._tools,
            sending=lambda: self._executor.sending,
            alone=shared.database.file is not None,
        )
        self._sending = Worker(job("provision", self._send, SECOND, minutes=10), watch)
        self._following = Worker(job("reconcile", self._follow, SECOND, minutes=10), watch)

    def start(self) -> None:
        """Begin to send and to follow."""
        self._sending.start()
        self._following.start()

    def leave(self) -> None:
        """Begin nothing new; what is being sent has until the program's end to be answered."""
        self._sending.leave()
        self._following.leave()

    def ready(self, buying: Buying) -> "Ready | None":
        """Return who buys at the poll that begins, as its setup says; `None` if no rule does.

        What is in the book is read now, so that it need not be when there is something to buy.
        While the stop file exists there never is: then no hostnode is looked at ahead.
        """
        if not buying.wishes:
            return None
        self._known = known = None if self._stopped() else self._read(buying)
        return Ready(rules=buying.wishes.keys(), known=known, executor=self._executor)

    def _read(self, buying: Buying) -> Known | None:
        try:
            with self._tools.books.reading() as book:
                return Known.read(book, buying, utc_now(), self._known)
        except StoreError as error:
            log.warning("buying cannot be made ready", error=str(error))
            return None

    def settle(self, patience: timedelta) -> bool:
        """Wait for the answers to what is being sent; return whether they came in time."""
        return self._executor.settle(patience)

    def release(self) -> None:
        """Let another process follow at once."""
        if self._follows_until is None:
            return
        try:
            with self._shared.database.transaction() as connection:
                leases.release(connection, FOLLOWS, holder=self._shared.holder)
        except StoreError as error:
            log.warning("lease not released", name=FOLLOWS, error=str(error))

    def tell(self, rule: RuleName, message: Message, *, urgent: bool) -> None:
        """Queue a message to whoever is told about `rule`; an urgent one to the operators too."""
        plan = self._shared.setup.plan
        policy = plan.policies.get(rule)
        own = () if policy is None else policy.notify
        others = plan.operators if urgent or policy is None else ()
        drafts = plan.drafts((*own, *others), message, NotifyReason.GRAB, rule=rule)
        with self._shared.database.transaction() as connection:
            outbox.enqueue(connection, drafts, utc_now())
        self._wake_delivery()

    def _send(self, _: datetime) -> None:
        self._executor.drain()

    def _follow(self, now: datetime) -> None:
        if self._leads(now):
            setup = self._shared.setup
            self._reconciler.run(now, setup.marketplaces if setup.buying.wishes else ())

    def _leads(self, now: datetime) -> bool:
        """Say whether this process follows; a file has one owner, who always does."""
        if self._shared.database.file is not None:
            return True
        left = None if self._follows_until is None else self._follows_until - now
        if left is not None and LEASE_FOR / 2 < left <= LEASE_FOR:
            return True
        with self._shared.database.transaction() as connection:
            leads = leases.acquire(
                connection, FOLLOWS, holder=self._shared.holder, now=now, lease_for=LEASE_FOR
            )
        self._follows_until = now + LEASE_FOR if leads else None
        return leads

    def _settled(self) -> None:
        self._following.wake()

    def _shop(self, name: str) -> Shop | None:
        found = self._shared.setup.marketplaces.get(name)
        if found is None:
            return None
        config, market = found
        return Shop(market=market, create_timeout=config.create_timeout)

    def _stopped(self) -> Refusal | None:
        return stopped_by(self._shared.setup.buying.stop_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Who buys at one poll; `known` is what the book said before it."""

    rules: Collection[RuleName]
    known: Known | None
    executor: Executor

    def buy(self, marketplace: str, chances: Chances, now: datetime) -> None:
        """Buy out of what rules that fire are met by.

        If the database cannot, nothing is: the next poll decides anew.
        """
        offers = {
            rule: tuple(offer for match in matches for offer in match.met)
            for rule, matches in chances.items()
        }
        try:
            self.executor.buy(Firing(marketplace=marketplace, at=now, offers=offers), self.known)
        except StoreError as error:
            log.warning("nothing decided about buying", marketplace=marketplace, error=str(error))
