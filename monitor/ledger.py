"""What a cycle asks of the store, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from monitor.alerting.notice import Group
from monitor.alerting.rest import Rest
from monitor.alerting.silence import Silence
from monitor.letter import Letter, Told
from monitor.market.snapshot import Poll
from monitor.market.value import value
from monitor.rules.alert import Alert, Labels, RuleName, Transition
from monitor.rules.evaluate import AlertKey, Evaluation
from monitor.rules.past import Past
from monitor.rules.view import View


@value
class Recalled:
    """What is known of a marketplace before it is polled.

    The past is that of the history which `before.history_token` names. `alerts` are the pending
    and firing ones. `trace` is what the cycle before left to this one, if that is at hand.
    """

    before: "Before"
    past: Past
    alerts: Mapping[AlertKey, Alert]
    trace: "Trace | None" = None


@value
class Trace:
    """What a cycle saw and made of it, so that the next one costs what has changed.

    Nothing depends on it but time: what is not the same any more is found anew.
    """

    view: View
    evaluation: Evaluation | None


class Before(Protocol):
    """What was known of a marketplace before a poll."""

    @property
    def last_poll_at(self) -> datetime | None:
        """The instant of the last poll, whatever came of it."""

    @property
    def last_good_at(self) -> datetime | None:
        """The instant of the last good poll."""

    @property
    def recorded_until(self) -> datetime | None:
        """Where the history ends: after the last good poll, if the clock was set back."""

    @property
    def failed_since(self) -> bool:
        """Whether a poll failed after the last good one."""

    @property
    def history_token(self) -> str | None:
        """What names the state of the history."""


class Ledger(Protocol):
    """One transaction on one marketplace, alone: another one on the same waits for its end."""

    def before(self) -> Before:
        """Return what was known before this poll."""

    def record(self, poll: Poll, interval: timedelta, *, overtaken: bool = False) -> int:
        """Write the poll and the intervals it changes; return how many offers changed.

        Of a poll that was overtaken by a later one, only that it was made is written.
        """

    def remember(self, past: Past, trace: Trace | None) -> None:
        """Keep the past of this marketplace as it is after this poll, once all is committed.

        So are its alerts, as they are saved, and what the cycle leaves to the next one.
        """

    def alerts(self) -> Mapping[AlertKey, Alert]:
        """Return the pending and firing alerts."""

    def save(self, alerts: Collection[Alert], transitions: Iterable[Transition]) -> None:
        """Write alerts that changed, and their transitions."""

    def resolved(self, rule: RuleName, labels: Iterable[Labels]) -> tuple[Alert, ...]:
        """Return, for each of `labels`, the alert of `rule` that was resolved last."""

    def groups(self) -> Mapping[Labels, Group]:
        """Return the groups of which something has been told or waits to be, by their keys."""

    def rest(self) -> Rest:
        """Return what telling left at rest here, or a new one if others write groups too."""

    def silences(self, now: datetime) -> Sequence[Silence]:
        """Return the silences that have not ended."""

    def keep(self, group: Group) -> None:
        """Write a group."""

    def drop(self, group: Group) -> None:
        """Delete a group."""

    def enqueue(self, letters: Collection[Letter], now: datetime) -> Told:
        """Queue what is to be told; where nobody is, it need not be composed."""
