"""From the rules that fire to intents and refusals, committed before anything is sent."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.grab.acts import SEND_WITHIN
from monitor.grab.book import Book
from monitor.grab.grab import Grab, GrabStatus, Mode, NewGrab, unwritten
from monitor.grab.names import instance_name
from monitor.grab.policy import Choice, is_news
from monitor.grab.reasons import Cause, Refusal, reason
from monitor.grab.standing import Standing
from monitor.grab.wish import Buying, Wish
from monitor.market.money import show
from monitor.provision.base import Tools, log_step
from monitor.provision.foresight import Firing, Foreseen
from monitor.provision.outcomes import sent
from monitor.provision.second_look import Seen, price


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What was foreseen, and what was seen of it since."""

    foreseen: Foreseen
    seen: Seen | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The grabs that were written by `buying`, as they are now, and all their steps, to log."""

    buying: Buying
    grabs: list[Grab] = field(default_factory=list)
    steps: list[Grab] = field(default_factory=list)


def decide_all(tools: Tools, firing: Firing) -> list[Grab]:
    """Decide in a book of its own; return what is to be done.

    Raises:
        StoreError: nothing was decided.
    """
    if not firing.wishes(tools.buying()):
        return []
    with tools.books.book(durable=False) as book:  # that it is sent will be durable
        decided = decide_in(book, tools, firing)
    for step in decided.steps:
        log_step(step)
    return [grab for grab in decided.grabs if grab.status is not GrabStatus.REFUSED]


def decide_in(book: Book, tools: Tools, firing: Firing, ahead: Ahead | None = None) -> Decided:
    """Decide for each rule that fires what is bought out of its offers; return what was written.

    All is decided in one book that is alone with all buying, one rule after the other, each
    counting what those before it have taken. What was foreseen, and is as it was seen, is written
    as being sent.
    """
    buying, stopped = tools.buying(), tools.stopped()
    decided = Decided(buying=buying)
    deciding = _Deciding(tools=tools, book=book, firing=firing, ahead=ahead, decided=decided)
    foreseen = None if ahead is None else ahead.foreseen
    for wish in firing.wishes(buying):
        held = foreseen if foreseen and not decided.grabs and foreseen.holds(book, buying) else None
        standing = held.standing if held else Standing.read(book, buying, firing.at)
        if stopped is not None:
            choice: Choice | Refusal = stopped
        elif held and held.wish is wish:
            choice = held.choice
        else:
            choice = firing.choose(wish, buying, standing)
        deciding.write(wish, choice, standing)
    return decided


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
    firing: Firing
    ahead: Ahead | None
    decided: Decided

    def write(self, wish: Wish, choice: Choice | Refusal, standing: Standing) -> None:
        """Write the intent of a rule, or its refusal if that is news."""
        if isinstance(choice, Choice):
            self._add(self._intent(wish, choice))
        elif is_news(choice, wish, standing, self.book.last_refusals().get(wish.rule)):
            self._add(self._refusal(wish, choice))

    def _add(self, new: NewGrab) -> None:
        """Write a grab as planned, or as being sent."""
        planned = unwritten(new)
        going = self._going(planned)
        if going is None:
            added = self.book.add(new)
        else:
            added = self.book.add_as(new, *going)
            self.decided.steps.append(replace(planned, id=added.id))
        self.decided.grabs.append(added)
        self.decided.steps.append(added)

    def _going(self, planned: Grab) -> tuple[Grab, datetime] | None:
        """Return what was just decided as it is sent, and when, if it is as foreseen and seen.

        All but its price was checked in this very book.
        """
        ahead = self.ahead
        if ahead is None or planned.status is not GrabStatus.PLANNED:
            return None
        if not ahead.foreseen.is_for(planned, self.decided.buying):
            return None
        quoted = price(ahead.seen, planned)
        if isinstance(quoted, Refusal):
            return None
        now = self.tools.clock()
        return sent(planned, quoted, now), now

    def _intent(self, wish: Wish, choice: Choice) -> NewGrab:
        digits = self.tools.digits()
        asks = wish.mode is Mode.APPROVE
        best = choice.best[0]
        lasts = self.decided.buying.approve_within if asks else SEND_WITHIN
        told = f"the best of {len(self.firing.offers[wish.rule])} offers, {show(best.quoted)} $/h"
        return NewGrab(
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
            valid_until=self.firing.at + lasts,
            time_to_live=wish.time_to_live,
            stop_when_spent=wish.stop_when_spent,
        )

    def _refusal(self, wish: Wish, refusal: Refusal) -> NewGrab:
        return NewGrab(
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
