"""What will be decided, foreseen without a book: by what one said before the poll. Pure.

So the hostnode can be read again before a book is opened, and one book both decide and say that
it is being sent. Whatever came in between, in the book or in the configuration, makes what was
foreseen void: then the book decides, as always.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.grab.book import Book
from monitor.grab.grab import Candidate, Grab, Mode
from monitor.grab.policy import Choice, decide
from monitor.grab.reasons import Refusal
from monitor.grab.standing import Standing
from monitor.grab.wish import Buying, Wish
from monitor.market.offer import Offer
from monitor.rules.alert import RuleName


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """The rules that fire at a good poll, each with the offers that meet it."""

    marketplace: str
    at: datetime
    offers: Mapping[RuleName, Collection[Offer]]

    def wishes(self, buying: Buying) -> list[Wish]:
        """Return what they wish for, in the order in which they are served."""
        return [buying.wishes[rule] for rule in sorted(self.offers.keys() & buying.wishes.keys())]

    def choose(self, wish: Wish, buying: Buying, standing: Standing) -> Choice | Refusal:
        """Return what one of them buys, or why not."""
        offers = self.offers[wish.rule]
        return decide(wish, buying, standing, offers, marketplace=self.marketplace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How buying stood by a book that was read, and the configuration it was read for."""

    standing: Standing
    buying: Buying

    @classmethod
    def read(
        cls, book: Book, buying: Buying, now: datetime, before: "Known | None" = None
    ) -> "Known":
        """Return what is known at `now`; what was `before` is not read again if it still holds."""
        if before is not None and before.holds(book, buying):
            return Known(standing=before.standing.at(now, buying), buying=buying)
        return Known(standing=Standing.read(book, buying, now), buying=buying)

    def holds(self, book: Book, buying: Buying) -> bool:
        """Tell whether nothing has come in between, in the book or in the configuration."""
        return self.standing.version == book.version() and self.buying is buying


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen(Known):
    """What `wish` chooses if nothing comes in between."""

    wish: Wish
    choice: Choice

    @property
    def best(self) -> Candidate:
        """What it is going to buy."""
        return self.choice.best[0]

    def is_for(self, grab: Grab, buying: Buying) -> bool:
        """Tell whether a grab that was decided by `buying` is what was foreseen, and looked at."""
        expected = (self.wish.rule, self.best.hostnode, self.best.gpu)
        is_same = (grab.rule, grab.hostnode, grab.gpu) == expected
        return is_same and buying.wishes.get(grab.rule) == self.wish


def foresee(firing: Firing, known: Known) -> Foreseen | None:
    """Return what is bought first without asking a person, going by what was known before."""
    buying = known.buying
    standing = replace(known.standing, now=firing.at)
    for wish in firing.wishes(buying):
        choice = firing.choose(wish, buying, standing)
        if isinstance(choice, Choice) and wish.mode is not Mode.APPROVE:
            return Foreseen(standing=standing, buying=buying, wish=wish, choice=choice)
    return None
