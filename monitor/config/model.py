"""The configuration as frozen values; field names are the keys of the file (`for_` is `for`).

Every key, its unit and its default are told in `docs/configuration.md`, which a test compares with
this file. What involves several keys at once (names that must exist, a maximum below its minimum)
is checked in `checks.py`, so that those mistakes are told together with the ones found here.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from monitor.alerting.notice import NotifyPolicy
from monitor.config.secret import Secret
from monitor.config.values import (
    AbsolutePath,
    Amount,
    BaseUrl,
    Count,
    DatabaseUrl,
    Dollars,
    Duration,
    EvenCount,
    Flag,
    InstanceName,
    Lines,
    Listen,
    ListenAddress,
    Percentage,
    Permissions,
    Ports,
    Secrets,
    Share,
    Some,
    SomeTexts,
    SomeTime,
    SshKey,
    Storage,
    Text,
    Texts,
    Token,
    Whole,
)
from monitor.errors import Problem
from monitor.rules.alert import Severity
from monitor.rules.rule import Per


class Table(BaseModel):
    """A table of the file: unknown keys are mistakes, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        """Take a key with nothing behind it as not given."""
        if not isinstance(data, dict):
            return data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


class MarketplaceConfig(Table):
    """One marketplace to poll, and the tokens for it; `write_token` buys, if it is another one."""

    name: Text
    kind: Literal["tensordock"]
    base_url: BaseUrl = "https://dashboard.tensordock.com/api/v2"
    token: Token
    write_token: Token | None = None
    poll_interval: SomeTime = timedelta(seconds=60)
    timeout: SomeTime = timedelta(seconds=20)
    create_timeout: SomeTime = timedelta(seconds=120)


class DatabaseConfig(Table):
    """Where history lives and for how long; relative SQLite paths start at the working folder."""

    url: DatabaseUrl = Secret("sqlite:///data/monitor.db")
    retention: SomeTime = timedelta(days=400)


class ServerConfig(Table):
    """Where `/metrics` and the health checks are served."""

    listen: Listen = ListenAddress(host="127.0.0.1", port=9470)


class MetricsConfig(Table):
    """Which metrics are exported; `hostnode_series` are those with a `hostnode` label."""

    hostnode_series: Flag = True


class ReceiverConfig(Table):
    """A name for one or several Apprise URLs, each of which is delivered to on its own."""

    name: Text
    urls: Secrets


class NotificationsConfig(Table):
    """When alerts are told and to whom, unless a rule says otherwise; names as in Alertmanager.

    `group_wait` is zero: a whole snapshot is evaluated at once, so waiting gathers nothing more,
    and to a buyer seconds matter. `improve_by` is a share: 0.05 is 5 %.
    """

    notify: Texts = ()
    group_wait: Duration = timedelta(0)
    group_interval: SomeTime = timedelta(minutes=1)
    repeat_interval: SomeTime = timedelta(hours=4)
    send_resolved: Flag = True
    improve_by: Share = 0.05


class ResourcesConfig(Table):
    """What an instance needs beside its GPUs: virtual CPUs, gigabytes of RAM and of disk."""

    vcpu_count: Whole = 0
    ram_gb: Whole = 0
    storage_gb: Whole = 0


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


class RuleGrabConfig(Table):
    """What a rule that fires may buy: `preset`, within limits of its own (dollars per hour)."""

    preset: Text
    max_instances: Count = 1
    max_total_per_hour: Dollars | None = None
    cooldown: Duration = timedelta(minutes=10)
    time_to_live: SomeTime | None = None


class RuleConfig(Table):
    """One alerting rule; a key that `notifications` has too overrides it, `None` does not."""

    name: Text
    match: MatchConfig
    per: Per = Per.GPU
    for_: Duration = Field(default=timedelta(0), alias="for")
    keep_firing_for: Duration = timedelta(0)
    severity: Severity = Severity.INFO
    notify: Texts | None = None
    group_wait: Duration | None = None
    group_interval: SomeTime | None = None
    repeat_interval: SomeTime | None = None
    send_resolved: Flag | None = None
    improve_by: Share | None = None
    grab: RuleGrabConfig | None = None

    def policy(self, defaults: NotificationsConfig) -> NotifyPolicy:
        """Return when and to whom this rule's alerts are told: its own keys, else `defaults`."""
        own = {key: getattr(self, key) for key in NotificationsConfig.model_fields}
        given = {key: value for key, value in own.items() if value is not None}
        return NotifyPolicy(**{**dict(defaults), **given})


class PresetResourcesConfig(Table):
    """What one instance is made of; the marketplace's own limits are those seen by its users."""

    gpu_count: Count = 1
    vcpu_count: EvenCount
    ram_gb: Count
    storage_gb: Storage


class WriteFileConfig(Table):
    """A file that cloud-init writes at the first boot."""

    path: AbsolutePath
    content: str
    owner: Text | None = None
    permissions: Permissions | None = None
    encoding: Text | None = None
    append: Flag | None = None


class CloudInitConfig(Table):
    """The part of cloud-init that the marketplace takes."""

    package_update: Flag = False
    package_upgrade: Flag = False
    packages: Texts = ()
    runcmd: Lines = ()
    write_files: tuple[WriteFileConfig, ...] = ()


class PresetConfig(Table):
    """An instance as it is bought; exactly one of `ssh_key_id` and `ssh_key` is given."""

    name: InstanceName
    image: Text
    resources: PresetResourcesConfig
    ssh_key_id: Text | None = None
    ssh_key: SshKey | None = None
    port_forwards: Ports = (22,)
    cloud_init: CloudInitConfig | None = None


class GrabConfig(Table):
    """Whether anything is bought, and the limits over all rules together (nano-dollars).

    `stop_file` is relative to the working folder; while it exists nothing is bought.
    """

    mode: Literal["dry_run", "approve", "live"] = "dry_run"
    max_instances: Count | None = None
    max_total_per_hour: Dollars | None = None
    max_spend_per_day: Dollars | None = None
    max_spend_per_month: Dollars | None = None
    max_creates_per_hour: Count | None = None
    stop_file: Text = "data/STOP"


class Config(Table):
    """The whole configuration; `warnings` are the things that are allowed but look wrong."""

    marketplaces: Annotated[tuple[MarketplaceConfig, ...], Some]
    database: DatabaseConfig = DatabaseConfig()
    server: ServerConfig = ServerConfig()
    metrics: MetricsConfig = MetricsConfig()
    receivers: tuple[ReceiverConfig, ...] = ()
    notifications: NotificationsConfig = NotificationsConfig()
    rules: tuple[RuleConfig, ...] = ()
    presets: tuple[PresetConfig, ...] = ()
    grab: GrabConfig = GrabConfig()
    _warnings: tuple[Problem, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What looks wrong although it is allowed, in file order."""
        return self._warnings

    def warned(self, warnings: tuple[Problem, ...]) -> Self:
        """Return the same configuration with these warnings."""
        copy = self.model_copy()
        copy._warnings = warnings  # noqa: SLF001 - a copy of ourselves
        return copy

    def secrets(self) -> frozenset[str]:
        """Return every secret in the clear, for the `Redactor` to learn."""
        return frozenset(_secrets(self))


def _secrets(value: object) -> Iterator[str]:
    match value:
        case Secret():
            yield value.reveal()
        case Table():
            for _, inner in value:
                yield from _secrets(inner)
        case tuple():
            for inner in value:
                yield from _secrets(inner)
        case _:
            return
