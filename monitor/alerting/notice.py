"""A notice: what is to be told about one group of alerts, and why now."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.alerting.quiet import QuietHours
from monitor.market.money import NanoDollars
from monitor.market.value import value
from monitor.rules.alert import Alert, Labels, RuleName, Severity
from monitor.rules.evaluate import AlertKey


class NotifyReason(StrEnum):
    """Why a notification is sent."""

    FIRST = "first"
    NEW = "new"
    IMPROVED = "improved"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    HELD = "held"
    """Quiet hours are over: what came, and what came and went, while they lasted."""
    ESCALATED = "escalated"
    DIGEST = "digest"
    SYSTEM = "system"
    GRAB = "grab"
    TEST = "test"


class Withheld(StrEnum):
    """Why nothing is told about a group at the moment."""

    NOTHING_NEW = "nothing_new"
    GROUP_WAIT = "group_wait"
    GROUP_INTERVAL = "group_interval"
    QUIET_HOURS = "quiet_hours"
    SILENCED = "silenced"
    ACKNOWLEDGED = "acknowledged"
    REPEATS_SPENT = "repeats_spent"


class GroupLabel(StrEnum):
    """What tells groups apart; a group never spans two marketplaces."""

    RULE = "rule"
    MARKETPLACE = "marketplace"
    GPU = "gpu"
    LOCATION = "location"
    HOSTNODE = "hostnode"
    SEVERITY = "severity"


@value
class Escalation:
    """Who is told when nobody has acknowledged within `after` of something new."""

    after: timedelta
    notify: tuple[str, ...]


@value
class TemplateTexts:
    """Jinja templates of a message, as they are written; what is not given is told plainly."""

    title: str | None = None
    body: str | None = None

    def over(self, other: "TemplateTexts") -> "TemplateTexts":
        """Return these templates, and for what they do not say those of `other`."""
        return TemplateTexts(
            title=other.title if self.title is None else self.title,
            body=other.body if self.body is None else self.body,
        )


NO_TEMPLATES = TemplateTexts()

OF_ALERTS = frozenset(
    {
        NotifyReason.FIRST,
        NotifyReason.NEW,
        NotifyReason.IMPROVED,
        NotifyReason.REPEAT,
        NotifyReason.RESOLVED,
        NotifyReason.HELD,
        NotifyReason.DIGEST,
    }
)
"""What an Alertmanager learns from the state of the alerts itself."""


@value
class NotifyPolicy:
    """When a rule's alerts are told, and to which receivers; the names are Alertmanager's.

    `improve_by` is the share by which the best price must fall below what was last told.
    `max_repeats` is how often the same is told again until something new comes.
    """

    notify: tuple[str, ...]
    group_by: tuple[GroupLabel, ...] = (GroupLabel.RULE, GroupLabel.MARKETPLACE)
    group_wait: timedelta = timedelta(0)
    group_interval: timedelta = timedelta(minutes=1)
    repeat_interval: timedelta = timedelta(hours=4)
    max_repeats: int = 6
    send_resolved: bool = True
    improve_by: float = 0.05
    quiet_hours: QuietHours | None = None
    escalate: Escalation | None = None
    templates: TemplateTexts = NO_TEMPLATES


@value
class Group:
    """Alerts that are told together, and what has been told about them.

    `key` is what they have in common; `marketplace` is always in it. `told` holds the firing
    alerts last told, each with the value told; `told_at` is `None` until something was, and
    `news_at` is when something other than a repeat or an end was. `wait_until` is the instant
    before which nothing is told (`group_wait` after the first alert, `group_interval` after each
    notice). `due_at` is when to look again though no poll came, and `withheld` why nothing was
    told at the last look. `held` are the alerts that began to fire in quiet hours and have not
    been told. `escalate_at` is when the second receivers are to be told, `escalated` what they
    were told of.
    """

    key: Labels
    wait_until: datetime
    due_at: datetime | None = None
    withheld: Withheld | None = None
    told_at: datetime | None = None
    news_at: datetime | None = None
    repeats: int = 0
    told: Mapping[AlertKey, NanoDollars | None] = field(default_factory=dict)
    held: frozenset[AlertKey] = frozenset()
    escalate_at: datetime | None = None
    escalated: frozenset[AlertKey] = frozenset()

    @property
    def marketplace(self) -> str:
        """The marketplace whose alerts these are."""
        return dict(self.key)[GroupLabel.MARKETPLACE]


@value
class Notice:
    """What one notification says: the firing alerts, and those that ended since the last one.

    `missed` are alerts that came and went during quiet hours. `severity` is the highest among
    the rules. `remark` says more about why: which repeat it is, say.
    """

    rules: tuple[RuleName, ...]
    marketplace: str
    severity: Severity
    reason: NotifyReason
    at: datetime
    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...] = ()
    missed: tuple[Alert, ...] = ()
    remark: str = ""


@value
class Message:
    """A rendered notice: a title of one line and a body, plain text.

    `strong` are the numbers of the body's lines that are set off where a destination can. The
    first `lead` lines are the last to be cut where a message is too long.
    """

    title: str
    body: str
    strong: frozenset[int] = frozenset()
    lead: int = 1
