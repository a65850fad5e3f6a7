"""What `explain` says of a rule's clocks and quiet hours is what the cycle will do."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from monitor.alerting.notice import NotifyPolicy
from monitor.alerting.quiet import QuietHours
from monitor.cli.explained import Explained
from monitor.market.snapshot import Outcome
from monitor.rules.alert import Alert, AlertState, RuleName, Severity
from monitor.rules.rule import Rule

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = Rule(name=RuleName("r"), conditions=(), hold_for=60 * MINUTE, outage_tolerance=60 * MINUTE)
PENDING = Alert(
    rule=RULE.name,
    labels=(("marketplace", "m"),),
    state=AlertState.PENDING,
    active_at=NOON,
    pending_since=NOON,
)
EXPLAINED = Explained(
    rule=RULE,
    policy=NotifyPolicy(notify=()),
    marketplace="m",
    now=NOON,
    polled_at=NOON + 55 * MINUTE,
    last_outcome=Outcome.UNREACHABLE,
    last_poll_at=NOON,
    is_old=True,
    found=None,
    alerts=(),
    titles=(),
    buying=None,
)


@pytest.mark.parametrize(("minutes", "left"), [(60, 5), (115, 5), (116, 60)])
def test_after_an_outage_beyond_the_tolerance_for_begins_anew(minutes: int, left: int) -> None:
    each = replace(EXPLAINED, now=NOON + minutes * MINUTE)
    assert each.left(PENDING) == left * MINUTE


@pytest.mark.parametrize(
    ("severity", "until"), [(Severity.INFO, NOON + 5 * 60 * MINUTE), (Severity.CRITICAL, None)]
)
def test_quiet_hours_are_none_to_a_rule_of_an_urgent_severity(
    severity: Severity, until: datetime | None
) -> None:
    quiet = QuietHours(begin=time(11), end=time(17), zone=UTC, urgent=(Severity.CRITICAL,))
    rule = replace(RULE, severity=severity)
    policy = NotifyPolicy(notify=(), quiet_hours=quiet)
    assert replace(EXPLAINED, rule=rule, policy=policy).quiet_until == until
