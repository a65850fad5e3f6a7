"""Whether one more instance stays within the limits of its rule and of all rules together."""

from collections.abc import Iterator

from monitor.grab.grab import Mode
from monitor.grab.reasons import Cause, Refusal
from monitor.grab.spending import ahead, could, days, months
from monitor.grab.standing import Account, Standing
from monitor.grab.wish import Buying, Limits, Wish
from monitor.market.money import NanoDollars, show


def over_counts(wish: Wish, buying: Buying, standing: Standing) -> Refusal | None:
    """Return the limit on numbers that one more instance would exceed, whatever it costs."""
    if wish.mode is Mode.LIVE and buying.limits.missing:
        missing = ", ".join(buying.limits.missing)
        return Refusal(cause=Cause.LIMIT_MISSING, detail=f"live buying also needs {missing}")
    return next(_over_counts(wish, buying, standing), None)


def over_money(
    wish: Wish, buying: Buying, standing: Standing, quoted: NanoDollars
) -> Refusal | None:
    """Return the limit on money that an instance at `quoted` per hour would exceed."""
    return next(_over_money(wish, buying, standing, quoted), None)


def cap(wish: Wish, buying: Buying, standing: Standing, quoted: NanoDollars) -> NanoDollars:
    """Return the most per hour that is allowed for an instance quoted at `quoted`.

    Where nothing limits it, that is the quote itself.
    """
    total = buying.limits.max_total_per_hour
    left = None if total is None else total - standing.account().per_hour
    allowed = [each for each in (wish.max_total_per_hour, left) if each is not None]
    return NanoDollars(max(min(allowed), quoted)) if allowed else quoted


def _scopes(
    wish: Wish, buying: Buying, standing: Standing
) -> Iterator[tuple[str, Limits, Account]]:
    yield "of the rule", wish.limits, standing.account(wish.rule)
    yield "of all rules", buying.limits, standing.account()


def _over_counts(wish: Wish, buying: Buying, standing: Standing) -> Iterator[Refusal]:
    for whose, limits, account in _scopes(wish, buying, standing):
        for cause, present, limit, what in (
            (Cause.OVER_INSTANCES, account.instances, limits.max_instances, "instances"),
            (
                Cause.OVER_CREATES_PER_HOUR,
                account.creates,
                limits.max_creates_per_hour,
                "creates within an hour",
            ),
        ):
            if limit is not None and present >= limit:
                yield Refusal(cause=cause, detail=f"{present} of {limit} {what} {whose}")


def _over_money(
    wish: Wish, buying: Buying, standing: Standing, quoted: NanoDollars
) -> Iterator[Refusal]:
    new = ahead(
        rate=quoted,
        start=standing.now,
        time_left=wish.time_to_live,
        money_left=wish.stop_when_spent,
        now=standing.now,
    )
    for whose, limits, account in _scopes(wish, buying, standing):
        per_hour = account.per_hour + quoted
        if limits.max_total_per_hour is not None and per_hour > limits.max_total_per_hour:
            told = f"{show(NanoDollars(per_hour))} of {show(limits.max_total_per_hour)} $/h {whose}"
            yield Refusal(cause=Cause.OVER_TOTAL_PER_HOUR, detail=told)
        bounds = [
            (cause, limit, window)
            for cause, limit, windows in (
                (Cause.OVER_SPEND_PER_DAY, limits.max_spend_per_day, days),
                (Cause.OVER_SPEND_PER_MONTH, limits.max_spend_per_month, months),
            )
            if limit is not None
            for window in windows(standing.now)
        ]
        if not bounds:
            continue
        days_spent, stretches = account.days, (*account.stretches, new)
        for cause, limit, window in bounds:
            total = window.spent(days_spent) + could(stretches, window)
            if total > limit:
                told = f"up to {show(NanoDollars(total))} of {show(limit)} $ {window.name}"
                yield Refusal(cause=cause, detail=f"{told} {whose}{_advice(wish)}")


def _advice(wish: Wish) -> str:
    endless = wish.time_to_live is None and wish.stop_when_spent is None
    return "; give the rule a time_to_live" if endless else ""
