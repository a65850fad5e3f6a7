"""What the configuration says about buying: what each rule may buy, and within which limits."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum

from monitor.grab.grab import Mode
from monitor.grab.preset import Preset
from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName
from monitor.rules.conditions import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What must not be exceeded, by one rule or by all together; `None` is no limit.

    Money is nano-dollars; days and months are those of UTC.
    """

    max_instances: int | None = None
    max_total_per_hour: NanoDollars | None = None
    max_spend_per_day: NanoDollars | None = None
    max_spend_per_month: NanoDollars | None = None
    max_creates_per_hour: int | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the limits that are not set."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one rule buys when it fires, in the stricter of its own mode and the one of all.

    An offer must meet `conditions`, the rule's own, when it is looked at again.
    `max_total_per_hour` is nano-dollars for one instance, all parts; `limits` are the rule's own.
    `one_shot` rules buy once, ever.
    """

    rule: RuleName
    preset: Preset
    mode: Mode
    conditions: tuple[Condition, ...] = ()
    max_total_per_hour: NanoDollars | None = None
    limits: Limits = Limits(max_instances=1)
    cooldown: timedelta = timedelta(minutes=10)
    time_to_live: timedelta | None = None
    stop_when_spent: NanoDollars | None = None
    one_shot: bool = False


class Orphans(StrEnum):
    """What becomes of instances that carry our name and are in no row."""

    TELL = "tell"
    ADOPT = "adopt"
    DELETE = "delete"


class WhenDearer(StrEnum):
    """What becomes of an instance that is billed at more than was allowed."""

    TELL = "tell"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buying:
    """All that the configuration says about buying.

    `limits` are over all rules. A hostnode that refused is left alone for `host_cooldown`, twice
    as long after each further refusal; one alert tries at most `max_attempts` hostnodes.
    """

    mode: Mode = Mode.DRY_RUN
    wishes: Mapping[RuleName, Wish]
    limits: Limits = Limits()
    stop_file: str = ""
    approve_within: timedelta = timedelta(minutes=15)
    max_attempts: int = 5
    host_cooldown: timedelta = timedelta(minutes=10)
    orphans: Orphans = Orphans.TELL
    when_dearer: WhenDearer = WhenDearer.TELL

    @property
    def memory(self) -> timedelta:
        """How far back decisions look: whatever still holds something back began after that."""
        wishes = self.wishes.values()
        dry = (wish.time_to_live for wish in wishes if wish.mode is Mode.DRY_RUN)
        lasting = [*(wish.cooldown for wish in wishes), *(life for life in dry if life)]
        return max([timedelta(days=1), *lasting]) + self.approve_within


_LOOSENESS = {Mode.DRY_RUN: 0, Mode.APPROVE: 1, Mode.LIVE: 2}


def stricter(one: Mode, other: Mode) -> Mode:
    """Return the mode that allows less."""
    return min(one, other, key=_LOOSENESS.__getitem__)
