"""An alert as Alertmanager's API v2 takes it (`postableAlert`), sent as Prometheus would.

Labels are what tells an alert from others, so nothing that changes is among them; what a person
reads is in the annotations. An active alert ends a few resends from now unless it is sent again,
so that it ends by itself if we are gone; a resolved one has ended.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from monitor.market.money import show
from monitor.rules.alert import Alert, Severity, Sighting

RESEND_EVERY = timedelta(minutes=1)
"""How often an active alert is sent again (Prometheus' `--rules.alert.resend-delay`)."""
LASTS_FOR = 4 * RESEND_EVERY
"""For how long it is active by itself: four resends, as in Prometheus' `rules/manager.go`."""
RESOLVED_FOR = timedelta(minutes=15)
"""For how long a resolved alert is sent again (Prometheus' `resolvedRetention`)."""
MESSAGE_LASTS_FOR = timedelta(minutes=15)
"""For how long a message that is no alert of a rule is active."""

Postable = Mapping[str, Any]


def postable(
    alert: Alert, severity: Severity, now: datetime, generator_url: str | None = None
) -> Postable:
    """Return a firing or resolved alert; in `generator_url` `{rule}` and labels are filled in."""
    labels = {"alertname": alert.rule, "severity": severity.value, **dict(alert.labels)}
    ends_at = alert.resolved_at or now + LASTS_FOR
    told = {
        "labels": labels,
        "annotations": _annotations(alert),
        "startsAt": _instant(alert.firing_at or alert.active_at),
        "endsAt": _instant(ends_at),
    }
    if generator_url is None:
        return told
    return {**told, "generatorURL": _filled(generator_url, {**labels, "rule": alert.rule})}


def postable_message(title: str, body: str, now: datetime) -> Postable:
    """Return a message about something else than a rule's alerts, as an alert that ends soon.

    The same message is the same alert, however often it is sent.
    """
    told = hashlib.sha256(f"{title}\n{body}".encode()).hexdigest()
    return {
        "labels": {
            "alertname": "GpuMonitorMessage",
            "severity": Severity.INFO.value,
            "message": told[:8],
        },
        "annotations": {"summary": title, "description": body},
        "startsAt": _instant(now),
        "endsAt": _instant(now + MESSAGE_LASTS_FOR),
    }


def _annotations(alert: Alert) -> dict[str, str]:
    told = {"offers": str(alert.offers)}
    if alert.value is not None:
        told["price_per_gpu_hour"] = show(alert.value)
    if not alert.best:
        return {"summary": f"{alert.rule}: no offer is left", **told}
    best = alert.best[0]
    if best.total is not None:
        told["total_per_hour"] = show(best.total)
    return {
        "summary": f"{alert.rule}: {_sentence(best)}",
        "description": "\n".join(map(_sentence, alert.best)),
        "hostnode": best.hostnode_id,
        **told,
    }


def _sentence(offer: Sighting) -> str:
    price = "no price told" if offer.price is None else f"{show(offer.price)} $/h per GPU"
    total = None if offer.total is None else f"{show(offer.total)} $/h in total"
    where = ", ".join(part for part in (offer.city, offer.country) if part) or None
    parts = (f"{offer.gpu} at {price}", total, f"{offer.available} free", where)
    return f"{', '.join(part for part in parts if part)} ({offer.hostnode_id})"


def _filled(url: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    return url


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
