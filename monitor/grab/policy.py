"""Whether a rule that fires buys now, and what; or why not. Pure.

`decide` is asked at each good poll at which the rule fires, `recheck` right before each request to
create. Both are given how things stand by a book that is alone with all buying, so that what they
allow is still allowed when their answer is committed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.grab.candidates import candidates
from monitor.grab.cooling import LONGEST
from monitor.grab.grab import Candidate, Grab, GrabStatus, Mode
from monitor.grab.limits import cap, over_counts, over_money
from monitor.grab.reasons import Cause, Refusal
from monitor.grab.standing import Standing, for_mode
from monitor.grab.wish import Buying, Wish, stricter
from monitor.market.money import NanoDollars, show
from monitor.market.offer import Offer

QUIET_FOR = timedelta(hours=1)
"""How long a refusal is not written again though others of the rule came in between."""

_NOT_TAKEN_UP = {GrabStatus.FAILED, GrabStatus.REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be bought: the first of `best`, or the next if that fails; `cap` per hour."""

    best: tuple[Candidate, ...]
    cap: NanoDollars


def decide(
    wish: Wish,
    buying: Buying,
    standing: Standing,
    offers: Iterable[Offer],
    *,
    marketplace: str,
) -> Choice | Refusal:
    """Return what `wish` buys out of a marketplace's `offers`, which meet its rule, or why not.

    Of several reasons not to, the one that lasts longest comes first.
    """
    standing = for_mode(standing, wish.mode)
    no = (
        held(standing)
        or _one_shot(wish, standing)
        or over_counts(wish, buying, standing)
        or _too_soon(wish, standing)
        or _backing_off(wish, standing, marketplace)
    )
    if no is not None:
        return no
    found = candidates(wish, offers, standing.cooling.hostnodes)
    if not found.best:
        left_out = ", ".join(f"{count} {what}" for what, count in sorted(found.left_out.items()))
        return Refusal(cause=Cause.NO_CANDIDATE, detail=f"of the offers: {left_out or 'none'}")
    cheapest = found.best[0].quoted
    over = over_money(wish, buying, standing, cheapest)
    if over is not None:
        return over
    most = cap(wish, buying, standing, cheapest)
    best = tuple(each for each in found.best if each.quoted <= most)
    return Choice(best=best[: buying.max_attempts], cap=most)


def recheck(grab: Grab, buying: Buying, standing: Standing, quoted: NanoDollars) -> Refusal | None:
    """Return why a grab that was decided, or approved, must not be sent now, if so.

    `quoted` is what the second look showed; the grab itself is not counted.
    """
    wish = buying.wishes.get(grab.rule)
    if wish is None or wish.preset.name != grab.preset:
        return Refusal(cause=Cause.RULE_REMOVED, detail="its rule does not buy this any more")
    if stricter(grab.mode, wish.mode) is not grab.mode:
        return Refusal(cause=Cause.MODE, detail=f"only {wish.mode.value} is allowed now")
    if grab.valid_until is not None and standing.now >= grab.valid_until:
        return Refusal(cause=Cause.EXPIRED, detail="it was decided too long ago")
    others = for_mode(standing.without(grab.id), grab.mode)
    return (
        held(others)
        or _one_shot(wish, others)
        or over_counts(wish, buying, others)
        or dearer(grab, quoted)
        or over_money(wish, buying, others, quoted)
    )


def held(standing: Standing) -> Refusal | None:
    """Return why nothing may be bought at all, if a person paused buying."""
    switch = standing.switch
    if not switch.paused:
        return None
    told = f"by {switch.by or 'somebody'}"
    return Refusal(cause=Cause.PAUSED, detail=f"{told}: {switch.reason}" if switch.reason else told)


def is_news(refusal: Refusal, wish: Wish, standing: Standing, last: Grab | None) -> bool:
    """Tell whether a refusal is to be written: `last` is the rule's newest grab if it is one too.

    The same cause is not written at every poll, nor again within the hour if several alternate.
    """
    before = [last] if last is not None else []
    for grab in standing.recent:
        if grab.rule != wish.rule or standing.now - grab.created_at >= QUIET_FOR:
            continue
        before = [*before, grab] if grab.status is GrabStatus.REFUSED else []
    return all(Cause.of(grab.reason) is not refusal.cause for grab in before)


def _one_shot(wish: Wish, standing: Standing) -> Refusal | None:
    waiting = any(grab.rule == wish.rule for grab in standing.counting)
    if wish.one_shot and (standing.bought.get(wish.rule) or waiting):
        return Refusal(cause=Cause.ONE_SHOT, detail="the rule buys once, and it has")
    return None


def _too_soon(wish: Wish, standing: Standing) -> Refusal | None:
    """Refuse while the cooldown since the last purchase, end or question of the rule lasts."""
    own = (grab for grab in standing.recent if grab.rule == wish.rule)
    until = max(_rests(own, wish, standing.now), default=standing.now)
    if until <= standing.now:
        return None
    return Refusal(cause=Cause.COOLDOWN, detail=f"until {to_the_second(until)}")


def _rests(own: Iterable[Grab], wish: Wish, now: datetime) -> Iterator[datetime]:
    """Yield until when each of a rule's grabs, oldest first, keeps it from the next.

    Each question that nobody answered doubles the pause after it: people sleep. A no to a question
    is not asked again for as long as that can become.
    """
    unanswered = 0
    for grab in own:
        ended = grab.ended_at or now
        if grab.status is GrabStatus.EXPIRED:
            asked = grab.mode is Mode.APPROVE
            if Cause.of(grab.reason) is Cause.REQUESTED:
                yield ended + wish.cooldown * (LONGEST if asked else 1)
            elif asked:
                yield ended + wish.cooldown * min(2**unanswered, LONGEST)
                unanswered += 1
        elif grab.is_to_end:
            yield ended + wish.cooldown
        elif _is_taken_up(grab, wish):
            yield (grab.submitted_at or grab.created_at) + wish.cooldown
            unanswered = 0 if grab.submitted_at else unanswered


def _is_taken_up(grab: Grab, wish: Wish) -> bool:
    if grab.status is GrabStatus.DRY_RUN:
        return wish.mode is Mode.DRY_RUN
    return grab.status not in _NOT_TAKEN_UP


def _backing_off(wish: Wish, standing: Standing, marketplace: str) -> Refusal | None:
    for who, until in (
        (f"the marketplace {marketplace}", standing.cooling.marketplaces.get(marketplace)),
        (f"the preset {wish.preset.name}", standing.cooling.presets.get(wish.preset.name)),
    ):
        if until is not None:
            told = f"a request was refused; {who} is left alone until {to_the_second(until)}"
            return Refusal(cause=Cause.BACKING_OFF, detail=told)
    return None


def dearer(grab: Grab, quoted: NanoDollars) -> Refusal | None:
    """Return that a grab costs more now than when it was decided, if it does."""
    if grab.quoted is None or quoted <= grab.quoted:
        return None
    told = f"{show(quoted)} $/h now, {show(grab.quoted)} when it was decided"
    return Refusal(cause=Cause.DEARER, detail=told)


def to_the_second(at: datetime) -> str:
    """Return an instant that a limit goes by: `2026-03-21 12:00:30 UTC`."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
