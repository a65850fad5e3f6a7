"""What is looked for, and what a rule that fires may do."""

from datetime import timedelta

from pydantic import Field

from monitor.alerting.notice import NotifyPolicy
from monitor.config.model.table import Table
from monitor.config.model.telling import (
    EscalationConfig,
    NotificationsConfig,
    QuietHoursConfig,
    TemplatesConfig,
)
from monitor.config.values import (
    Amount,
    Count,
    Dollars,
    Duration,
    Flag,
    GroupLabels,
    Percentage,
    Share,
    SomePercentage,
    SomeTexts,
    SomeTime,
    Text,
    Texts,
    Whole,
)
from monitor.grab.grab import Mode
from monitor.rules.alert import Severity
from monitor.rules.rule import Per


class ResourcesConfig(Table):
    """What an instance needs beside its GPUs: virtual CPUs, gigabytes of RAM and of disk."""

    vcpu_count: Whole = 0
    ram_gb: Whole = 0
    storage_gb: Whole = 0


class WindowConfig(Table):
    """How far back to look, and which share of that must have been polled."""

    window: SomeTime
    min_coverage: Share = 0.5


class BelowMedianConfig(WindowConfig):
    """Cheaper than the median best price of the window, by at least `percent`."""

    percent: Percentage = 0


class BelowPercentileConfig(WindowConfig):
    """Cheaper than the best price was for all but `percentile` percent of the window."""

    percentile: SomePercentage


class DropConfig(WindowConfig):
    """At least `percent` below the highest best price of the window."""

    percent: SomePercentage


class MatchConfig(Table):
    """What an offer must be; what is not given does not matter. Texts are globs, cases alike.

    Prices are nano-dollars per hour; `max_total_per_hour` is for `gpu_count` GPUs with
    `resources`.
    """

    gpu: SomeTexts | None = None
    gpu_count: Count = 1
    max_price_per_gpu_hour: Dollars | None = None
    min_price_per_gpu_hour: Dollars | None = None
    max_total_per_hour: Dollars | None = None
    resources: ResourcesConfig | None = None
    min_uptime: Percentage | None = None
    country: SomeTexts | None = None
    city: SomeTexts | None = None
    state: SomeTexts | None = None
    location_id: SomeTexts | None = None
    hostnode_id: SomeTexts | None = None
    organization: SomeTexts | None = None
    engine: SomeTexts | None = None
    min_tier: Whole | None = None
    max_tier: Whole | None = None
    min_network_gbps: Amount | None = None
    network_storage: Flag | None = None
    uptime_below: Percentage | None = None
    below_median: BelowMedianConfig | None = None
    below_percentile: BelowPercentileConfig | None = None
    historical_low: WindowConfig | None = None
    drop: DropConfig | None = None
    gone: Flag = False


class RuleGrabConfig(Table):
    """What a rule that fires may buy: `preset`, within limits of its own (nano-dollars).

    `mode` makes it stricter than all others; `max_total_per_hour` is for one instance.
    """

    preset: Text
    mode: Mode = Mode.LIVE
    max_instances: Count = 1
    max_total_per_hour: Dollars | None = None
    max_spend_per_day: Dollars | None = None
    max_spend_per_month: Dollars | None = None
    max_creates_per_hour: Count | None = None
    cooldown: Duration = timedelta(minutes=10)
    one_shot: Flag = False
    time_to_live: SomeTime | None = None
    stop_when_spent: Dollars | None = None


class RuleConfig(Table):
    """One alerting rule; a key that `notifications` has too overrides it, `None` does not."""

    name: Text
    match: MatchConfig
    per: Per = Per.GPU
    for_: Duration = Field(default=timedelta(0), alias="for")
    keep_firing_for: Duration = timedelta(0)
    outage_tolerance: Duration = timedelta(hours=1)
    severity: Severity = Severity.INFO
    notify: Texts | None = None
    group_by: GroupLabels | None = None
    group_wait: Duration | None = None
    group_interval: SomeTime | None = None
    repeat_interval: SomeTime | None = None
    max_repeats: Whole | None = None
    send_resolved: Flag | None = None
    improve_by: Share | None = None
    quiet_hours: QuietHoursConfig | None = None
    escalate: EscalationConfig | None = None
    templates: TemplatesConfig | None = None
    grab: RuleGrabConfig | None = None

    def policy(self, defaults: NotificationsConfig) -> NotifyPolicy:
        """Return when and to whom this rule's alerts are told: its own keys, else `defaults`."""
        given = {
            key: value
            for table, keys in ((defaults, _DEFAULTED), (self, (*_DEFAULTED, "templates")))
            for key in keys
            if (value := getattr(table, key)) is not None
        }
        for key, value in given.items():
            match value:
                case QuietHoursConfig():
                    given[key] = value.hours()
                case EscalationConfig():
                    given[key] = value.escalation()
                case TemplatesConfig():
                    given[key] = value.texts()
        return NotifyPolicy(**given)


_DEFAULTED = tuple(
    key
    for key in NotificationsConfig.model_fields
    if key in RuleConfig.model_fields and key != "templates"  # a receiver's come in between
)
