"""The daily digest: what happened since the last one, in one message.

It is due once on each day at a time of a clock. A program that was down then makes up for it for
some hours; after that the day goes without, and the next digest covers it too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from monitor.alerting.formats import BODY_LENGTH, clip
from monitor.alerting.notice import Message
from monitor.alerting.plain import plain
from monitor.alerting.render import instant
from monitor.market.money import NanoDollars, show
from monitor.market.value import value

LATE_BY = timedelta(hours=6)
"""For how long after its time a digest is still told."""
LONGEST = timedelta(days=7)
"""How far back a digest looks at most."""
SHOWN = 12
"""How many lines of each kind it has; the rest is counted."""
_DAY = timedelta(days=1)


@value
class DigestTimes:
    """When a digest is due: at `at` on the clocks of `zone`."""

    at: time
    zone: tzinfo

    def day_due(self, now: datetime) -> date | None:
        """Return the day whose digest may be told at `now`, or `None`."""
        today = now.astimezone(self.zone).date()
        for day in (today, today - _DAY):
            due_at = datetime.combine(day, self.at, self.zone).astimezone(UTC)
            if timedelta(0) <= now - due_at < LATE_BY:
                return day
        return None


@value
class Digest:
    """What happened from `since` to `now`.

    `fired` and `ended` count the alerts of each rule, `firing` those that fire now. `prices` are
    the lowest prices per GPU hour now of the models that the rules look for. `bought` are lines.
    `failed_polls` counts for each marketplace and outcome, `dead` notifications given up for each
    receiver, `waiting` those that wait.
    """

    since: datetime
    now: datetime
    fired: Mapping[str, int] = field(default_factory=dict)
    ended: Mapping[str, int] = field(default_factory=dict)
    firing: Mapping[str, int] = field(default_factory=dict)
    prices: Mapping[str, NanoDollars] = field(default_factory=dict)
    bought: tuple[str, ...] = ()
    failed_polls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    dead: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened: prices alone are no news."""
        return not (
            self.fired
            or self.ended
            or self.firing
            or self.bought
            or self.failed_polls
            or self.dead
            or self.waiting
        )


def since(last_at: datetime | None, now: datetime) -> datetime:
    """Return from when on the digest of `now` tells, if the last one was told at `last_at`."""
    return max(last_at or now - _DAY, now - LONGEST)


def render_digest(digest: Digest) -> Message:
    """Return a digest as a message."""
    fired = sum(digest.fired.values())
    title = (
        f"digest: {_count(fired, 'alert')} fired, "
        f"{_count(sum(digest.firing.values()), 'alert')} firing now"
    )
    lines = [f"Since {instant(digest.since)}:", "", *_lines(digest)]
    strong = frozenset(
        number for number, line in enumerate(lines) if number and not lines[number - 1]
    )
    body = "\n".join(lines).strip()
    return Message(title=title, body=clip(body, BODY_LENGTH), strong=strong)


def _lines(digest: Digest) -> Iterator[str]:
    if digest.is_empty:
        yield from ("Nothing happened.", "")
    yield from _counts("Began to fire", digest.fired)
    yield from _counts("Ended", digest.ended)
    yield from _counts("Fires now", digest.firing)
    yield from _part("Bought", digest.bought)
    troubles = [
        *(
            f"{plain(marketplace)}: {_count(count, 'poll')} {outcome}"
            for (marketplace, outcome), count in sorted(digest.failed_polls.items())
        ),
        *(f"{plain(name)}: {_count(n, 'message')} given up" for name, n in digest.dead.items()),
        *(f"{plain(name)}: {_count(n, 'message')} waiting" for name, n in digest.waiting.items()),
    ]
    yield from _part("Trouble", troubles)
    dearest_last = sorted(digest.prices.items(), key=lambda item: (item[1], item[0]))
    prices = [f"{plain(gpu)} from {show(price)} $/h per GPU" for gpu, price in dearest_last]
    yield from _part("Best prices now", prices)


def _counts(what: str, counts: Mapping[str, int]) -> Iterator[str]:
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    yield from _part(what, [f"{plain(rule)}: {_count(n, 'alert')}" for rule, n in most_first])


def _part(what: str, lines: tuple[str, ...] | list[str]) -> Iterator[str]:
    if not lines:
        return
    yield what
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"and {len(lines) - SHOWN} more"
    yield ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
