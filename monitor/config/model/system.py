"""Alerts about the program itself, which are there unless they are switched off."""

from datetime import timedelta

from pydantic import Field

from monitor.config.model.table import Table
from monitor.config.values import Duration, Flag, Share, SomeTime, Texts
from monitor.rules.alert import Severity


class SystemAlertConfig(Table):
    """One of them: whether it is there, and its clocks as those of a rule."""

    enabled: Flag = True
    for_: Duration = Field(default=timedelta(minutes=5), alias="for")
    keep_firing_for: Duration = timedelta(minutes=5)
    severity: Severity = Severity.WARNING


class DiskConfig(SystemAlertConfig):
    """`min_free` is the share of the disk below which it is nearly full."""

    min_free: Share = 0.05


class SystemConfig(Table):
    """All of them, whom they are told to (without it, as `notifications` says) and how often."""

    notify: Texts | None = None
    repeat_interval: SomeTime | None = None
    unreachable: SystemAlertConfig = SystemAlertConfig()
    empty: SystemAlertConfig = SystemAlertConfig()
    malformed: SystemAlertConfig = SystemAlertConfig()
    late: SystemAlertConfig = SystemAlertConfig()
    clock: SystemAlertConfig = SystemAlertConfig()
    receiver: SystemAlertConfig = SystemAlertConfig()
    disk: DiskConfig = DiskConfig()
