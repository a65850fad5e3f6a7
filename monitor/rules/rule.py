"""A rule: conditions on offers, how its alerts are told apart, and their two clocks."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from monitor.market.quote import Shape
from monitor.market.value import value
from monitor.rules.against import Against
from monitor.rules.alert import RuleName, Severity
from monitor.rules.conditions import Condition
from monitor.rules.past import Needs


class Per(StrEnum):
    """One alert per what."""

    RULE = "rule"
    GPU = "gpu"
    LOCATION = "location"
    HOSTNODE = "hostnode"


@value
class Rule:
    """All of `conditions` have to be met by one offer.

    `hold_for` and `keep_firing_for` are Prometheus' `for` and `keep_firing_for`. After an outage
    longer than `outage_tolerance` (Prometheus' `for-outage-tolerance`) `for` begins anew. `shape`
    is what totals are told for; `None` where the rule names no resources. A rule about what is
    `gone` is met once no offer meets the conditions any more where one did at the poll before.
    """

    name: RuleName
    conditions: tuple[Condition, ...]
    per: Per = Per.GPU
    hold_for: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    severity: Severity = Severity.INFO
    shape: Shape | None = None
    gone: bool = False
    outage_tolerance: timedelta = timedelta(hours=1)


def needs(rules: Iterable[Rule]) -> Needs:
    """Return what `rules` ask of the past."""
    windows: set[timedelta] = set()
    offers = False
    for rule in rules:
        windows.update(each.window for each in rule.conditions if isinstance(each, Against))
        offers = offers or rule.gone
    return Needs(windows=frozenset(windows), offers=offers)
