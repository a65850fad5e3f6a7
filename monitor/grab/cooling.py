"""Who is left alone for a while after a refusal: a hostnode, a whole marketplace, a preset.

The pause is `base` after the first refusal and twice as long after each further one, up to 32
times; a success forgets them all. Both are read from the grabs of the last day.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from monitor.grab.grab import Grab, GrabStatus
from monitor.grab.reasons import OF_THE_ACCOUNT, OF_THE_HOSTNODE, PASSING, Cause
from monitor.market.hostnode import HostnodeId

LONGEST = 32
"""Of the first pause."""

_MEMORY = timedelta(days=1)
_UNSETTLED = {GrabStatus.UNKNOWN, GrabStatus.SUBMITTED}
_K = TypeVar("_K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """Until when each is left alone; who is not named is not."""

    hostnodes: Mapping[HostnodeId, datetime]
    marketplaces: Mapping[str, datetime]
    presets: Mapping[str, datetime]


def cooling(recent: Iterable[Grab], base: timedelta, now: datetime) -> Cooling:
    """Return who is left alone at `now`, going by the grabs of the last day.

    A hostnode on which the outcome of a create is unclear is not asked again meanwhile. What
    passes by itself (429, no connection, no page of a hostnode) pauses for a tenth of `base`.
    What the second look met counts like what a create met.
    """
    tried = sorted((grab for grab in recent if now - _at(grab) < _MEMORY), key=_at)
    sent = [grab for grab in tried if grab.status is not GrabStatus.REFUSED]
    unsettled = {grab.hostnode: now + base for grab in sent if grab.status in _UNSETTLED}
    refused = _ends(tried, lambda grab: grab.hostnode, OF_THE_HOSTNODE, base)
    account = _ends(tried, lambda grab: grab.marketplace, OF_THE_ACCOUNT, base)
    passing = _ends(tried, lambda grab: grab.marketplace, PASSING, base / 10)
    presets = _ends(sent, lambda grab: grab.preset, frozenset({Cause.REQUEST}), base)
    hostnodes = {key: at for key, at in {**refused, **unsettled}.items() if key is not None}
    return Cooling(
        hostnodes=_after(hostnodes, now),
        marketplaces=_after(_later(account, passing), now),
        presets=_after(presets, now),
    )


def _ends(
    tried: Iterable[Grab], key: Callable[[Grab], _K], causes: frozenset[Cause], base: timedelta
) -> dict[_K, datetime]:
    refusals: dict[_K, int] = {}
    ends: dict[_K, datetime] = {}
    for grab in tried:
        who = key(grab)
        if grab.instance_id is not None:
            refusals.pop(who, None)
            ends.pop(who, None)
        elif Cause.of(grab.reason) in causes:
            refusals[who] = refusals.get(who, 0) + 1
            ends[who] = _at(grab) + base * min(2 ** (refusals[who] - 1), LONGEST)
    return ends


def _later(one: Mapping[_K, datetime], other: Mapping[_K, datetime]) -> dict[_K, datetime]:
    return {**one, **{who: max(end, one.get(who, end)) for who, end in other.items()}}


def _after(ends: Mapping[_K, datetime], now: datetime) -> dict[_K, datetime]:
    return {who: end for who, end in ends.items() if end > now}


def _at(grab: Grab) -> datetime:
    """Return when the marketplace had its say: when it was asked if it made something."""
    if grab.instance_id is not None and grab.submitted_at is not None:
        return grab.submitted_at
    return grab.ended_at or grab.submitted_at or grab.created_at
