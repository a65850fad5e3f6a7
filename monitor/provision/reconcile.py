"""Following what was bought, all the time, whether buying is on or not.

One pass: end what has to end, charge what was spent, look at the marketplaces where a look is due,
write what it shows, and tell what is new. A pass that fails halfway has written only what it knew;
the next one goes on from there.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerting.notice import Message
from monitor.errors import MarketError
from monitor.grab.acts import deleting
from monitor.grab.book import Book
from monitor.grab.ending import CHARGED, Charges, charged, why_end
from monitor.grab.follow import Sight, follow, looked, unsettled
from monitor.grab.grab import BILLED, COUNTING, ENDED, RENAMED, Grab, GrabId, GrabStatus
from monitor.grab.reasons import Cause, reason
from monitor.grab.standing import Standing
from monitor.market.instance import InstanceStatus
from monitor.provision import messages
from monitor.provision.base import Shop, Tools, log, log_step, write
from monitor.provision.looking import Watched, delete, is_due, sight
from monitor.provision.news import news
from monitor.provision.orphans import Orphanage
from monitor.rules.alert import RuleName

CHARGE_EVERY = timedelta(minutes=1)
"""How often what an instance costs is written while nothing else changes."""
LATELY = timedelta(days=2)
"""How long a marketplace is looked through for what turns up late after the last purchase."""
GRACE = timedelta(seconds=30)
"""Beyond the time a create may take: then another process that was sending it is dead."""

FOLLOWING = RuleName("following")
"""Stands for no rule of a person's: for all that is followed."""

_UNSENT = {GrabStatus.PLANNED, GrabStatus.AWAITING_APPROVAL}
_NOT_RUNNING = {InstanceStatus.STOPPED, InstanceStatus.FAILED}
_STOPPED = "stopped"
_LOST = "lost"

Pair = tuple[Grab, Grab]
"""A grab before and after."""


