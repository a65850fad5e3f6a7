"""What the book says at one instant: everything that limits are reckoned from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from monitor.grab.book import Book, Switch
from monitor.grab.cooling import Cooling, cooling
from monitor.grab.grab import COUNTING, Grab, GrabId, GrabStatus, Mode
from monitor.grab.spending import HOUR, Stretch, months, stretch
from monitor.grab.wish import Buying
from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName

AS_IF_BOUGHT = timedelta(days=1)
"""How long what a dry run would have bought without `time_to_live` counts, for later dry runs."""

_WAITING = {GrabStatus.PLANNED, GrabStatus.AWAITING_APPROVAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How buying stands at `now`.

    `counting` are the grabs that count against limits, `recent` all of the time that matters,
    oldest first. `bought` is how many each rule that buys once ever bought. `version` is the
    book's: it holds until the book has another one. `dry` says that what dry runs decided counts.
    """

    now: datetime
    version: int = 0
    counting: tuple[Grab, ...]
    recent: tuple[Grab, ...]
    spent: Mapping[tuple[RuleName, date], NanoDollars]
    switch: Switch
    cooling: Cooling
    bought: Mapping[RuleName, int] = field(default_factory=dict)
    dry: bool = False

    @classmethod
    def read(cls, book: Book, buying: Buying, now: datetime) -> "Standing":
        """Return how things stand by an open book."""
        recent = book.since(now - buying.memory)
        once = (wish.rule for wish in buying.wishes.values() if wish.one_shot)
        return cls(
            now=now,
            version=book.version(),
            counting=book.with_status(COUNTING),
            recent=recent,
            spent=book.spent(months(now)[0].start.date()),
            switch=book.switch(),
            cooling=cooling(recent, buying.host_cooldown, now),
            bought={rule: book.bought_by(rule) for rule in once},
        )

    @classmethod
    def of_living(cls, book: Book, now: datetime) -> "Standing":
        """Return as much of it as tells whether something has to end."""
        return cls(
            now=now,
            counting=book.with_status(COUNTING),
            recent=(),
            spent=book.spent(months(now)[0].start.date()),
            switch=book.switch(),
            cooling=Cooling(hostnodes={}, marketplaces={}, presets={}),
        )

    def at(self, now: datetime, buying: Buying) -> "Standing":
        """Return how things stand later, if nothing was written meanwhile."""
        return replace(self, now=now, cooling=cooling(self.recent, buying.host_cooldown, now))

    def without(self, grab: GrabId) -> "Standing":
        """Return how things would stand if one grab were not there."""
        return replace(
            self,
            counting=tuple(each for each in self.counting if each.id != grab),
            recent=tuple(each for each in self.recent if each.id != grab),
        )

    def with_dry_runs(self) -> "Standing":
        """Return how things would stand if what dry runs decided had been bought.

        So that a dry run keeps the limits as buying would, and does not decide anew at each poll.
        """
        counting = (*self.counting, *filter(self._as_if_bought, self.recent))
        return replace(self, counting=counting, dry=True)

    def account(self, rule: RuleName | None = None) -> "Account":
        """Return what counts against the limits of a rule, or of all together."""
        if rule is None:
            return Account(standing=self, counting=self.counting)
        own = tuple(grab for grab in self.counting if grab.rule == rule)
        return Account(standing=self, counting=own, rule=rule)

    def _as_if_bought(self, grab: Grab) -> bool:
        lasts = grab.time_to_live or AS_IF_BOUGHT
        return grab.status is GrabStatus.DRY_RUN and self.now - grab.created_at < lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What counts against one set of limits, those of a `rule` or of all together.

    Each sum is made when it is asked for: a purchase waits for it. Money is nano-dollars.
    """

    standing: Standing
    counting: tuple[Grab, ...]
    rule: RuleName | None = None

    @property
    def instances(self) -> int:
        """How many instances there are, or may be."""
        return len(self.counting)

    @property
    def per_hour(self) -> int:
        """What they cost per hour."""
        return sum(grab.rate for grab in self.counting)

    @property
    def creates(self) -> int:
        """How many were sent within the last hour, or may be sent yet."""
        recent = (grab for grab in self.standing.recent if self.rule in {None, grab.rule})
        once = {grab.id: grab for grab in (*recent, *self.counting)}
        return sum(map(self._is_create, once.values()))

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """What they could spend yet."""
        return tuple(stretch(grab, self.standing.now) for grab in self.counting)

    @property
    def days(self) -> Mapping[date, int]:
        """What was spent on each day."""
        days: dict[date, int] = {}
        for (of, day), amount in self.standing.spent.items():
            if self.rule in {None, of}:
                days[day] = days.get(day, 0) + amount
        return days

    def _is_create(self, grab: Grab) -> bool:
        if grab.status is GrabStatus.DRY_RUN:
            return self.standing.dry and self.standing.now - grab.created_at < HOUR
        if grab.submitted_at is not None:
            return self.standing.now - grab.submitted_at < HOUR
        return grab.status in _WAITING


def for_mode(standing: Standing, mode: Mode) -> Standing:
    """Return how things stand for a purchase in `mode`."""
    return standing.with_dry_runs() if mode is Mode.DRY_RUN else standing
