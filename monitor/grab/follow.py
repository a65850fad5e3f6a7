"""What a look at the marketplace makes of a grab: found, running, gone, or not known yet. Pure.

Only a good list of instances is a look; a list that failed is none, and changes nothing. What a
list does not show may still be there: lists were seen to lag a minute behind a create.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from monitor.grab.acts import created
from monitor.grab.grab import MISSING, Grab, GrabStatus
from monitor.grab.reasons import Cause, reason
from monitor.market.instance import Instance, InstanceStatus

LAG = timedelta(minutes=5)
"""How long a list may not show what was made."""
NEVER_MADE_AFTER = timedelta(minutes=15)
"""Beyond the time a create may take; then what no list has shown was not made."""
LOOKS = 3
"""How many looks in a row must agree that an instance is gone."""
MISSING_AFTER = 10
"""After how many of them in a row people are told, if it cannot be asked for alone."""

NAMELESS = reason(Cause.UNCLEAR, "no list shows it, but instances without names, which may be it")
"""Why what is unknown is not given up, though no list shows its name."""

_FIRST_PAUSE = timedelta(seconds=2)
_PAUSES = {
    GrabStatus.CREATED: timedelta(seconds=20),
    GrabStatus.UNKNOWN: timedelta(minutes=1),
    GrabStatus.DELETING: timedelta(minutes=1),
}
_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the marketplace shows of one grab's instance.

    `listed` is what a good list shows. `alone` is the answer to the question for its id, and
    `asked` whether there was an answer: `None` is then a definite "there is none". `accepted` says
    that a request to delete it was accepted just before, `nameless` that the list has instances
    whose names it does not tell: one of them may be what is sought by its name.
    """

    listed: Instance | None
    alone: Instance | None = None
    asked: bool = False
    accepted: bool = False
    nameless: bool = False

    @property
    def shown(self) -> Instance | None:
        """The instance, if anything shows that there is one."""
        for found in (self.alone, self.listed):
            if found is not None and found.status is not InstanceStatus.DELETED:
                return found
        return None

    @property
    def says_gone(self) -> bool:
        """Whether the marketplace shows it as deleted, in so many words."""
        return self.shown is None and (self.alone or self.listed) is not None


def follow(grab: Grab, sight: Sight, create_timeout: timedelta, now: datetime) -> Grab:
    """Return what a look at `now` makes of a grab on which money is, or may be, spent.

    A new status comes with its reason.
    """
    match grab.status:
        case GrabStatus.UNKNOWN:
            return _unknown(grab, sight, create_timeout, now)
        case GrabStatus.CREATED | GrabStatus.RUNNING:
            return _alive(grab, sight, now)
        case GrabStatus.DELETING:
            return _deleting(grab, sight, now)
        case (
            GrabStatus.SUBMITTED
            | GrabStatus.PLANNED
            | GrabStatus.AWAITING_APPROVAL
            | GrabStatus.DRY_RUN
            | GrabStatus.DELETED
            | GrabStatus.REFUSED
            | GrabStatus.FAILED
            | GrabStatus.EXPIRED
        ):
            return grab
        case _:
            assert_never(grab.status)


def looked(grab: Grab, now: datetime) -> Grab:
    """Return a grab that was looked for once more in vain."""
    return replace(grab, checks=grab.checks + 1, check_at=_next(grab, now))


def unsettled(grab: Grab, now: datetime) -> Grab:
    """Return a grab that was being sent when the program died."""
    return replace(
        grab,
        status=GrabStatus.UNKNOWN,
        reason=reason(Cause.INTERRUPTED, "the program ended before there was an answer"),
        checks=0,
        check_at=now,
    )


def reappeared(grab: Grab, instance: Instance, now: datetime) -> Grab | None:
    """Return a grab that had ended, and whose instance is listed after all; `None` if it is not.

    One that was thought never made is followed as if it had just been found; one that was deleted
    is deleted again, and all is told anew. A name that was never sent cannot be ours, whatever the
    list shows.
    """
    why = reason(Cause.FOUND, f"the list shows {instance.id} after all")
    if grab.status is GrabStatus.FAILED and grab.submitted_at is not None:
        return created(grab, instance.id, why, now)
    if grab.status is not GrabStatus.DELETED or grab.instance_id != instance.id:
        return None
    again = replace(created(grab, instance.id, why, now), told=())
    if Cause.of(grab.reason) in {Cause.VANISHED, Cause.RESOLVED}:
        return again
    return replace(again, status=GrabStatus.DELETING)


def _unknown(grab: Grab, sight: Sight, create_timeout: timedelta, now: datetime) -> Grab:
    if sight.shown is not None:
        why = reason(Cause.FOUND, f"the list shows {sight.shown.id}")
        return created(grab, sight.shown.id, why, now)
    again = looked(grab, now)
    if again.checks < LOOKS or _age(grab, now) < create_timeout + NEVER_MADE_AFTER:
        return again
    if sight.nameless:
        return replace(again, reason=NAMELESS)
    why = reason(Cause.NEVER_MADE, f"{again.checks} lists of instances did not show it")
    return replace(again, status=GrabStatus.FAILED, reason=why, ended_at=now)


def _alive(grab: Grab, sight: Sight, now: datetime) -> Grab:
    if sight.shown is None:
        if _age(grab, now) < LAG:
            return replace(grab, check_at=_next(grab, now))
        again = looked(grab, now)
        denied = sight.asked or sight.says_gone
        if not denied or again.checks < LOOKS:
            return again
        why = reason(Cause.VANISHED, f"{again.checks} looks did not show it")
        return replace(again, status=GrabStatus.DELETED, reason=why, ended_at=now)
    seen = _seen(grab, sight, sight.shown, now)
    if grab.status is GrabStatus.RUNNING or sight.shown.status is not InstanceStatus.RUNNING:
        return seen
    where = f"at {seen.address}" if seen.address else "its address is not told"
    why = reason(Cause.RUNNING, where)
    return replace(seen, status=GrabStatus.RUNNING, reason=why, running_at=now)


def _seen(grab: Grab, sight: Sight, shown: Instance, now: datetime) -> Grab:
    """Return a grab with what its instance shows; what is not told stays as it was known."""
    found = [each for each in (sight.alone, sight.listed) if each is not None]
    rate = next((each.rate for each in found if each.rate), grab.billed)
    return replace(
        grab,
        billed=rate,
        address=shown.address or grab.address,
        forwards=shown.forwards or grab.forwards,
        checks=0,
        check_at=_next(grab, now),
        told=tuple(key for key in grab.told if key != MISSING),
    )


def _deleting(grab: Grab, sight: Sight, now: datetime) -> Grab:
    again = looked(grab, now)
    if sight.shown is not None:
        return again
    denied = sight.asked and (sight.accepted or _age(grab, now) >= LAG)
    if not denied and not sight.says_gone:
        return again
    why = reason(Cause.GONE_AS_ASKED, "the marketplace does not show it any more")
    return replace(again, status=GrabStatus.DELETED, reason=why, ended_at=now)


def _next(grab: Grab, now: datetime) -> datetime:
    """Return when to look again: within seconds at first, then with growing pauses."""
    longest = _PAUSES.get(grab.status, _PAUSE)
    if grab.status is GrabStatus.DELETING:
        growing = _FIRST_PAUSE * (1 << min(grab.checks, 6))
    elif grab.status is GrabStatus.RUNNING:
        growing = longest
    else:
        growing = max(_age(grab, now) / 4, _FIRST_PAUSE)
    return now + min(growing, longest)


def _age(grab: Grab, now: datetime) -> timedelta:
    return now - (grab.submitted_at or grab.created_at)
