"""What `explain` tells, for scripts: dollars per hour, seconds, RFC 3339."""

from typing import Any

from monitor.cli.common import instant
from monitor.cli.explained import AlertNow, Explained
from monitor.cli.offers import offer_json
from monitor.grab.policy import Choice
from monitor.market.money import NanoDollars, dollars
from monitor.rules.explain import Measured


def explained_json(each: Explained) -> dict[str, Any]:
    """Return one rule on one marketplace."""
    found = each.found
    return {
        "marketplace": each.marketplace,
        "now": instant(each.now),
        "polled_at": instant(each.polled_at),
        "last_poll_at": instant(each.last_poll_at),
        "last_outcome": each.last_outcome and each.last_outcome.value,
        "stale": each.is_old,
        "offers": None if found is None else found.offers,
        "funnel": []
        if found is None
        else [{"condition": stage.condition, "left": stage.left} for stage in found.stages],
        "misses": []
        if found is None
        else [{**offer_json(miss.offer), "lacks": list(miss.lacks)} for miss in found.misses],
        "history": [] if found is None else [_measured(one) for one in found.measured],
        "alerts": [_alert(each, now) for now in each.alerts],
        "notify": list(each.policy.notify),
        "quiet_until": instant(each.quiet_until),
        "title": next(iter(each.titles), None),
        "grab": _buying(each),
    }


def _measured(each: Measured) -> dict[str, Any]:
    best = each.look.best
    return {
        "gpu": each.gpu,
        "condition": each.condition.yardstick.value,
        "wanted": each.condition.wanted,
        "window_seconds": each.condition.window.total_seconds(),
        "coverage": round(each.look.covered, 4),
        "availability": round(each.look.had, 4),
        "now": _money(each.best),
        "limit": _money(each.bound.limit),
        "low": _money(best.lowest if best else None),
        "median": _money(each.look.median if best else None),
        "high": _money(best.highest if best else None),
        "met": None
        if each.bound.limit is None or each.best is None
        else each.best <= each.bound.limit,
        "why": each.bound.why or None,
    }


def _alert(each: Explained, now: AlertNow) -> dict[str, Any]:
    alert, left = now.alert, each.left(now.alert)
    return {
        "labels": dict(alert.labels),
        "state": alert.state.value,
        "active_at": instant(alert.active_at),
        "firing_at": instant(alert.firing_at),
        "resolved_at": instant(alert.resolved_at),
        "value": _money(alert.value),
        "detail": alert.detail or None,
        "due_in_seconds": None if left is None else left.total_seconds(),
        "silenced_by": [silence.id for silence in now.silences],
        "acknowledged_by": alert.acknowledged and alert.acknowledged.by,
        "withheld": now.group and now.group.withheld and now.group.withheld.value,
    }


def _buying(each: Explained) -> dict[str, Any] | None:
    match each.buying:
        case None:
            return None
        case Choice():
            best = each.buying.best[0]
            return {
                "hostnode_id": best.hostnode,
                "gpu": best.gpu,
                "quoted_per_hour": dollars(best.quoted),
                "refused": None,
            }
        case _:
            return {
                "hostnode_id": None,
                "gpu": None,
                "quoted_per_hour": None,
                "refused": each.buying.reason,
            }


def _money(amount: NanoDollars | None) -> float | None:
    return None if amount is None else dollars(amount)
