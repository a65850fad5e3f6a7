"""A notice: what is to be told about one group of alerts, and why now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.market.money import NanoDollars
from monitor.rules.alert import Alert, Labels, RuleName, Severity


class NotifyReason(StrEnum):
    """Why a notification is sent."""

    FIRST = "first"
    NEW = "new"
    IMPROVED = "improved"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    SYSTEM = "system"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyPolicy:
    """When a rule's alerts are told, and to which receivers; the names are Alertmanager's.

    `improve_by` is the share by which the best price must fall below what was last told.
    """

    notify: tuple[str, ...]
    group_wait: timedelta = timedelta(0)
    group_interval: timedelta = timedelta(minutes=1)
    repeat_interval: timedelta = timedelta(hours=4)
    send_resolved: bool = True
    improve_by: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The alerts of one rule on one marketplace, and what has been told about them.

    `told` holds the labels of the firing alerts last told, each with the value told. `told_at` is
    `None` until something was told. `wait_until` is the instant before which nothing is told
    (`group_wait` after the first alert, `group_interval` after each notice), and `waiting` says
    that there is something to tell then.
    """

    rule: RuleName
    marketplace: str
    wait_until: datetime
    waiting: bool = False
    told_at: datetime | None = None
    told: Mapping[Labels, NanoDollars | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one notification says: the firing alerts, and those that ended since the last one."""

    rule: RuleName
    marketplace: str
    severity: Severity
    reason: NotifyReason
    at: datetime
    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A rendered notice: a title of one line and a body, plain text."""

    title: str
    body: str
