"""What a template sees of a notice: names, numbers and texts, all of them harmless."""

from collections.abc import Iterable
from datetime import datetime

from monitor.alerting.notice import Message, Notice
from monitor.alerting.plain import plain
from monitor.alerting.render import best_first, duration, instant, labels_of, why
from monitor.market.money import NanoDollars, dollars
from monitor.market.value import value
from monitor.rules.alert import Alert, Sighting

MOST = 25
"""How many offers, and how many alerts, a template sees."""


@value
class OfferView:
    """An offer: prices in dollars per hour, `total` for the rule's resources; `None` is unknown."""

    gpu: str
    price: float | None
    total: float | None
    free: int
    city: str | None
    country: str | None
    tier: int | None
    uptime: float | None
    hostnode: str


@value
class AlertView:
    """An alert: since when it fires or until when it did, for how long, and its best price."""

    rule: str
    labels: str
    since: str
    until: str | None
    lasted: str
    price: float | None
    offers: int


_NO_OFFER = OfferView(
    gpu="",
    price=None,
    total=None,
    free=0,
    city=None,
    country=None,
    tier=None,
    uptime=None,
    hostnode="",
)


VARIABLES = frozenset(
    {
        *{"title", "body", "rule", "rules", "marketplace", "severity", "reason", "why", "at"},
        *{"best", "offers", "count", "firing", "resolved", "missed"},
    }
)

LISTS = frozenset({"offers", "firing", "resolved", "missed", "rules"})
"""Those of `VARIABLES` that are lists, of `MOST` at most: what a template may loop over."""


def context(notice: Notice, message: Message, now: datetime) -> dict[str, object]:
    """Return the variables of a template, by name; `title` and `body` are what is told plainly."""
    seen = best_first(notice.firing) or best_first((*notice.resolved, *notice.missed))
    offers = tuple(_offer(each) for each in best_first(notice.firing)[:MOST])
    return {
        "title": message.title,
        "body": message.body,
        "rule": plain(notice.rules[0]) if len(notice.rules) == 1 else f"{len(notice.rules)} rules",
        "rules": tuple(map(plain, notice.rules[:MOST])),
        "marketplace": plain(notice.marketplace),
        "severity": notice.severity.value,
        "reason": notice.reason.value,
        "why": why(notice),
        "at": instant(notice.at),
        "best": _offer(seen[0]) if seen else _NO_OFFER,
        "offers": offers,
        "count": max(sum(alert.offers for alert in notice.firing), len(offers)),
        "firing": _alerts(notice.firing, now),
        "resolved": _alerts(notice.resolved, notice.at),
        "missed": _alerts(notice.missed, notice.at),
    }


def _offer(seen: Sighting) -> OfferView:
    return OfferView(
        gpu=plain(seen.gpu),
        price=_dollars(seen.price),
        total=_dollars(seen.total),
        free=seen.available,
        city=None if seen.city is None else plain(seen.city),
        country=None if seen.country is None else plain(seen.country),
        tier=seen.tier,
        uptime=seen.uptime,
        hostnode=plain(seen.hostnode_id),
    )


def _alerts(alerts: Iterable[Alert], now: datetime) -> tuple[AlertView, ...]:
    return tuple(_alert(alert, now) for alert, _ in zip(alerts, range(MOST), strict=False))


def _alert(alert: Alert, now: datetime) -> AlertView:
    since = alert.firing_at or alert.active_at
    return AlertView(
        rule=plain(alert.rule),
        labels=labels_of(alert),
        since=instant(since),
        until=None if alert.resolved_at is None else instant(alert.resolved_at),
        lasted=duration((alert.resolved_at or now) - since),
        price=_dollars(alert.value),
        offers=alert.offers,
    )


def _dollars(price: NanoDollars | None) -> float | None:
    return None if price is None else dollars(price)