class Reconciler:
    """Follows all grabs of all marketplaces.

    `sending` gives the grabs this process is sending; `alone` says that no other process can be
    sending any.
    """

    def __init__(
        self, tools: Tools, *, sending: Callable[[], Collection[GrabId]], alone: bool
    ) -> None:
        self._tools = tools
        self._sending = sending
        self._alone = alone
        self._watched: dict[str, Watched] = {}
        self._orphanage = Orphanage(tools)

    def run(self, now: datetime, marketplaces: Collection[str]) -> None:
        """Make one pass over what was bought, and over the `marketplaces` where rules buy.

        Raises:
            StoreError: what was not written is written by the next pass.
        """
        self._lapse(now)
        self._tell(now)
        living = self._read(BILLED)
        seen = False
        lately = () if marketplaces else self._lately(now)
        for name in sorted({*marketplaces, *lately, *(grab.marketplace for grab in living)}):
            shop = self._tools.shop(name)
            own = [grab for grab in living if grab.marketplace == name]
            if shop is None:
                self._tell_lost(own, now)
            else:
                seen |= self._look(name, shop, own, now)
        if seen:
            self._lapse(now)
            self._tell(now)

    def _read(self, statuses: Collection[GrabStatus]) -> tuple[Grab, ...]:
        with self._tools.books.reading() as book:
            return book.with_status(statuses)

    def _lately(self, now: datetime) -> set[str]:
        """Return where something was sent lately: it may turn up though no rule buys any more."""
        with self._tools.books.reading() as book:
            recent = book.since(now - LATELY)
        return {grab.marketplace for grab in recent if grab.submitted_at is not None}

    def _lapse(self, now: datetime) -> None:
        """Do what only time brings about: expire, give up waiting for an answer, end, charge."""
        with self._tools.books.reading() as book:
            if next(self._lapsing(book, now), None) is None:
                return
        with self._tools.books.book() as book:
            pairs = list(self._lapsing(book, now))
            written = [_save(book, pair, now) for pair in pairs]
        self._observe(written)
        for (before, _), grab in zip(pairs, written, strict=True):
            if grab is not None and before.status is GrabStatus.PLANNED:
                self._say(grab, messages.bought_nothing(grab), urgent=False)

    def _lapsing(self, book: Book, now: datetime) -> Iterator[Pair]:
        """Yield each grab on which time tells."""
        buying, standing = self._tools.buying(), Standing.of_living(book, now)
        sending = self._sending()
        for grab in standing.counting:
            after = grab if grab.id in sending else self._lapsed(grab, now)
            why = why_end(after, buying, standing)
            if why is not None:
                after = deleting(after, why, now)
            if after != grab or _is_to_be_charged(grab, now):
                yield grab, after

    def _lapsed(self, grab: Grab, now: datetime) -> Grab:
        if grab.status in _UNSENT and grab.valid_until is not None and now >= grab.valid_until:
            asked = grab.status is GrabStatus.AWAITING_APPROVAL
            told = "nobody approved it" if asked else "it could not be sent"
            why = reason(Cause.EXPIRED, f"{told} in time")
            return replace(grab, status=GrabStatus.EXPIRED, reason=why, ended_at=now)
        if grab.status is GrabStatus.SUBMITTED and self._is_abandoned(grab, now):
            return unsettled(grab, now)
        return grab

    def _is_abandoned(self, grab: Grab, now: datetime) -> bool:
        """Tell whether nobody can be waiting for the answer any more."""
        shop = self._tools.shop(grab.marketplace)
        patience = GRACE if shop is None else shop.create_timeout + GRACE
        return self._alone or now - (grab.submitted_at or now) > patience

    def _look(self, name: str, shop: Shop, living: Sequence[Grab], now: datetime) -> bool:
        """Look at one marketplace, if that is due; return whether it was seen."""
        watched = self._watched.setdefault(name, Watched())
        due = [grab for grab in living if is_due(grab, now)]
        if not watched.is_time(now, urgent=bool(due)):
            return False
        accepted = delete(shop.market, due)
        try:
            listed = shop.market.instances()
        except MarketError as error:
            log.warning("instances not listed", marketplace=name, error=str(error))
            watched.failed(now)
            if living and watched.is_to_be_told(now):
                message = messages.blind(name, living, watched.failing_since or now, str(error))
                self._tools.teller.tell(FOLLOWING, message, urgent=True)
            asked = [grab for grab in due if grab.status is GrabStatus.DELETING]
            self._write([(grab, looked(grab, now)) for grab in asked], now)
            return False
        watched.seen(now)
        sights = [sight(shop.market, grab, listed, accepted) for grab in due]
        pairs = zip(due, sights, strict=True)
        self._write([(grab, self._followed(grab, each, shop, now)) for grab, each in pairs], now)
        self._orphanage.survey(name, listed, now)
        return True

    def _followed(self, grab: Grab, seen: Sight, shop: Shop, now: datetime) -> Grab:
        """Return what a look makes of a grab; of its end people are told before it is written."""
        followed = follow(grab, seen, shop.create_timeout, now)
        after = self._told_of_a_name(self._told_of_a_stop(followed, seen), seen)
        if after.status not in ENDED:
            return after
        summed_up = charged(after, now)[0] if after.status is GrabStatus.DELETED else after
        told, untold = news(summed_up, now)
        for each in untold:
            self._say(grab, each.message, urgent=each.urgent)
        return replace(after, told=told.told)

    def _told_of_a_stop(self, grab: Grab, seen: Sight) -> Grab:
        """Tell once that an instance has stopped running; once it runs, forget that."""
        shown = seen.shown
        if shown is None or grab.status not in {GrabStatus.CREATED, GrabStatus.RUNNING}:
            return grab
        if shown.status is InstanceStatus.RUNNING and _STOPPED in grab.told:
            return replace(grab, told=tuple(key for key in grab.told if key != _STOPPED))
        if shown.status not in _NOT_RUNNING or _STOPPED in grab.told:
            return grab
        self._say(grab, messages.stopped(grab), urgent=True)
        return replace(grab, told=(*grab.told, _STOPPED))

    def _told_of_a_name(self, grab: Grab, seen: Sight) -> Grab:
        """Tell once that an instance is called otherwise; once it has our name, forget that."""
        shown = seen.shown
        if shown is None or not shown.name:
            return grab
        renamed = shown.name != grab.instance_name
        if renamed == grab.is_renamed:
            return grab
        if not renamed:
            return replace(grab, told=tuple(key for key in grab.told if key != RENAMED))
        self._say(grab, messages.renamed(grab, shown), urgent=True)
        return replace(grab, told=(*grab.told, RENAMED))

    def _tell(self, now: datetime) -> None:
        """Tell what people have not been told of the grabs that have not ended."""
        pairs: list[Pair] = []
        for grab in self._read(COUNTING):
            told, untold = news(grab, now)
            for each in untold:
                self._say(grab, each.message, urgent=each.urgent)
            if untold:
                pairs.append((grab, told))
        self._write(pairs, now)

    def _tell_lost(self, living: Sequence[Grab], now: datetime) -> None:
        """Tell once of each instance whose marketplace is no longer configured."""
        untold = [grab for grab in living if _LOST not in grab.told]
        for grab in untold:
            self._say(grab, messages.lost(grab), urgent=True)
        self._write([(grab, replace(grab, told=(*grab.told, _LOST))) for grab in untold], now)

    def _say(self, grab: Grab, message: Message, *, urgent: bool) -> None:
        self._tools.teller.tell(grab.rule, message, urgent=urgent)

    def _write(self, pairs: Sequence[Pair], now: datetime) -> None:
        changed = [pair for pair in pairs if pair[0] != pair[1]]
        if changed:
            with self._tools.books.book() as book:
                written = [_save(book, pair, now) for pair in changed]
            self._observe(written)

    def _observe(self, written: Sequence[Grab | None]) -> None:
        for grab in written:
            if grab is not None:
                log_step(grab)


def _save(book: Book, pair: Pair, now: datetime) -> Grab | None:
    """Write a grab and what it has cost; return it if it came to another status.

    If somebody else has written it meanwhile, nothing is: the next pass looks at it again.
    """
    before, after = pair
    due: Charges = ()
    if {before.status, after.status} & CHARGED and (
        before.status is not after.status or _is_to_be_charged(before, now)
    ):
        after, due = charged(after, now)
    written = write(book, before, after, now)
    if written is None:
        return None
    for day, amount in due:
        book.charge(after.rule, day, amount)
    return written if written.status is not before.status else None


def _is_to_be_charged(grab: Grab, now: datetime) -> bool:
    since = grab.spent_until or grab.submitted_at
    if grab.status not in CHARGED or since is None:
        return False
    return now - since >= CHARGE_EVERY or now.date() != since.date()
