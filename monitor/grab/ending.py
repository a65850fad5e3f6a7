"""When an instance has to end, and what it has cost. Pure."""

from dataclasses import replace
from datetime import date, datetime

from monitor.grab.grab import NOTHING, Grab, GrabStatus
from monitor.grab.reasons import Cause, reason
from monitor.grab.spending import by_day, days, months
from monitor.grab.standing import Account, Standing
from monitor.grab.wish import Buying, Limits, WhenDearer
from monitor.market.money import NanoDollars, show

Charges = tuple[tuple[date, NanoDollars], ...]
"""What is to be charged on which days."""

CHARGED = frozenset({GrabStatus.CREATED, GrabStatus.RUNNING, GrabStatus.DELETING})
"""These have an instance that costs money for sure."""
_ALIVE = {GrabStatus.CREATED, GrabStatus.RUNNING}


def why_end(grab: Grab, buying: Buying, standing: Standing) -> str | None:
    """Return why an instance is to be deleted at `standing.now`, as a reason; `None` if it is not.

    What a day or a month may cost was reserved when it was bought; it is only reached if the
    marketplace bills more than it quoted, or the limit was lowered. Then everything ends that
    costs money under this limit: a limit that is not enforced is none. What its owner has renamed
    is not ended: it would not be deleted.
    """
    if grab.status not in _ALIVE or grab.is_renamed:
        return None
    now = standing.now
    if grab.is_to_end:
        return reason(Cause.REQUESTED, "as soon as it was found")
    if grab.ends_at is not None and now >= grab.ends_at:
        return reason(Cause.TIME_TO_LIVE, f"{grab.time_to_live} are over")
    if grab.stop_when_spent is not None and cost(grab, now) >= grab.stop_when_spent:
        return reason(Cause.SPENT, f"{show(grab.stop_when_spent)} $ are spent")
    if buying.when_dearer is WhenDearer.DELETE and is_over_cap(grab):
        return reason(Cause.DEARER, "it is billed at more than was allowed")
    wish = buying.wishes.get(grab.rule)
    own = None if wish is None else _reached(wish.limits, standing.account(grab.rule), now)
    told = own or _reached(buying.limits, standing.account(), now)
    return None if told is None else reason(Cause.LIMIT_REACHED, told)


def is_over_cap(grab: Grab) -> bool:
    """Tell whether a grab is billed at more per hour than was allowed when it was decided."""
    return grab.billed is not None and grab.cap is not None and grab.billed > grab.cap


def cost(grab: Grab, now: datetime) -> NanoDollars:
    """Return what a grab's instance has cost until `now`."""
    return NanoDollars(grab.spent + sum(amount for _, amount in running_up(grab, now)))


def running_up(grab: Grab, now: datetime) -> Charges:
    """Return what a grab's instance has cost and is not charged yet; nothing if there is none."""
    return _uncharged(grab, now) if grab.status in CHARGED else ()


def charged(grab: Grab, now: datetime) -> tuple[Grab, Charges]:
    """Return a grab with its cost counted until `now`, and what is to be charged on which days.

    What the marketplace bills counts, and until that is known what it quoted.
    """
    due = tuple(_uncharged(grab, now))
    spent = NanoDollars(grab.spent + sum(amount for _, amount in due))
    start = _start(grab)
    return replace(grab, spent=spent, spent_until=max(now, start) if start else now), due


def _uncharged(grab: Grab, now: datetime) -> Charges:
    start = _start(grab)
    if start is None:
        return ()
    return tuple(by_day(grab.billed or grab.quoted or NOTHING, start, now))


def _start(grab: Grab) -> datetime | None:
    return grab.spent_until or grab.submitted_at


def _reached(limits: Limits, account: Account, now: datetime) -> str | None:
    for limit, window in (
        (limits.max_spend_per_day, days(now)[0]),
        (limits.max_spend_per_month, months(now)[0]),
    ):
        if limit is None:
            continue
        run_up = (
            replace(each, end=now, most=None).within(window.start, now)
            for each in account.stretches
        )
        spent = window.spent(account.days) + sum(run_up)
        if spent > limit:
            return f"{show(NanoDollars(spent))} of {show(limit)} $ are spent {window.name}"
    return None
