"""Which groups need no look, for nothing of what was decided of them last can have changed.

A decision about a group is a function of what was told, its policy, the values and
acknowledgements of its alerts, silences, and the time. Once it came to "the same group, and
nothing to tell", it does so again until one of these changes: the group is at rest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from monitor.alerting.grouping import Homes
from monitor.rules.alert import FIRING, Alert, Labels
from monitor.rules.evaluate import AlertKey

_NEVER = datetime.max.replace(tzinfo=UTC)

Alerts = Mapping[AlertKey, Alert]


class Rest:
    """What the last telling over one ledger left at rest; a new one knows of nothing.

    It holds as long as nobody else writes groups there, each alert that is written is told to it
    (`change`), and time goes forward.
    """

    def __init__(self) -> None:
        self._homes: Homes | None = None
        self._active: Alerts = {}
        self._changed: set[AlertKey] = set()
        self._members: defaultdict[Labels, set[AlertKey]] = defaultdict(set)
        self._awake: set[Labels] = set()
        self._until: dict[Labels, datetime] = {}
        self._next = _NEVER

    def members(self, group: Labels) -> Alerts:
        """Return the alerts of a group that fire, in order."""
        return {key: self._active[key] for key in sorted(self._members.get(group, ()))}

    def change(self, alerts: Iterable[Alert]) -> None:
        """Note that `alerts` were written, before they are told of."""
        for alert in alerts:
            key = alert.rule, alert.labels
            known = self._active.get(key)
            if known is None or not _tell_alike(known, alert):
                self._changed.add(key)

    def follow(self, homes: Homes, active: Alerts) -> bool:
        """Take in what is active now; return whether this goes on from what was known before."""
        goes_on = homes is self._homes
        if not goes_on:
            self._homes, self._active = homes, {}
            self._members.clear()
        changed = self._changed if goes_on else active.keys()
        before, self._active, self._changed = self._active, active, set()
        for key in changed:
            self._compare(homes, key, before.get(key), active.get(key))
        return goes_on

    def wake(self, groups: Iterable[Labels]) -> None:
        """Have `groups`, and all with an alert that fires, looked at, and no others."""
        self._until.clear()
        self._awake = {*groups, *self._members}

    def awake(self, now: datetime) -> list[Labels]:
        """Return the groups that are to be looked at now, in order."""
        if self._next <= now:
            self._awake.update([group for group, end in self._until.items() if end <= now])
            self._next = min(self._until.values(), default=_NEVER)
        return sorted(self._awake)

    def lay(self, group: Labels, until: datetime | None) -> None:
        """Let a group rest `until` an instant unless one of its alerts changes; else wake it."""
        if until is None:
            self._awake.add(group)
            self._until.pop(group, None)
        else:
            self._awake.discard(group)
            self._until[group] = until
            self._next = min(self._next, until)

    def forget(self, group: Labels) -> None:
        """Look no more at a group of which nothing is left."""
        self._awake.discard(group)
        self._until.pop(group, None)

    def _compare(
        self, homes: Homes, key: AlertKey, before: Alert | None, after: Alert | None
    ) -> None:
        told_by = _tells(after)
        if told_by == _tells(before):
            return
        home = homes(key)
        if home is None:
            return
        if told_by is not None:
            self._members[home].add(key)
        elif home in self._members:
            self._members[home].discard(key)
            if not self._members[home]:
                del self._members[home]
        self.lay(home, None)


def _tell_alike(one: Alert, other: Alert) -> bool:
    return (
        one.state is other.state
        and one.value == other.value
        and one.acknowledged == other.acknowledged
    )


def _tells(alert: Alert | None) -> object:
    """Return what a decision about the group of an alert depends on."""
    if alert is None or alert.state is not FIRING:
        return None
    return alert.value, alert.acknowledged
