"""What rules would have bought: the policy of grabs, asked at each poll as a dry run asks it."""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.cycle import Chances
from monitor.grab.book import Switch
from monitor.grab.cooling import Cooling
from monitor.grab.grab import Grab, GrabId, GrabStatus, Mode
from monitor.grab.policy import Choice, decide, is_news
from monitor.grab.reasons import Cause, reason
from monitor.grab.standing import Standing
from monitor.grab.wish import Buying, Wish
from monitor.market.money import NanoDollars, show
from monitor.rules.alert import RuleName

_HOUR = timedelta(hours=1)
_FOR_EVER = timedelta(days=36_500)
"""How long an instance lasts without `time_to_live`: longer than any recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """One instance as it would have been bought: had at the quoted price, until `until`.

    It ends by `time_to_live`, or else with the recording. `cost` is nano-dollars for all of it.
    """

    grab: Grab
    until: datetime
    cost: NanoDollars


class Purchases:
    """Buys in memory, and every create succeeds at its quote: refusals cannot be known."""

    def __init__(self, buying: Buying, rules: Container[RuleName]) -> None:
        """Buy for those of `rules` that buy: a test can be about some of a configuration's."""
        self.grabs: list[Grab] = []
        """All that was decided, in order; of what was refused, what is news, as in the book."""
        wishes = {name: wish for name, wish in buying.wishes.items() if name in rules}
        self._buying = replace(buying, wishes=wishes)

    @property
    def rules(self) -> Collection[RuleName]:
        """The rules that buy."""
        return self._buying.wishes.keys()

    def buy(self, marketplace: str, chances: Chances, now: datetime) -> None:
        """Decide for each rule that fires what it would buy out of its offers."""
        for rule in sorted(chances):
            wish = replace(self._buying.wishes[rule], mode=Mode.DRY_RUN)
            own = [grab for grab in self.grabs if grab.rule == rule]
            standing = self._standing(now, {rule: sum(map(_is_bought, own))})
            choice = decide(
                wish,
                self._buying,
                standing,
                [offer for match in chances[rule] for offer in match.met],
                marketplace=marketplace,
            )
            if isinstance(choice, Choice):
                self.grabs.append(_chosen(self._refused(wish, marketplace, now), wish, choice))
            elif is_news(choice, wish, standing, _last_refusal(own)):
                refused = self._refused(wish, marketplace, now)
                self.grabs.append(replace(refused, reason=choice.reason))

    def bought(self, rule: RuleName, end: datetime) -> tuple[Bought, ...]:
        """Return what a rule bought until the recording ended at `end`."""
        return tuple(
            _bought(grab, end) for grab in self.grabs if grab.rule == rule and _is_bought(grab)
        )

    def _standing(self, now: datetime, bought: Mapping[RuleName, int]) -> Standing:
        since = now - self._buying.memory
        return Standing(
            now=now,
            counting=(),  # what a dry run decided counts as if it had been bought
            recent=tuple(
                grab for grab in self.grabs if grab.created_at >= since or _lasts(grab, now)
            ),
            spent={},
            switch=Switch(),
            cooling=Cooling(hostnodes={}, marketplaces={}, presets={}),
            bought=bought,
        )

    def _refused(self, wish: Wish, marketplace: str, now: datetime) -> Grab:
        number = len(self.grabs) + 1
        return Grab(
            id=GrabId(number),
            version=1,
            chain=str(number),
            attempt=1,
            marketplace=marketplace,
            rule=wish.rule,
            preset=wish.preset.name,
            mode=wish.mode,
            status=GrabStatus.REFUSED,
            reason="",
            instance_name="",
            created_at=now,
        )


def _chosen(grab: Grab, wish: Wish, choice: Choice) -> Grab:
    best = choice.best[0]
    return replace(
        grab,
        status=GrabStatus.DRY_RUN,
        reason=reason(Cause.WOULD_BUY, f"{show(best.quoted)} $/h"),
        hostnode=best.hostnode,
        gpu=best.gpu,
        quoted=best.quoted,
        cap=choice.cap,
        time_to_live=wish.time_to_live or _FOR_EVER,
        stop_when_spent=wish.stop_when_spent,
    )


def _is_bought(grab: Grab) -> bool:
    return grab.status is GrabStatus.DRY_RUN


def _last_refusal(grabs: Sequence[Grab]) -> Grab | None:
    """Return the newest of the grabs of one rule if it was refused."""
    return grabs[-1] if grabs and grabs[-1].status is GrabStatus.REFUSED else None


def _lasts(grab: Grab, now: datetime) -> bool:
    return _is_bought(grab) and _ends_at(grab) > now


def _ends_at(grab: Grab) -> datetime:
    return grab.created_at + (grab.time_to_live or _FOR_EVER)


def _bought(grab: Grab, end: datetime) -> Bought:
    until = min(end, _ends_at(grab))
    cost = round((grab.quoted or 0) * ((until - grab.created_at) / _HOUR))
    return Bought(grab=grab, until=until, cost=NanoDollars(cost))
