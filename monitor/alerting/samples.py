"""Notices made up: what templates are tried on, and what a preview shows where nothing fires."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.alerting.notice import Notice, NotifyReason
from monitor.market.hostnode import HostnodeId
from monitor.market.money import nano
from monitor.market.offer import GpuModel
from monitor.rules.alert import Alert, AlertState, RuleName, Severity, Sighting

_AT = datetime(2026, 3, 21, 12, tzinfo=UTC)
_REASONS = (
    *(NotifyReason.FIRST, NotifyReason.NEW, NotifyReason.IMPROVED, NotifyReason.REPEAT),
    *(NotifyReason.RESOLVED, NotifyReason.HELD, NotifyReason.ESCALATED),
)


def sample(
    reason: NotifyReason,
    *,
    rule: RuleName = RuleName("sample"),  # noqa: B008 - a text, and no more
    marketplace: str = "tensordock",
    severity: Severity = Severity.INFO,
    now: datetime = _AT,
) -> Notice:
    """Return a notice about two offers that are made up; with `RESOLVED`, about their end."""
    alert = _alert(rule, marketplace, now)
    ended = replace(alert, state=AlertState.RESOLVED, resolved_at=now)
    resolved = reason is NotifyReason.RESOLVED
    return Notice(
        rules=(rule,),
        marketplace=marketplace,
        severity=severity,
        reason=reason,
        at=now,
        firing=() if resolved else (alert,),
        resolved=(ended,) if resolved else (),
        missed=(ended,) if reason is NotifyReason.HELD else (),
    )


def samples() -> Iterator[Notice]:
    """Yield a notice of each reason."""
    yield from (sample(reason) for reason in _REASONS)


def _alert(rule: RuleName, marketplace: str, now: datetime) -> Alert:
    best = Sighting(
        hostnode_id=HostnodeId("00000000-0000-4000-8000-000000000001"),
        gpu=GpuModel("h100-sxm5-80gb"),
        available=8,
        price=nano(1.99),
        total=nano(2.205),
        city="Frankfurt",
        country="Germany",
        tier=3,
        uptime=99.95,
    )
    other = replace(
        best,
        hostnode_id=HostnodeId("00000000-0000-4000-8000-000000000002"),
        available=2,
        price=nano(2.1),
        total=nano(2.315),
    )
    since = now - timedelta(minutes=12)
    return Alert(
        rule=rule,
        labels=(("gpu", "h100-sxm5-80gb"), ("marketplace", marketplace)),
        state=AlertState.FIRING,
        active_at=since,
        pending_since=since,
        firing_at=since,
        value=nano(1.99),
        offers=2,
        best=(best, other),
    )
