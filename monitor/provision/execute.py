"""From an intent to an instance: look again, commit that it is sent, send once, settle.

The order is what makes a purchase at-most-once. `submitted` is committed, by a compare-and-swap on
`planned`, before the request goes out, so that no other thread, process or restart sends it; what
is found `submitted` and is being sent by nobody becomes `unknown`, and is looked for by its name.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from monitor.errors import MonitorError, StoreError
from monitor.grab.acts import created
from monitor.grab.book import Book
from monitor.grab.grab import Grab, GrabId, GrabStatus, Mode
from monitor.grab.policy import recheck
from monitor.grab.reasons import OF_THE_HOSTNODE, Cause, Refusal, reason
from monitor.grab.standing import Standing
from monitor.market.instance import Created, CreateOutcome, NotCreated, Unclear
from monitor.market.money import NanoDollars, show
from monitor.provision.base import Tools, log, log_step, write
from monitor.provision.decide import next_candidate
from monitor.provision.messages import bought_nothing, would_buy
from monitor.provision.second_look import look_again

PARALLEL = 4
"""How many are sent at once: one that hangs for minutes must not keep the others waiting."""
_LOOK_SOON = timedelta(seconds=2)
"""After an unclear outcome the list is looked at this soon."""
_SETTLE_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, None)
"""Seconds after a try to write an outcome to a database that is busy; `None` after the last."""

_UNSETTLED = {GrabStatus.SUBMITTED, GrabStatus.UNKNOWN}
_NOT_CONFIGURED = Refusal(cause=Cause.RULE_REMOVED, detail="it is no longer configured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of a grab, and the grab of the next candidate, if one is tried."""

    grab: Grab
    following: Grab | None = None


class Executor:
    """Sends what is planned; `settled` is called when there is something to follow or to tell."""

    def __init__(self, tools: Tools, settled: Callable[[], None]) -> None:
        self._tools = tools
        self._settled = settled
        self._sending: dict[GrabId, int] = {}  # by which thread
        self._changed = threading.Condition()
        self._nudged = False

    @property
    def sending(self) -> frozenset[GrabId]:
        """The grabs that this process is sending."""
        with self._changed:
            return frozenset(self._sending)

    def begin(self, planned: Iterable[Grab]) -> None:
        """Send what was just planned, at once, as far as there is room; a drain sends the rest."""
        for grab in planned:
            self._begin(grab)
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def drain(self, stop: threading.Event) -> None:
        """Send all that is planned, until nothing is; after `stop`, only wait for what is sent.

        Raises:
            StoreError: what is planned cannot be read; it is sent by a later drain, or expires.
        """
        while True:
            with self._changed:
                self._nudged = False
            if not stop.is_set():
                for grab in self._planned():
                    self._begin(grab)
            with self._changed:
                if not self._sending:
                    return
                self._changed.wait_for(lambda: self._nudged or not self._sending, timeout=0.25)

    def execute(self, grab: Grab) -> Grab | None:
        """Take one planned grab and its followers to where nothing is left to send.

        Returns the last of them, or `None` if it was somebody else's.

        Raises:
            StoreError: an outcome could not be written: the grab is `submitted`, and will be
                `unknown`.
        """
        self._hold(grab)
        try:
            step = self._step(grab)
            while step is not None and step.following is not None:
                step = self._step(step.following)
        finally:
            self._release()
        if step is None:
            return None
        if step.grab.status in {GrabStatus.FAILED, GrabStatus.REFUSED}:
            self._tools.teller.tell(step.grab.rule, bought_nothing(step.grab), urgent=False)
        return step.grab

    def _planned(self) -> tuple[Grab, ...]:
        with self._tools.books.reading() as book:
            return book.with_status({GrabStatus.PLANNED})

    def _begin(self, grab: Grab) -> None:
        """Send a grab on a thread of its own: the program's end must not wait for a slow answer.

        Nothing is done where there is no room, or if that is being done already.
        """
        with self._changed:
            if grab.id in self._sending or len(self._sending) >= PARALLEL:
                return
            self._sending[grab.id] = 0
        threading.Thread(
            target=self._run, args=(grab,), name=f"grab {grab.id}", daemon=True
        ).start()

    def _run(self, grab: Grab) -> None:
        try:
            self.execute(grab)
        except MonitorError as error:
            log.warning("grab not settled; it is looked for", id=grab.id, error=str(error))
        except Exception:  # noqa: BLE001 - the outermost frame of this thread
            log.exception("grab failed unexpectedly; please report this", id=grab.id)
        finally:
            self._settled()

    def _hold(self, grab: Grab) -> None:
        with self._changed:
            self._sending[grab.id] = threading.get_ident()

    def _release(self) -> None:
        own = threading.get_ident()
        with self._changed:
            for grab in [each for each, thread in self._sending.items() if thread == own]:
                del self._sending[grab]
            self._changed.notify_all()

    def _step(self, grab: Grab) -> Step | None:
        """Look again at one candidate, and send it if all still holds; `None` if it is not ours."""
        tools, buying = self._tools, self._tools.buying()
        shop, wish = tools.shop(grab.marketplace), buying.wishes.get(grab.rule)
        stopped = tools.stopped()
        if stopped is not None:
            return self._refuse(grab, stopped)
        if shop is None or wish is None:
            return self._refuse(grab, _NOT_CONFIGURED)
        seen = look_again(shop.market, wish, grab)
        if isinstance(seen, Refusal):
            return self._refuse(grab, seen)
        step = self._submit(grab, seen.quoted)
        if step is None or step.grab.status is not GrabStatus.SUBMITTED:
            return step
        return self._settle(step.grab, shop.market.create(seen.order))

    def _submit(self, grab: Grab, quoted: NanoDollars) -> Step | None:
        """Commit that a grab is being sent, if limits and switches allow it at this moment."""
        tools, buying, now = self._tools, self._tools.buying(), self._tools.clock()
        with tools.books.book() as book:
            standing = Standing.read(book, buying, now)
            bought = book.bought_by(grab.rule)
            refusal = tools.stopped() or recheck(grab, buying, standing, quoted, bought=bought)
            if refusal is not None:
                step = self._give_up(book, grab, _refused(grab, refusal, now), now)
            else:
                step = _stepped(write(book, grab, _sent(grab, quoted, now), now))
        self._observe(step)
        if step is not None and step.grab.status is GrabStatus.DRY_RUN:
            tools.teller.tell(grab.rule, would_buy(step.grab), urgent=False)
        return step

    def _refuse(self, grab: Grab, refusal: Refusal) -> Step | None:
        """Write why a grab is not sent."""
        now = self._tools.clock()
        with self._tools.books.book() as book:
            step = self._give_up(book, grab, _refused(grab, refusal, now), now)
        self._observe(step)
        return step

    def _settle(self, sent: Grab, outcome: CreateOutcome) -> Step | None:
        """Write what came of a request; a database that is busy is tried again for a while."""
        for pause in _SETTLE_PAUSES:
            try:
                return self._settle_once(sent, outcome)
            except StoreError:
                if pause is None:
                    raise
                time.sleep(pause)
        return None

    def _settle_once(self, sent: Grab, outcome: CreateOutcome) -> Step | None:
        now = self._tools.clock()
        with self._tools.books.book() as book:
            # Not `sent`: a person may have asked for its end while it was being sent.
            current = book.find(sent.id)
            if current is None or current.status not in _UNSETTLED:
                return None
            step = self._give_up(book, current, _outcome(current, outcome, now), now)
        self._observe(step)
        return step

    def _give_up(self, book: Book, before: Grab, after: Grab, now: datetime) -> Step | None:
        """Write `after`; if its hostnode is to blame, add the grab of the next candidate."""
        written = write(book, before, after, now)
        step = _stepped(written)
        if written is None or Cause.of(written.reason) not in OF_THE_HOSTNODE:
            return step
        buying = self._tools.buying()
        standing = Standing.read(book, buying, now)
        following = next_candidate(book, written, buying, standing, self._tools.digits())
        if following is not None:
            self._hold(following)  # before it is committed, and others see it
        return Step(grab=written, following=following)

    def _observe(self, step: Step | None) -> None:
        for grab in () if step is None else (step.grab, step.following):
            if grab is not None:
                log_step(grab)


