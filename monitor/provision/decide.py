"""From the rules that fire to intents and refusals, committed before anything is sent."""

from dataclasses import dataclass

from monitor.grab.acts import SEND_WITHIN
from monitor.grab.book import Book
from monitor.grab.grab import Grab, GrabStatus, Mode, NewGrab
from monitor.grab.names import instance_name
from monitor.grab.policy import Choice, is_news
from monitor.grab.reasons import Cause, Refusal, reason
from monitor.grab.standing import Standing
from monitor.grab.wish import Buying, Wish
from monitor.market.money import show
from monitor.provision.base import Tools, log_step
from monitor.provision.foresight import Firing, Foreseen


def decide_all(tools: Tools, firing: Firing) -> list[Grab]:
    """Decide in a book of its own; return what is to be done.

    Raises:
        StoreError: nothing was decided.
    """
    if not firing.wishes(tools.buying()):
        return []
    with tools.books.book(durable=False) as book:  # that it is sent will be durable
        decided = decide_in(book, tools, firing)
    for grab in decided:
        log_step(grab)
    return [grab for grab in decided if grab.status is not GrabStatus.REFUSED]


def decide_in(
    book: Book, tools: Tools, firing: Firing, foreseen: Foreseen | None = None
) -> list[Grab]:
    """Decide for each rule that fires what is bought out of its offers; return what was written.

    All is decided in one book that is alone with all buying, one rule after the other, each
    counting what those before it have taken.
    """
    buying, stopped = tools.buying(), tools.stopped()
    deciding = _Deciding(tools=tools, book=book, buying=buying, firing=firing)
    written: list[Grab] = []
    for wish in firing.wishes(buying):
        held = foreseen if foreseen and not written and foreseen.holds(book, buying) else None
        standing = held.standing if held else Standing.read(book, buying, firing.at)
        if stopped is not None:
            choice: Choice | Refusal = stopped
        elif held and held.wish is wish:
            choice = held.choice
        else:
            choice = firing.choose(wish, buying, standing)
        grab = deciding.write(wish, choice, standing)
        if grab is not None:
            written.append(grab)
    return written


def next_candidate(
    book: Book, before: Grab, buying: Buying, standing: Standing, digits: str
) -> Grab | None:
    """Add the grab of the next candidate after one that failed; `None` if none is left to try.

    Its limits are checked when it is sent, as those of any grab.
    """
    rest = [each for each in before.rest if each.hostnode not in standing.cooling.hostnodes]
    if not rest or before.attempt >= buying.max_attempts:
        return None
    best, *others = rest
    new = NewGrab(
        chain=before.chain,
        attempt=before.attempt + 1,
        marketplace=before.marketplace,
        rule=before.rule,
        preset=before.preset,
        mode=before.mode,
        status=GrabStatus.PLANNED,
        reason=reason(Cause.DECIDED, f"the next best, after {before.hostnode}"),
        instance_name=instance_name(before.preset, book.installation(), digits),
        hostnode=best.hostnode,
        gpu=best.gpu,
        quoted=best.quoted,
        cap=before.cap,
        rest=tuple(others),
        created_at=standing.now,
        valid_until=standing.now + SEND_WITHIN,
        time_to_live=before.time_to_live,
        stop_when_spent=before.stop_when_spent,
    )
    return book.add(new)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deciding:
    """One open book, in which rules are decided one after the other."""

    tools: Tools
    book: Book
    buying: Buying
    firing: Firing

    def write(self, wish: Wish, choice: Choice | Refusal, standing: Standing) -> Grab | None:
        """Write the intent of a rule, or its refusal if that is news."""
        if isinstance(choice, Choice):
            return self._intend(wish, choice)
        last = self.book.last_refusals().get(wish.rule)
        if not is_news(choice, wish, standing, last):
            return None
        return self._refuse(wish, choice)

    def _intend(self, wish: Wish, choice: Choice) -> Grab:
        digits = self.tools.digits()
        asks = wish.mode is Mode.APPROVE
        best = choice.best[0]
        told = f"the best of {len(self.firing.offers[wish.rule])} offers, {show(best.quoted)} $/h"
        new = NewGrab(
            chain=digits,
            attempt=1,
            marketplace=self.firing.marketplace,
            rule=wish.rule,
            preset=wish.preset.name,
            mode=wish.mode,
            status=GrabStatus.AWAITING_APPROVAL if asks else GrabStatus.PLANNED,
            reason=reason(Cause.DECIDED, told),
            instance_name=instance_name(wish.preset.name, self.book.installation(), digits),
            hostnode=best.hostnode,
            gpu=best.gpu,
            quoted=best.quoted,
            cap=choice.cap,
            rest=choice.best[1:],
            created_at=self.firing.at,
            valid_until=self.firing.at + (self.buying.approve_within if asks else SEND_WITHIN),
            time_to_live=wish.time_to_live,
            stop_when_spent=wish.stop_when_spent,
        )
        return self.book.add(new)

    def _refuse(self, wish: Wish, refusal: Refusal) -> Grab:
        return self.book.add(
            NewGrab(
                chain=self.tools.digits(),
                attempt=1,
                marketplace=self.firing.marketplace,
                rule=wish.rule,
                preset=wish.preset.name,
                mode=wish.mode,
                status=GrabStatus.REFUSED,
                reason=refusal.reason,
                instance_name="",
                created_at=self.firing.at,
            )
        )
