"""A look at one marketplace: when it is due, and what it shows of each grab."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.errors import MarketError
from monitor.grab.follow import Sight
from monitor.grab.grab import Grab, GrabId, GrabStatus
from monitor.market.instance import Instance, InstanceId
from monitor.provision.base import Market, log

SURVEY_EVERY = timedelta(minutes=5)
"""How often the list is read when no grab asks for it: for instances that no row knows."""
BLIND_AFTER = timedelta(minutes=15)
"""How long lists may fail before people are told."""

_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=1)
_TELL_EVERY = timedelta(hours=1)


@dataclass(slots=True)
class Watched:
    """When a marketplace may be looked at next; while lists fail, the pauses grow.

    `failing_since` is when the first of the lists failed since the last good one, and `tell_at`
    when people are told of that next.
    """

    survey_at: datetime | None = None
    not_before: datetime | None = None
    pause: timedelta = _FIRST_PAUSE
    failing_since: datetime | None = None
    tell_at: datetime | None = None

    def is_time(self, now: datetime, *, urgent: bool) -> bool:
        """Tell whether to look now; `urgent` is whether the look at some grab is due."""
        if _is_ahead(self.not_before, now, SURVEY_EVERY):
            return False
        return urgent or not _is_ahead(self.survey_at, now, SURVEY_EVERY)

    def failed(self, now: datetime) -> None:
        """Remember that there was no list; what is bought meanwhile is not to wait long for one."""
        self.not_before = now + self.pause
        self.pause = min(2 * self.pause, _LONGEST_PAUSE)
        if self.failing_since is None:
            self.failing_since, self.tell_at = now, now + BLIND_AFTER

    def is_to_be_told(self, now: datetime) -> bool:
        """Tell whether lists have failed for so long that people are to know, once an hour."""
        if self.tell_at is None or now < self.tell_at:
            return False
        self.tell_at = now + _TELL_EVERY
        return True

    def seen(self, now: datetime) -> None:
        """Remember that there was a good list."""
        self.not_before, self.survey_at, self.pause = None, now + SURVEY_EVERY, _FIRST_PAUSE
        self.failing_since = self.tell_at = None


def is_due(grab: Grab, now: datetime) -> bool:
    """Tell whether a grab asks to be looked at."""
    if grab.status is GrabStatus.SUBMITTED:
        return False  # it is being sent
    return not _is_ahead(grab.check_at, now, SURVEY_EVERY)


def delete(market: Market, grabs: Iterable[Grab]) -> frozenset[GrabId]:
    """Ask for those to be deleted that are to be; return which requests were accepted."""
    return frozenset(
        grab.id for grab in grabs if grab.status is GrabStatus.DELETING and _accepts(market, grab)
    )


def sight(
    market: Market, grab: Grab, listed: Sequence[Instance], accepted: Collection[GrabId]
) -> Sight:
    """Return what the marketplace shows of one grab, given a good list.

    The instance is asked for alone where the list does not show it, or not what it costs now and
    how it is reached.
    """
    found = next((each for each in listed if _is_it(grab, each)), None)
    tells_all = found is not None and found.rate and found.address and found.forwards
    if grab.instance_id is None or tells_all:
        return Sight(listed=found, nameless=not all(each.name for each in listed))
    try:
        alone = market.instance(grab.instance_id)
    except MarketError as error:
        log.warning("instance not shown", id=grab.id, error=str(error))
        return Sight(listed=found, accepted=grab.id in accepted)
    return Sight(listed=found, alone=alone, asked=True, accepted=grab.id in accepted)


def _accepts(market: Market, grab: Grab) -> bool:
    if grab.instance_id is None or not _has_our_name(market, grab, grab.instance_id):
        return False
    try:
        market.delete(grab.instance_id)
    except MarketError as error:
        log.warning("instance not deleted", id=grab.id, error=str(error))
        return False
    return True


def _has_our_name(market: Market, grab: Grab, instance_id: InstanceId) -> bool:
    """Ask whether an instance still has our name; its owner may have renamed it to keep it."""
    if grab.is_renamed:
        return False
    try:
        alone = market.instance(instance_id)
    except MarketError:
        return True  # as when it was last seen
    return alone is None or alone.name in {"", grab.instance_name}


def _is_it(grab: Grab, instance: Instance) -> bool:
    if grab.instance_id is None:
        return instance.name == grab.instance_name
    return instance.id == grab.instance_id


def _is_ahead(at: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Tell whether an instant is yet to come; one too far away is from a clock set back."""
    return at is not None and timedelta(0) < at - now <= longest
