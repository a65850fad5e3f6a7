"""Which news of a grab people have not been told.

What is told follows from the row alone, and `told` names what was: so a crash between the telling
and the writing tells twice, and never not at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alerting.notice import Message
from monitor.grab.ending import is_over_cap
from monitor.grab.follow import MISSING_AFTER, NAMELESS
from monitor.grab.grab import MISSING, Grab, GrabStatus
from monitor.provision import messages

_STILL = "still_billing"
_STILL_AFTER, _STILL_EVERY = 8, 30
"""Requests to delete: the first eight take some four minutes, thirty more half an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing to tell; `key` is what `told` remembers."""

    key: str
    message: Message
    urgent: bool = False


def news(grab: Grab, now: datetime) -> tuple[Grab, tuple[News, ...]]:
    """Return what is to be told about a grab, and the grab as it is once that was done."""
    untold = tuple(each for each in _all(grab, now) if each.key not in grab.told)
    if not untold:
        return grab, ()
    new = [each.key for each in untold]
    outdated = _STILL if any(key.startswith(_STILL) for key in new) else "\0"
    kept = [key for key in grab.told if not key.startswith(outdated)]
    return replace(grab, told=(*kept, *new)), untold


def _all(grab: Grab, now: datetime) -> Iterator[News]:
    match grab.status:
        case GrabStatus.AWAITING_APPROVAL:
            yield News(key="asked", message=messages.asks(grab), urgent=True)
        case GrabStatus.UNKNOWN:
            key = "nameless" if grab.reason == NAMELESS else "unknown"
            yield News(key=key, message=messages.unclear(grab), urgent=True)
        case GrabStatus.CREATED:
            yield News(key="bought", message=messages.bought(grab))
            yield from _dearer(grab)
            yield from _missing(grab)
        case GrabStatus.RUNNING:
            yield News(key="runs", message=messages.runs(grab))
            yield from _dearer(grab)
            yield from _missing(grab)
        case GrabStatus.DELETING:
            yield News(key="deleting", message=messages.is_deleted(grab))
            yield from _still(grab, now)
        case GrabStatus.DELETED:
            yield News(key="ended", message=messages.ended(grab))
        case GrabStatus.FAILED:
            yield News(key="failed", message=messages.never_made(grab))
        case _:
            return


def _dearer(grab: Grab) -> Iterator[News]:
    """Yield that the bill is above the quote, and once more when it is above the cap too."""
    if grab.billed is not None and grab.quoted is not None and grab.billed > grab.quoted:
        key = "over_cap" if is_over_cap(grab) else "dearer"
        yield News(key=key, message=messages.dearer(grab), urgent=True)


def _missing(grab: Grab) -> Iterator[News]:
    if grab.checks >= MISSING_AFTER:
        yield News(key=MISSING, message=messages.missing(grab), urgent=True)


def _still(grab: Grab, now: datetime) -> Iterator[News]:
    if grab.checks >= _STILL_AFTER and not grab.is_renamed:
        times = 1 + (grab.checks - _STILL_AFTER) // _STILL_EVERY
        message = messages.still_billing(grab, now)
        yield News(key=f"{_STILL} {times}", message=message, urgent=True)
