"""What a buyer reads, on a phone at night: the best price first, one line that can be acted on.

Everything a marketplace or a configuration named is made harmless before it is shown
(`plain.py`); how it looks where it arrives is decided later (`formats.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.alerting.formats import BODY_LENGTH, TITLE_LENGTH, clip
from monitor.alerting.notice import Message, Notice, NotifyReason
from monitor.alerting.plain import plain
from monitor.alerting.system import system_lines, system_title
from monitor.market.money import NanoDollars, show
from monitor.rules.alert import Alert, Sighting
from monitor.rules.system import is_system

SHOWN = 5
"""How many offers, and how many alerts, a message lists; the rest is counted."""

_MARKUP = frozenset("*`~|<>[]@#\\")
_PREFIXES = {
    NotifyReason.NEW: "new: ",
    NotifyReason.IMPROVED: "cheaper: ",
    NotifyReason.REPEAT: "still: ",
    NotifyReason.RESOLVED: "resolved: ",
    NotifyReason.HELD: "after quiet hours: ",
    NotifyReason.ESCALATED: "unanswered: ",
}
_WHY = {
    NotifyReason.FIRST: "the rule began to fire",
    NotifyReason.NEW: "something new meets the rule",
    NotifyReason.IMPROVED: "the best price has fallen",
    NotifyReason.REPEAT: "it still fires",
    NotifyReason.RESOLVED: "something ended",
    NotifyReason.HELD: "quiet hours are over",
    NotifyReason.ESCALATED: "nobody has acknowledged it: see `gpu-monitor alerts ack`",
}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def render(notice: Notice, *, now: datetime) -> Message:
    """Return `notice` as a title of one line and a plain body, both bounded.

    Prices are dollars per GPU hour and, where all parts have a price, dollars per hour in total
    for the rule's resources. How long an alert has been firing is counted up to `now`.
    """
    if all(map(is_system, notice.rules)):
        return _message(plain(system_title(notice), TITLE_LENGTH), _system_body(notice, now))
    best = best_first(notice.firing)
    title = f"{_PREFIXES.get(notice.reason, '')}{_rules(notice)}: {_what(notice, best)}"
    lines = ["there was, until the poll before:"] if best and _all_gone(notice.firing) else []
    strong: list[int] = []
    for sighting in best[:SHOWN]:
        strong.append(len(lines))
        lines += (*_offer(sighting), "")
    return replace(
        _message(
            f"{title} ({plain(notice.marketplace)})", (*lines, *_rest_of_body(notice, best, now))
        ),
        strong=frozenset(strong),
        lead=lines.index("") if lines else 1,
    )


def render_test(receiver: str, now: datetime) -> Message:
    """Return what `notify test` sends to `receiver`."""
    return _message(
        f"test: gpu-monitor reaches {plain(receiver)}",
        [f"Sent on request at {instant(now)}. There is nothing to do."],
    )


def render_system(title: str, body: str) -> Message:
    """Return a message about the program itself; `body` may have several lines."""
    lines = [_readable(line) for line in body.splitlines()]
    return _message(f"gpu-monitor: {_readable(title)}", lines)


def _message(title: str, lines: Iterable[str]) -> Message:
    return Message(
        title=clip(title, TITLE_LENGTH), body=clip("\n".join(lines).strip(), BODY_LENGTH)
    )


def _rules(notice: Notice) -> str:
    return plain(notice.rules[0]) if len(notice.rules) == 1 else f"{len(notice.rules)} rules"


def _what(notice: Notice, best: Sequence[Sighting]) -> str:
    if best and notice.reason is not NotifyReason.RESOLVED:
        return _gone(best[0]) if _all_gone(notice.firing) else _headline(best[0])
    if notice.missed:
        return f"{_ended(notice.missed, notice.at)}, while it was quiet"
    return _ended(notice.resolved, notice.at) if notice.resolved else "no offer is left"


def _all_gone(alerts: Iterable[Alert]) -> bool:
    return not any(alert.offers for alert in alerts)


def _system_body(notice: Notice, now: datetime) -> Iterator[str]:
    yield from (plain(line, BODY_LENGTH) for line in system_lines(notice))
    yield from (f"since {_since(alert, now)}" for alert in notice.firing[:1])
    yield from _endings(notice, (*notice.resolved, *notice.missed), "over")


def _rest_of_body(notice: Notice, best: Sequence[Sighting], now: datetime) -> Iterator[str]:
    offers = sum(alert.offers for alert in notice.firing)
    yield from _rest(max(offers, len(best)) - len(best[:SHOWN]), "more")
    yield from _endings(notice, notice.resolved, "ended")
    yield from _endings(notice, notice.missed, "came and went")
    for alert in notice.firing[:SHOWN]:
        yield f"firing since {_since(alert, now)}: {_of(notice, alert)}"
    yield from _rest(len(notice.firing) - SHOWN, "more firing")
    yield f"severity {notice.severity.value}; told because {why(notice)}"


def why(notice: Notice) -> str:
    """Return why a notice is told, in words."""
    remark = f" ({plain(notice.remark, BODY_LENGTH)})" if notice.remark else ""
    return f"{_WHY.get(notice.reason, notice.reason.value)}{remark}"


def _endings(notice: Notice, alerts: Sequence[Alert], what: str) -> Iterator[str]:
    for alert in alerts[:SHOWN]:
        ended = f"{_ending(alert, what)} {_end(alert, notice.at)}"
        yield f"{ended}, at {instant(alert.resolved_at or notice.at)}: {_of(notice, alert)}"
    yield from _rest(len(alerts) - SHOWN, f"more {what}")


def best_first(alerts: Iterable[Alert]) -> list[Sighting]:
    """Return what the alerts saw, cheapest first, unpriced last, each offer once."""
    seen = {(found.hostnode_id, found.gpu): found for alert in alerts for found in alert.best}
    return sorted(seen.values(), key=_rank)


def _rank(sighting: Sighting) -> tuple[bool, int, int]:
    return sighting.price is None, sighting.price or 0, -sighting.available


def _headline(sighting: Sighting) -> str:
    parts = (
        f"{plain(sighting.gpu)} {_from(sighting.price)}",
        f"{sighting.available} free",
        *_where(sighting),
    )
    return ", ".join(parts)


def _gone(sighting: Sighting) -> str:
    return ", ".join(
        (f"{plain(sighting.gpu)} is gone", *_where(sighting), f"was {_from(sighting.price)}")
    )


def _offer(sighting: Sighting) -> Iterator[str]:
    total = "" if sighting.total is None else f", {show(sighting.total)} $/h in total"
    yield f"{_price(sighting.price)}{total}: {sighting.available} × {plain(sighting.gpu)} free"
    if standing := [*_where(sighting), *_standing(sighting)]:
        yield ", ".join(standing)
    yield f"hostnode {plain(sighting.hostnode_id)}"


def _where(sighting: Sighting) -> Iterator[str]:
    for place in (sighting.city, sighting.country):
        if place and (name := plain(place)):
            yield name


def _standing(sighting: Sighting) -> Iterator[str]:
    if sighting.tier is not None:
        yield f"tier {sighting.tier}"
    if sighting.uptime is not None:
        yield f"uptime {sighting.uptime:g} %"


def _ended(alerts: Sequence[Alert], at: datetime) -> str:
    """Return how the alert with the lowest last price ended, and how many others did."""
    if not alerts:
        return "ended"
    told = min(alerts, key=lambda alert: (alert.value is None, alert.value or 0))
    gpu = f"{plain(told.best[0].gpu)} " if told.best else ""
    others = f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return f"{gpu}{_ending(told, 'ended')} {_end(told, at)}{others}"


def _ending(alert: Alert, what: str) -> str:
    """Return what became of an alert; one about the gone ends when that is there again."""
    return "is back" if alert.best and not alert.offers else what


def _end(alert: Alert, at: datetime) -> str:
    lasted = (alert.resolved_at or at) - (alert.firing_at or alert.active_at)
    last = "" if is_system(alert.rule) else f", last {_from(alert.value)}"
    return f"after {duration(lasted)}{last}"


def _since(alert: Alert, now: datetime) -> str:
    since = alert.firing_at or alert.active_at
    return f"{instant(since)} ({duration(now - since)})"


def _of(notice: Notice, alert: Alert) -> str:
    rule = f"rule={plain(alert.rule)}, " if len(notice.rules) > 1 else ""
    return f"{rule}{labels_of(alert)}"


def labels_of(alert: Alert) -> str:
    """Return what tells an alert apart: `gpu=h100-sxm5-80gb, marketplace=tensordock`."""
    return ", ".join(f"{plain(name)}={plain(value)}" for name, value in alert.labels)


def _rest(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f"and {count} {what}"


def _from(price: NanoDollars | None) -> str:
    return "unpriced" if price is None else f"from {_price(price)}"


def _price(price: NanoDollars | None) -> str:
    return "unpriced" if price is None else f"{show(price)} $/h per GPU"


def instant(at: datetime) -> str:
    """Return an instant to the minute: `2026-03-21 12:00 UTC`."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def duration(span: timedelta) -> str:
    """Return the two largest units of a duration: `2 h 5 min`; one that went back is `0 s`."""
    left = max(int(span.total_seconds()), 0)
    for (seconds, unit), (less, smaller) in pairwise(_UNITS):
        if left >= seconds:
            count, rest = divmod(left, seconds)
            more = rest // less
            return f"{count} {unit} {more} {smaller}" if more else f"{count} {unit}"
    return f"{left} s"


def _readable(line: str) -> str:
    """Return a line of our own text, with what others said in it, without markup and mentions."""
    shown = line.replace("://", " ")
    shown = "".join(c if c.isprintable() and c not in _MARKUP else " " for c in shown)
    return clip(" ".join(shown.split()), BODY_LENGTH)
