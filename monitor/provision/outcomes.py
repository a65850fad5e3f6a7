"""A grab as it is to be written: being sent, not sent and why, and what an answer makes of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from monitor.grab.acts import created
from monitor.grab.grab import Grab, GrabStatus, Mode
from monitor.grab.reasons import Cause, Refusal, reason
from monitor.grab.wish import Wish
from monitor.market.instance import Created, CreateOutcome, NotCreated, Unclear
from monitor.market.money import NanoDollars, show

_LOOK_SOON = timedelta(seconds=2)
"""After an unclear outcome the list is looked at this soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of a grab, and the grab of the next candidate, if one is tried."""

    grab: Grab
    following: Grab | None = None


def stepped(written: Grab | None) -> Step | None:
    """Return the step of a grab that was written; `None` if somebody else has written it."""
    return None if written is None else Step(grab=written)


def sent(grab: Grab, quoted: NanoDollars, now: datetime, wish: Wish | None = None) -> Grab:
    """Return a grab as it is right before its request goes out, or would in a dry run.

    It ends as `wish` says, by which it was checked again, if it was decided earlier.
    """
    if wish is not None:
        spent = wish.stop_when_spent
        grab = replace(grab, time_to_live=wish.time_to_live, stop_when_spent=spent)
    told = f"{show(quoted)} $/h"
    if grab.mode is Mode.DRY_RUN:
        why = reason(Cause.WOULD_BUY, told)
        return replace(grab, status=GrabStatus.DRY_RUN, reason=why, quoted=quoted, ended_at=now)
    why = reason(Cause.SENT, told)
    return replace(grab, status=GrabStatus.SUBMITTED, reason=why, quoted=quoted, submitted_at=now)


def refused(grab: Grab, refusal: Refusal, now: datetime) -> Grab:
    """Return a grab that is not sent."""
    expired = refusal.cause is Cause.EXPIRED
    status = GrabStatus.EXPIRED if expired else GrabStatus.REFUSED
    return replace(grab, status=status, reason=refusal.reason, ended_at=now)


def answered(grab: Grab, outcome: CreateOutcome, now: datetime) -> Grab:
    """Return what an answer makes of a grab: created, failed, or unknown until the list tells."""
    match outcome:
        case Created(instance_id=instance_id):
            why = reason(Cause.CREATED, f"the marketplace calls it {instance_id}")
            return created(grab, instance_id, why, now)
        case NotCreated():
            why = reason(Cause.refused(outcome.reason), outcome.detail)
            return replace(grab, status=GrabStatus.FAILED, reason=why, ended_at=now)
        case Unclear(detail=detail):
            why = reason(Cause.UNCLEAR, detail)
            at = now + _LOOK_SOON
            return replace(grab, status=GrabStatus.UNKNOWN, reason=why, checks=0, check_at=at)
        case _:
            assert_never(outcome)
