"""How buying stands in numbers, for metrics: what there is, what it costs, how near its limits."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.grab.grab import Grab, GrabStatus, Mode
from monitor.grab.spending import Window, could, days, months
from monitor.grab.standing import Account, Standing
from monitor.grab.wish import Buying, Limits
from monitor.market.money import NANO_PER_DOLLAR, NanoDollars
from monitor.rules.alert import RuleName

ALL_RULES = RuleName("")
"""Stands for all rules together."""

_MONEY = {"max_total_per_hour", "max_spend_per_day", "max_spend_per_month"}


class Period(StrEnum):
    """What money is added up for; both are those of UTC."""

    DAY = "day"
    MONTH = "month"


class Hindrance(StrEnum):
    """What keeps anything from being bought at all."""

    DRY_RUN = "dry_run"
    PAUSED = "paused"
    STOP_FILE = "stop_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFigure:
    """A limit of a rule, or of `ALL_RULES`, and what counts against it, in its own unit.

    Money is dollars. `used` is what a new purchase is added to: of a day or month what was spent
    and what all there is could still spend in it, or in the next one if that is more.
    """

    rule: RuleName
    limit: str
    at_most: float
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All numbers of one instant; `overdue` are instances that should be gone, by rule."""

    per_hour: NanoDollars
    grabs: Mapping[tuple[RuleName, GrabStatus], int]
    overdue: Mapping[RuleName, int]
    spent: Mapping[tuple[RuleName, Period], NanoDollars]
    limits: tuple[LimitFigure, ...]
    hindrances: frozenset[Hindrance]


def figures(standing: Standing, buying: Buying, *, stopped: bool) -> Figures:
    """Return how buying stands; `stopped` says that the stop file exists."""
    hindrances = {
        Hindrance.DRY_RUN: buying.mode is Mode.DRY_RUN,
        Hindrance.PAUSED: standing.switch.paused,
        Hindrance.STOP_FILE: stopped,
    }
    return Figures(
        per_hour=NanoDollars(standing.account().per_hour),
        grabs=Counter((grab.rule, grab.status) for grab in standing.counting),
        overdue=Counter(grab.rule for grab in standing.counting if _overdue(grab, standing.now)),
        spent=dict(_spent(standing)),
        limits=tuple(_limits(standing, buying)),
        hindrances=frozenset(each for each, there in hindrances.items() if there),
    )


def _overdue(grab: Grab, now: datetime) -> bool:
    """Tell whether an instance should be gone: its time or money is up, or it is being deleted."""
    if grab.status is GrabStatus.DELETING or (grab.is_to_end and grab.submitted_at is not None):
        return True
    too_long = grab.ends_at is not None and now >= grab.ends_at
    return too_long or (grab.stop_when_spent is not None and grab.spent >= grab.stop_when_spent)


def _spent(standing: Standing) -> Iterator[tuple[tuple[RuleName, Period], NanoDollars]]:
    today, month = days(standing.now)[0], months(standing.now)[0]
    for rule in {rule for rule, _ in standing.spent}:
        of_rule = standing.account(rule).days
        yield (rule, Period.DAY), NanoDollars(today.spent(of_rule))
        yield (rule, Period.MONTH), NanoDollars(month.spent(of_rule))


def _limits(standing: Standing, buying: Buying) -> Iterator[LimitFigure]:
    yield from _figures(ALL_RULES, buying.limits, standing.account(), standing.now)
    for rule, wish in buying.wishes.items():
        yield from _figures(rule, wish.limits, standing.account(rule), standing.now)


def _figures(
    rule: RuleName, limits: Limits, account: Account, now: datetime
) -> Iterator[LimitFigure]:
    used = {
        "max_instances": account.instances,
        "max_total_per_hour": account.per_hour,
        "max_spend_per_day": _could_be_spent(account, days(now)),
        "max_spend_per_month": _could_be_spent(account, months(now)),
        "max_creates_per_hour": account.creates,
    }
    for limit, present in used.items():
        at_most = getattr(limits, limit)
        if at_most is not None:
            unit = NANO_PER_DOLLAR if limit in _MONEY else 1
            yield LimitFigure(rule=rule, limit=limit, at_most=at_most / unit, used=present / unit)


def _could_be_spent(account: Account, windows: Iterable[Window]) -> int:
    """Return what could be spent in the window in which that is most."""
    return max(each.spent(account.days) + could(account.stretches, each) for each in windows)
