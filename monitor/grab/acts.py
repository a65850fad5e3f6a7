"""What a person can do to a grab, and when: approve it, end it, say what became of it. Pure.

Each act returns the grab as it is to be written, with `reason` set, or why it cannot be done.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.grab.grab import ENDED, Grab, GrabStatus
from monitor.grab.reasons import Cause, reason
from monitor.market.instance import InstanceId

SEND_WITHIN = timedelta(minutes=2)
"""What was decided or approved is sent in this time or not at all: offers do not last."""

_NOT_SENT = {GrabStatus.PLANNED, GrabStatus.AWAITING_APPROVAL}
_HAVING_AN_ID = {GrabStatus.CREATED, GrabStatus.RUNNING, GrabStatus.DELETING}
_NAMELESS = {GrabStatus.SUBMITTED, GrabStatus.UNKNOWN}


def approve(grab: Grab, by: str, now: datetime) -> Grab | str:
    """Return a grab that waited for a person as one to be sent; all is checked again before."""
    if grab.status is not GrabStatus.AWAITING_APPROVAL:
        return f"it is {grab.status.value}: only what is awaiting_approval can be approved"
    if grab.valid_until is not None and now >= grab.valid_until:
        return f"it could be approved until {grab.valid_until:%Y-%m-%d %H:%M} UTC"
    return replace(
        grab,
        status=GrabStatus.PLANNED,
        reason=reason(Cause.APPROVED, f"by {by}"),
        valid_until=now + SEND_WITHIN,
    )


def end(grab: Grab, by: str, now: datetime) -> Grab | str:
    """Return a grab on its way to its end: deleted, or never sent.

    One whose outcome is unclear has no id yet; it is deleted as soon as the list shows it.
    """
    asked = reason(Cause.REQUESTED, f"by {by}")
    if grab.status in ENDED:
        return f"it is {grab.status.value}: there is nothing to delete"
    if grab.status in _NOT_SENT:
        return replace(grab, status=GrabStatus.EXPIRED, reason=asked, ended_at=now)
    if grab.status is GrabStatus.DELETING:
        return "it is being deleted, until the marketplace no longer shows it"
    ending = replace(grab, time_to_live=timedelta(0), reason=asked)
    return ending if grab.status in _NAMELESS else deleting(ending, asked, now)


def deleting(grab: Grab, why: str, now: datetime) -> Grab:
    """Return a grab whose instance is to be deleted, beginning at once."""
    return replace(grab, status=GrabStatus.DELETING, reason=why, checks=0, check_at=now)


def resolve_as_failed(grab: Grab, by: str, now: datetime) -> Grab | str:
    """Return a grab of which a person knows that the marketplace made nothing."""
    if grab.status is not GrabStatus.UNKNOWN:
        return f"it is {grab.status.value}: only what is unknown can be resolved"
    why = reason(Cause.RESOLVED, f"nothing was made, says {by}")
    return replace(grab, status=GrabStatus.FAILED, reason=why, ended_at=now)


def resolve_as_created(grab: Grab, instance_id: InstanceId, by: str, now: datetime) -> Grab | str:
    """Return a grab of which a person knows the instance."""
    if grab.status is not GrabStatus.UNKNOWN:
        return f"it is {grab.status.value}: only what is unknown can be resolved"
    why = reason(Cause.RESOLVED, f"it is {instance_id}, says {by}")
    return created(grab, instance_id, why, now)


def resolve_as_gone(grab: Grab, by: str, now: datetime) -> Grab | str:
    """Return a grab of which a person knows that its instance is gone."""
    if grab.status not in _HAVING_AN_ID:
        return f"it is {grab.status.value}: only what is created, running or deleting can be gone"
    why = reason(Cause.RESOLVED, f"it is gone, says {by}")
    return replace(grab, status=GrabStatus.DELETED, reason=why, ended_at=now)


def created(grab: Grab, instance_id: InstanceId, why: str, now: datetime) -> Grab:
    """Return a grab whose instance is known, to be followed from now on."""
    return replace(
        grab,
        status=GrabStatus.CREATED,
        reason=why,
        instance_id=instance_id,
        ended_at=None,
        checks=0,
        check_at=now,
    )
