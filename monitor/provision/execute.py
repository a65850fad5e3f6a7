"""From an intent to an instance: look again, commit that it is sent, send once, settle.

The order is what makes a purchase at-most-once. `submitted` is committed, by a compare-and-swap on
`planned`, before the request goes out, so that no other thread, process or restart sends it; what
is found `submitted` and is being sent by nobody becomes `unknown`, and is looked for by its name.

What is foreseen is bought ahead: it is looked at first, and planned and submitted in one book.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from monitor.errors import MonitorError, StoreError
from monitor.grab.book import Book
from monitor.grab.grab import Grab, GrabId, GrabStatus
from monitor.grab.policy import recheck
from monitor.grab.reasons import OF_THE_HOSTNODE, Cause, Refusal
from monitor.grab.standing import Standing
from monitor.grab.wish import Wish
from monitor.market.instance import CreateOutcome
from monitor.market.money import NanoDollars
from monitor.provision.base import Market, Tools, log, write
from monitor.provision.decide import Ahead, Decided, decide_all, decide_in, next_candidate
from monitor.provision.foresight import Firing, Foreseen, Known, foresee
from monitor.provision.journal import Journal
from monitor.provision.messages import bought_nothing, would_buy
from monitor.provision.outcomes import Step, answered, refused, sent, stepped
from monitor.provision.second_look import Seen, look_again, price
from monitor.provision.standby import Standby
from monitor.provision.under_way import UnderWay

HEAD_START = 0.02
"""Seconds: so long nothing else of a poll is done while it buys, for both need the interpreter."""
_SETTLE_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, None)
"""Seconds after a try to write an outcome to a database that is busy; `None` after the last."""

_UNSETTLED = {GrabStatus.SUBMITTED, GrabStatus.UNKNOWN}
_NOTHING_BOUGHT = {GrabStatus.FAILED, GrabStatus.REFUSED, GrabStatus.EXPIRED}
_NOT_CONFIGURED = Refusal(cause=Cause.RULE_REMOVED, detail="it is no longer configured")


class Executor:
    """Sends what is planned; `settled` is called when there is something to follow or to tell.

    Once `stopping` is set nothing is decided or sent any more; what is planned stays so.
    """

    def __init__(
        self, tools: Tools, *, settled: Callable[[], None], stopping: threading.Event
    ) -> None:
        self._tools = tools
        self._settled = settled
        self._stopping = stopping
        self._under_way = UnderWay()
        self._standby = Standby("ahead")
        self._journal = Journal()

    def buy(self, firing: Firing, known: Known | None) -> None:
        """Decide what rules that fire buy, and send it.

        `known` is what was known before the poll. What is foreseen by it is bought ahead, on a
        thread that stands by, and for which the caller waits, for at most `HEAD_START`. What is
        not, or while an earlier one waits for its answer, is planned, and sent from there.

        Raises:
            StoreError: nothing was decided.
        """
        if self._stopping.is_set():
            return
        foreseen = None if known is None else foresee(firing, known)
        if foreseen is not None:
            ahead = partial(self._framed, self.buy_ahead, firing, foreseen)
            if self._standby.run(ahead, patience=HEAD_START):
                return
        self.begin(decide_all(self._tools, firing))

    def buy_ahead(self, firing: Firing, foreseen: Foreseen) -> Grab | None:
        """Look again at what is foreseen; then decide, and commit that it is sent, in one book.

        What came in between is decided by the book, as always: then what was seen may be of no use.

        Raises:
            StoreError: nothing was decided, or an outcome could not be written.
        """
        tools, shop = self._tools, self._tools.shop(firing.marketplace)
        try:
            if shop is None:
                return None
            seen = look_again(shop.market, foreseen.wish, foreseen.best)
            if self._stopping.is_set():
                return None
            ahead = Ahead(foreseen=foreseen, seen=seen)
            with tools.books.book() as book:
                decided = decide_in(book, tools, firing, ahead)
                step = self._taken(book, decided, ahead)
            self._journal.note(*decided.steps)
            if step is not None and step.grab not in decided.grabs:
                self._journal.note(step.grab, step.following)
            self.begin(grab for grab in decided.grabs if step is None or grab.id != step.grab.id)
            return self._follow_up(self._send(step, shop.market, seen))
        finally:
            self._under_way.release()
            self._journal.log()

    @property
    def sending(self) -> frozenset[GrabId]:
        """The grabs that this process is sending."""
        return self._under_way.sending

    def begin(self, decided: Iterable[Grab]) -> None:
        """Send what was just planned, at once, as far as there is room; a drain sends the rest."""
        planned = [grab for grab in decided if grab.status is GrabStatus.PLANNED]
        for grab in planned:
            self._begin(grab)
        if planned:
            self._under_way.nudge()

    def drain(self) -> None:
        """Send all that is planned, until nothing is; when stopping, only wait for what is sent.

        Raises:
            StoreError: what is planned cannot be read; it is sent by a later drain, or expires.
        """
        waiting = True
        while waiting:
            self._journal.log()
            self._under_way.look()
            if not self._stopping.is_set():
                for grab in self._planned():
                    self._begin(grab)
            waiting = self._under_way.wait()

    def settle(self, patience: timedelta) -> bool:
        """Wait for the answers to what is being sent; return whether they came in time."""
        return self._under_way.settle(patience)

    def execute(self, grab: Grab) -> Grab | None:
        """Take one planned grab and its followers to where nothing is left to send.

        Returns the last of them, or `None` if it was somebody else's, or is left for a next start.

        Raises:
            StoreError: an outcome could not be written: the grab is `submitted`, and will be
                `unknown`.
        """
        self._under_way.hold(grab.id)
        try:
            return self._follow_up(self._step(grab))
        finally:
            self._under_way.release()

    def _planned(self) -> tuple[Grab, ...]:
        with self._tools.books.reading() as book:
            return book.with_status({GrabStatus.PLANNED})

    def _begin(self, grab: Grab) -> None:
        """Send a grab on a thread of its own: the program's end must not wait for a slow answer.

        Nothing is done where there is no room, or if that is being done already.
        """
        if not self._stopping.is_set() and self._under_way.take(grab.id):
            threading.Thread(
                target=self._framed, args=(self.execute, grab), name=f"grab {grab.id}", daemon=True
            ).start()

    def _framed(self, act: Callable[..., object], *about: object) -> None:
        try:
            act(*about)
        except MonitorError as error:
            log.warning("grab not settled; it is looked for", error=str(error))
        except Exception:  # noqa: BLE001 - the outermost frame of this thread
            log.exception("grab failed unexpectedly; please report this")
        finally:
            self._settled()

    def _follow_up(self, step: Step | None) -> Grab | None:
        """Try one candidate after the other; return what came of the last one."""
        while step is not None and step.following is not None:
            step = self._step(step.following)
        if step is None:
            return None
        if step.grab.status in _NOTHING_BOUGHT:
            self._tools.teller.tell(step.grab.rule, bought_nothing(step.grab), urgent=False)
        return step.grab

    def _step(self, grab: Grab) -> Step | None:
        """Look again at one candidate, and send it if all still holds.

        `None` if it is not ours, or if the program is stopping: then it expires, or a next start
        sends it, after all was checked again.
        """
        if self._stopping.is_set():
            return None
        tools, buying = self._tools, self._tools.buying()
        shop, wish = tools.shop(grab.marketplace), buying.wishes.get(grab.rule)
        stopped = tools.stopped()
        if stopped is not None:
            return self._refuse(grab, stopped)
        if shop is None or wish is None:
            return self._refuse(grab, _NOT_CONFIGURED)
        seen = look_again(shop.market, wish, grab)
        if self._stopping.is_set():
            return None
        if isinstance(seen, Refusal):
            return self._refuse(grab, seen)
        return self._send(self._submit(grab, seen.quoted, wish), shop.market, seen)

    def _submit(self, grab: Grab, quoted: NanoDollars, seen_for: Wish) -> Step | None:
        """Commit that a grab is being sent, if limits and switches allow it at this moment.

        A drain looks at it again if its rule is another one now.
        """
        tools, buying, now = self._tools, self._tools.buying(), self._tools.clock()
        with tools.books.book() as book:
            standing = Standing.read(book, buying, now)
            refusal = tools.stopped() or recheck(grab, buying, standing, quoted)
            if refusal is None and buying.wishes.get(grab.rule) != seen_for:
                return None
            step = self._written(book, grab, refusal or quoted, now, seen_for)
        self._observe(step)
        return step

    def _taken(self, book: Book, decided: Decided, ahead: Ahead) -> Step | None:
        """Take what was foreseen, if it was decided; write why it is not sent, if it is not."""
        for grab in decided.grabs:
            asks = grab.status is GrabStatus.AWAITING_APPROVAL
            if asks or not ahead.foreseen.is_for(grab, decided.buying):
                continue
            self._under_way.hold(grab.id)  # before it is committed, and others see it
            if grab.status is not GrabStatus.PLANNED:
                return Step(grab=grab)
            return self._written(book, grab, price(ahead.seen, grab), self._tools.clock(), None)
        return None

    def _written(
        self, book: Book, grab: Grab, found: Refusal | NanoDollars, now: datetime, wish: Wish | None
    ) -> Step | None:
        """Write that a grab is being sent at what was found to be its price, or why it is not."""
        if isinstance(found, Refusal):
            return self._give_up(book, grab, refused(grab, found, now), now)
        return stepped(write(book, grab, sent(grab, found, now, wish), now))

    def _send(self, step: Step | None, market: Market, seen: Seen | Refusal) -> Step | None:
        """Send what it was committed is being sent; tell of what a dry run would have sent."""
        if step is None or isinstance(seen, Refusal):
            return step
        if step.grab.status is GrabStatus.SUBMITTED:
            order = replace(seen.order, name=step.grab.instance_name)
            return self._settle(step.grab, market.create(order))
        if step.grab.status is GrabStatus.DRY_RUN:
            self._tools.teller.tell(step.grab.rule, would_buy(step.grab), urgent=False)
        return step

    def _refuse(self, grab: Grab, refusal: Refusal) -> Step | None:
        """Write why a grab is not sent."""
        with self._tools.books.book() as book:
            step = self._written(book, grab, refusal, self._tools.clock(), None)
        self._observe(step)
        return step

    def _settle(self, grab: Grab, outcome: CreateOutcome) -> Step | None:
        """Write what came of a request; a database that is busy is tried again for a while."""
        for pause in _SETTLE_PAUSES:
            try:
                return self._settle_once(grab, outcome)
            except StoreError:
                if pause is None:
                    raise
                time.sleep(pause)
        return None

    def _settle_once(self, grab: Grab, outcome: CreateOutcome) -> Step | None:
        now = self._tools.clock()
        with self._tools.books.book() as book:
            # Not `grab`: a person may have asked for its end while it was being sent.
            current = book.find(grab.id)
            if current is None or current.status not in _UNSETTLED:
                return None
            step = self._give_up(book, current, answered(current, outcome, now), now)
        self._observe(step)
        return step

    def _give_up(self, book: Book, before: Grab, after: Grab, now: datetime) -> Step | None:
        """Write `after`; if its hostnode is to blame, and nobody ends it, add the next grab."""
        written = write(book, before, after, now)
        step = stepped(written)
        if written is None or Cause.of(written.reason) not in OF_THE_HOSTNODE or written.is_to_end:
            return step
        buying = self._tools.buying()
        standing = Standing.read(book, buying, now)
        following = next_candidate(book, written, buying, standing, self._tools.digits())
        if following is not None:
            self._under_way.hold(following.id)  # before it is committed, and others see it
        return Step(grab=written, following=following)

    def _observe(self, step: Step | None) -> None:
        if step is not None:
            self._journal.note(step.grab, step.following)
        self._journal.log()
