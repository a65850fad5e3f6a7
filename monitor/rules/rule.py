"""A rule: conditions on offers, how its alerts are told apart, and their two clocks."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from monitor.market.quote import Shape
from monitor.rules.alert import RuleName, Severity
from monitor.rules.conditions import Condition


class Per(StrEnum):
    """One alert per what."""

    RULE = "rule"
    GPU = "gpu"
    LOCATION = "location"
    HOSTNODE = "hostnode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All of `conditions` have to be met by one offer.

    `hold_for` and `keep_firing_for` are Prometheus' `for` and `keep_firing_for`. `shape` is what
    totals are told for; `None` where the rule names no resources.
    """

    name: RuleName
    conditions: tuple[Condition, ...]
    per: Per = Per.GPU
    hold_for: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    severity: Severity = Severity.INFO
    shape: Shape | None = None