def _stepped(written: Grab | None) -> Step | None:
    return None if written is None else Step(grab=written)


def _sent(grab: Grab, quoted: NanoDollars, now: datetime) -> Grab:
    """Return a grab as it is right before its request goes out, or would in a dry run."""
    told = f"{show(quoted)} $/h"
    if grab.mode is Mode.DRY_RUN:
        why = reason(Cause.WOULD_BUY, told)
        return replace(grab, status=GrabStatus.DRY_RUN, reason=why, quoted=quoted, ended_at=now)
    why = reason(Cause.SENT, told)
    return replace(grab, status=GrabStatus.SUBMITTED, reason=why, quoted=quoted, submitted_at=now)


def _refused(grab: Grab, refusal: Refusal, now: datetime) -> Grab:
    expired = refusal.cause is Cause.EXPIRED
    status = GrabStatus.EXPIRED if expired else GrabStatus.REFUSED
    return replace(grab, status=status, reason=refusal.reason, ended_at=now)


def _outcome(grab: Grab, outcome: CreateOutcome, now: datetime) -> Grab:
    """Return what an answer makes of a grab: created, failed, or unknown until the list tells."""
    match outcome:
        case Created(instance_id=instance_id):
            why = reason(Cause.CREATED, f"the marketplace calls it {instance_id}")
            return created(grab, instance_id, why, now)
        case NotCreated():
            why = reason(Cause.refused(outcome.reason), outcome.detail)
            return replace(grab, status=GrabStatus.FAILED, reason=why, ended_at=now)
        case Unclear(detail=detail):
            why = reason(Cause.UNCLEAR, detail)
            at = now + _LOOK_SOON
            return replace(grab, status=GrabStatus.UNKNOWN, reason=why, checks=0, check_at=at)
        case _:
            assert_never(outcome)
