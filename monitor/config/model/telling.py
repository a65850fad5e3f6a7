"""Who is told, and when."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from monitor.alerting.digest import DigestTimes
from monitor.alerting.notice import Escalation, GroupLabel, TemplateTexts
from monitor.alerting.quiet import QuietHours, QuietThen
from monitor.config.model.table import Table
from monitor.config.secret import Secret
from monitor.config.templates import BodyTemplate, TitleTemplate
from monitor.config.times import DAYS, Days, TimeOfDay, Zone
from monitor.config.values import (
    Addresses,
    Duration,
    Flag,
    GroupLabels,
    Rate,
    Secrets,
    Severities,
    Share,
    SomeTexts,
    SomeTime,
    Text,
    Texts,
    Token,
    Whole,
)
from monitor.rules.alert import Severity


class TemplatesConfig(Table):
    """Jinja templates of messages; each is tried on samples when it is read."""

    title: TitleTemplate | None = None
    body: BodyTemplate | None = None

    def texts(self) -> TemplateTexts:
        """Return them as messages are made by."""
        return TemplateTexts(title=self.title, body=self.body)


class ReceiverConfig(Table):
    """A name for one or several Apprise URLs, or Alertmanagers, each delivered to on its own.

    Which keys belong to which kind is checked in `checks.py`.
    """

    name: Text
    kind: Literal["apprise", "alertmanager"] = "apprise"
    urls: Secrets | None = None
    rate_limit: Rate | None = None
    url: Addresses | None = None
    generator_url: Text | None = None
    username: Text | None = None
    password: Secret | None = None
    token: Token | None = None
    templates: TemplatesConfig | None = None


class QuietHoursConfig(Table):
    """The part of the day in which nothing is told, on the clocks of `tz`."""

    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay
    tz: Zone
    days: Days = DAYS
    then: QuietThen = QuietThen.HOLD
    urgent: Severities = (Severity.CRITICAL,)

    def hours(self) -> QuietHours:
        """Return them as they are decided by."""
        return QuietHours(
            begin=self.from_,
            end=self.to,
            zone=self.tz,
            days=tuple(sorted(map(DAYS.index, self.days))),
            then=self.then,
            urgent=self.urgent,
        )


class EscalationConfig(Table):
    """Who is told when nobody has acknowledged an alert within a time."""

    after: SomeTime
    notify: SomeTexts

    def escalation(self) -> Escalation:
        """Return it as it is decided by."""
        return Escalation(after=self.after, notify=self.notify)


class DigestConfig(Table):
    """One message a day about what happened; `notify` is that of `notifications` if not given."""

    at: TimeOfDay
    tz: Zone
    notify: Texts = ()
    empty: Flag = False

    def times(self) -> DigestTimes:
        """Return when it is due."""
        return DigestTimes(at=self.at, zone=self.tz)


class NotificationsConfig(Table):
    """When alerts are told and to whom, unless a rule says otherwise; names as in Alertmanager.

    `group_wait` is zero: a whole snapshot is evaluated at once, so waiting gathers nothing more,
    and to a buyer seconds matter. `improve_by` is a share: 0.05 is 5 %.
    """

    notify: Texts = ()
    group_by: GroupLabels = (GroupLabel.RULE, GroupLabel.MARKETPLACE)
    group_wait: Duration = timedelta(0)
    group_interval: SomeTime = timedelta(minutes=1)
    repeat_interval: SomeTime = timedelta(hours=4)
    max_repeats: Whole = 6
    send_resolved: Flag = True
    improve_by: Share = 0.05
    quiet_hours: QuietHoursConfig | None = None
    escalate: EscalationConfig | None = None
    templates: TemplatesConfig | None = None
    digest: DigestConfig | None = None
