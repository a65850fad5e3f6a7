"""An alert: one rule on one set of labels, and the states it goes through, as in Prometheus."""

from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from monitor.market.hostnode import HostnodeId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.market.value import value

RuleName = NewType("RuleName", str)
Labels = tuple[tuple[str, str], ...]
"""What tells the alerts of one rule apart: name and value pairs, sorted by name.

`marketplace` is always among them; `per` adds `gpu`, `location` or `hostnode`.
"""


class AlertState(StrEnum):
    """The states of Prometheus; `INACTIVE` is the absence of an alert, and is never stored."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


INACTIVE: Final = AlertState.INACTIVE
PENDING: Final = AlertState.PENDING
FIRING: Final = AlertState.FIRING
RESOLVED: Final = AlertState.RESOLVED
"""The states by name: to ask the class for one takes as long as to call a function."""


class TransitionReason(StrEnum):
    """Why an alert changed its state."""

    MATCHED = "matched"
    """An offer meets the rule (and `for` is zero if the alert fires at once)."""
    HELD = "held"
    """The rule has been met for as long as `for` asks."""
    LAPSED = "lapsed"
    """No offer meets the rule any more, before `for` had passed."""
    ENDED = "ended"
    """No offer meets the rule any more, and `keep_firing_for` has passed."""
    OUTAGE = "outage"
    """Nothing was known for longer than the rule's tolerance: `for` begins anew."""
    RULE_REMOVED = "rule_removed"
    """The rule or its marketplace is no longer configured."""


class Severity(StrEnum):
    """How urgent a rule's alerts are."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@value
class Sighting:
    """An offer as an alert remembers it, to be told to a buyer even after it is gone.

    `price` is nano-dollars per GPU hour, `total` per hour for the rule's `resources` (or `None`
    where the rule has none or a part has no price).
    """

    hostnode_id: HostnodeId
    gpu: GpuModel
    available: int
    price: NanoDollars | None
    total: NanoDollars | None = None
    city: str | None = None
    country: str | None = None
    tier: int | None = None
    uptime: float | None = None


@value
class Acknowledgement:
    """Somebody is looking after an alert: no repeats, no escalation, until it ends or changes."""

    at: datetime
    by: str
    comment: str = ""


@value(kw_only=False)
class Alert:
    """One alert as it is stored.

    `pending_since` and `keep_firing_since` are the clocks of `for` and `keep_firing_for`: they
    stand still while there is no data, so they can be later than the instants people are told
    (`active_at`, `firing_at`). `value` is the lowest price per GPU hour in nano-dollars among the
    matching offers at the last evaluation that met the rule; `best` are the best of these offers,
    cheapest first, and `offers` is how many there were (0 where they are gone). `detail` is a
    sentence about what met a rule that is not about offers.
    """

    rule: RuleName
    labels: Labels
    state: AlertState
    active_at: datetime
    pending_since: datetime
    firing_at: datetime | None = None
    keep_firing_since: datetime | None = None
    resolved_at: datetime | None = None
    value: NanoDollars | None = None
    offers: int = 0
    best: tuple[Sighting, ...] = ()
    acknowledged: Acknowledgement | None = None
    detail: str = ""

    @property
    def marketplace(self) -> str:
        """The marketplace whose polls this alert follows."""
        return dict(self.labels)["marketplace"]


@value
class Transition:
    """One change of an alert's state, with its reason and the value that led to it."""

    rule: RuleName
    labels: Labels
    at: datetime
    before: AlertState
    after: AlertState
    reason: TransitionReason
    value: NanoDollars | None
