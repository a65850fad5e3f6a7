"""The daily digest: gathered and queued once on each day, by one process."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from monitor.alerting.digest import LONGEST, Digest, render_digest, since
from monitor.alerting.notice import NotifyReason
from monitor.alerting.plain import plain
from monitor.config.model import DigestConfig
from monitor.grab.grab import Grab
from monitor.jobs.shared import SECOND, Shared, job
from monitor.market.money import NanoDollars, show
from monitor.market.snapshot import Snapshot
from monitor.rules.alert import AlertState
from monitor.rules.conditions import Attribute, OneOf
from monitor.rules.rule import Rule
from monitor.scheduler import Job
from monitor.store import alerts, digests, history, outbox
from monitor.store.grabs import Books

_WAITS_LONG = timedelta(minutes=10)
"""After this a message that waits is trouble."""


class DailyDigest:
    """Tells the digest when its time has come; `wake` is called when it was queued."""

    def __init__(self, shared: Shared, wake: Callable[[], None]) -> None:
        self._shared = shared
        self._wake = wake

    def jobs(self) -> list[Job]:
        """Return the job that looks whether a digest is due."""
        return [job("digest", self._look, 20 * SECOND, minutes=5)]

    def _look(self, now: datetime) -> None:
        config = self._shared.setup.config.notifications.digest
        day = None if config is None else config.times().day_due(now)
        if config is None or day is None:
            return
        with self._shared.database.read() as connection:
            if digests.has(connection, day):
                return
        self._tell(config, day, self._gather(now))

    def _tell(self, config: DigestConfig, day: date, gathered: Digest) -> None:
        """Queue the digest, in the transaction that takes the day: nobody else tells it then.

        In it is counted what each digest goes on with where the last one ended.
        """
        plan, now = self._shared.setup.plan, gathered.now
        with self._shared.database.transaction() as connection:
            if not digests.claim(connection, day, now):
                return
            news = digests.untold(connection, day, since=gathered.since, earliest=now - LONGEST)
            digest = replace(
                gathered, fired=news.fired, ended=news.ended, failed_polls=news.failed_polls
            )
            if not digest.is_empty or config.empty:
                message = render_digest(digest)
                drafts = plan.drafts(config.notify or plan.operators, message, NotifyReason.DIGEST)
                outbox.enqueue(connection, drafts, now)
        self._wake()

    def _gather(self, now: datetime) -> Digest:
        setup = self._shared.setup
        with self._shared.database.read() as connection:
            begin = since(digests.last_told_at(connection), now)
            active = alerts.recent(connection, since=now)
            told = Digest(
                since=begin,
                now=now,
                firing=Counter(each.rule for each in active if each.state is AlertState.FIRING),
                prices=_prices(
                    [history.latest(connection, name) for name in setup.marketplaces],
                    setup.plan.rules.values(),
                ),
                dead=digests.given_up(connection, begin),
                waiting=digests.waiting(connection, now - _WAITS_LONG),
            )
        with Books(self._shared.database).reading() as book:
            bought = tuple(_bought(grab) for grab in book.since(begin) if grab.instance_id)
        return replace(told, bought=bought)


def _prices(
    snapshots: Iterable[Snapshot | None], rules: Collection[Rule]
) -> Mapping[str, NanoDollars]:
    """Return the lowest price now of each GPU model that a rule looks for."""
    lowest: dict[str, NanoDollars] = {}
    for snapshot in snapshots:
        for offer in () if snapshot is None else snapshot.offers:
            if offer.available and offer.price is not None:
                lowest[offer.gpu] = min(offer.price, lowest.get(offer.gpu, offer.price))
    return {
        gpu: price for gpu, price in lowest.items() if any(_looks_for(rule, gpu) for rule in rules)
    }


def _looks_for(rule: Rule, gpu: str) -> bool:
    return all(
        condition.accepts(gpu)
        for condition in rule.conditions
        if isinstance(condition, OneOf) and condition.attribute is Attribute.GPU
    )


def _bought(grab: Grab) -> str:
    ended = "" if grab.ended_at is None else ", ended"
    return f"{plain(grab.rule)}: {plain(grab.instance_name)} at {show(grab.rate)} $/h{ended}"
