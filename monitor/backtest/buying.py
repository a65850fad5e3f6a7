"""What rules would have bought: the policy of grabs, asked at each poll as a dry run asks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.grab.book import Switch
from monitor.grab.cooling import Cooling
from monitor.grab.grab import Grab, GrabId, GrabStatus, Mode
from monitor.grab.policy import Choice, decide
from monitor.grab.standing import Standing
from monitor.grab.wish import Buying, Wish
from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
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

    def __init__(self, buying: Buying) -> None:
        self._buying = buying
        self._grabs: list[Grab] = []

    def decide(
        self, marketplace: str, offers: Mapping[RuleName, Sequence[Offer]], now: datetime
    ) -> None:
        """Decide for each rule that fires what it would buy out of its offers."""
        for rule in sorted(offers.keys() & self._buying.wishes.keys()):
            wish = replace(self._buying.wishes[rule], mode=Mode.DRY_RUN)
            choice = decide(
                wish,
                self._buying,
                self._standing(now),
                offers[rule],
                marketplace=marketplace,
                bought=sum(grab.rule == rule for grab in self._grabs),
            )
            if isinstance(choice, Choice):
                self._grabs.append(self._grab(wish, choice, marketplace, now))

    def bought(self, rule: RuleName, end: datetime) -> tuple[Bought, ...]:
        """Return what a rule bought until the recording ended at `end`."""
        return tuple(_bought(grab, end) for grab in self._grabs if grab.rule == rule)

    def _standing(self, now: datetime) -> Standing:
        since = now - self._buying.memory
        return Standing(
            now=now,
            counting=(),  # what a dry run decided counts as if it had been bought
            recent=tuple(
                grab for grab in self._grabs if grab.created_at >= since or _ends_at(grab) > now
            ),
            spent={},
            switch=Switch(),
            cooling=Cooling(hostnodes={}, marketplaces={}, presets={}),
        )

    def _grab(self, wish: Wish, choice: Choice, marketplace: str, now: datetime) -> Grab:
        number = len(self._grabs) + 1
        best = choice.best[0]
        return Grab(
            id=GrabId(number),
            version=1,
            chain=str(number),
            attempt=1,
            marketplace=marketplace,
            rule=wish.rule,
            preset=wish.preset.name,
            mode=wish.mode,
            status=GrabStatus.DRY_RUN,
            reason="",
            instance_name="",
            hostnode=best.hostnode,
            gpu=best.gpu,
            quoted=best.quoted,
            cap=choice.cap,
            created_at=now,
            time_to_live=wish.time_to_live or _FOR_EVER,
            stop_when_spent=wish.stop_when_spent,
        )


def _ends_at(grab: Grab) -> datetime:
    return grab.created_at + (grab.time_to_live or _FOR_EVER)


def _bought(grab: Grab, end: datetime) -> Bought:
    until = min(end, _ends_at(grab))
    cost = round((grab.quoted or 0) * ((until - grab.created_at) / _HOUR))
    return Bought(grab=grab, until=until, cost=NanoDollars(cost))
