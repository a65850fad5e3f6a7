"""All that `explain` tells of one rule on one marketplace, read from the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerting.grouping import group_key
from monitor.alerting.notice import Group, Notice, NotifyPolicy, NotifyReason
from monitor.alerting.silence import Silence, matched_labels
from monitor.config.model import MarketplaceConfig
from monitor.grab.policy import Choice, decide
from monitor.grab.reasons import Refusal
from monitor.grab.standing import Standing
from monitor.letter import Letter
from monitor.market.offer import Offer
from monitor.market.snapshot import Outcome, Snapshot
from monitor.plan import Plan
from monitor.provision.stop_file import stopped_by
from monitor.rules.alert import Alert, AlertState, Labels
from monitor.rules.conditions import lack
from monitor.rules.explain import Explanation, due_at, explain
from monitor.rules.match import Match
from monitor.rules.past import OUTAGE_INTERVALS, Past
from monitor.rules.rule import Rule, needs
from monitor.rules.system import is_system
from monitor.setup import Setup
from monitor.store import alerts, groups, history, marketplaces, silences
from monitor.store.engine import Database
from monitor.store.grabs import Books
from monitor.store.past import load

LATELY = timedelta(days=1)
"""How long an alert that was resolved is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNow:
    """An alert, the silences that cover it, and what has been told of its group."""

    alert: Alert
    silences: tuple[Silence, ...]
    group: Group | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One rule on one marketplace at `now`.

    `found` is `None` where no good poll is recorded, or the rule is not about offers. `titles` are
    those of the messages that would be sent for what meets the rule, each once, and `buying` what
    the policy would do about it, if the rule buys.
    """

    rule: Rule
    policy: NotifyPolicy
    marketplace: str
    now: datetime
    polled_at: datetime | None
    last_outcome: Outcome | None
    last_poll_at: datetime | None
    is_old: bool
    found: Explanation | None
    alerts: tuple[AlertNow, ...]
    titles: tuple[str, ...]
    buying: Choice | Refusal | None

    @property
    def stands_still(self) -> bool:
        """Whether the clocks of alerts about offers stand still, for want of good polls."""
        about_offers = not is_system(self.rule.name)
        return about_offers and (self.is_old or self.last_outcome not in {None, Outcome.OK})

    def left(self, alert: Alert) -> timedelta | None:
        """Return after how much more time that is known an alert fires or is resolved, if so."""
        due = due_at(self.rule, alert)
        if due is None:
            return None
        if not self.stands_still or self.polled_at is None:
            return max(due - self.now, timedelta(0))
        lost = self.now - self.polled_at > self.rule.outage_tolerance
        if lost and alert.state is AlertState.PENDING:
            return self.rule.hold_for  # it begins anew at the next good poll
        return max(due - self.polled_at, timedelta(0))

    @property
    def quiet_until(self) -> datetime | None:
        """Until when quiet hours keep the rule from being told."""
        quiet = self.policy.quiet_hours
        if quiet is None or self.rule.severity in quiet.urgent:
            return None
        return quiet.until(self.now)


def explained(
    database: Database, setup: Setup, rule: Rule, config: MarketplaceConfig, now: datetime
) -> Explained:
    """Read what there is to tell of a rule about offers on one marketplace."""
    with database.read() as connection:
        known = marketplaces.find(connection, config.name)
        snapshot = history.latest(connection, config.name)
        past = load(connection, known, needs([rule]))
    found = None if snapshot is None else explain(rule, snapshot, past)
    good_at = None if known is None else known.recorded_until
    return Explained(
        rule=rule,
        policy=setup.plan.policies[rule.name],
        marketplace=config.name,
        now=now,
        polled_at=good_at,
        last_outcome=None if known is None else known.last_outcome,
        last_poll_at=None if known is None else known.last_poll_at,
        is_old=good_at is not None and now - good_at > OUTAGE_INTERVALS * config.poll_interval,
        found=found,
        alerts=_alerts(database, setup, rule, config.name, now),
        titles=_titles(setup.plan, rule, found, config.name, now),
        buying=None
        if snapshot is None
        else _buying(database, setup, rule, snapshot, _meeting(rule, snapshot, past), now=now),
    )


def explained_system(
    database: Database, setup: Setup, rule: Rule, marketplace: str, now: datetime
) -> Explained:
    """Read what there is to tell of a rule about the program."""
    with database.read() as connection:
        known = marketplaces.find(connection, marketplace)
    return Explained(
        rule=rule,
        policy=setup.plan.policies[rule.name],
        marketplace=marketplace,
        now=now,
        polled_at=None if known is None else known.recorded_until,
        last_outcome=None if known is None else known.last_outcome,
        last_poll_at=None if known is None else known.last_poll_at,
        is_old=False,
        found=None,
        alerts=_alerts(database, setup, rule, marketplace, now),
        titles=(),
        buying=None,
    )


def _alerts(
    database: Database, setup: Setup, rule: Rule, marketplace: str, now: datetime
) -> tuple[AlertNow, ...]:
    policy = setup.plan.policies[rule.name]
    with database.read() as connection:
        lives = alerts.recent(connection, since=now - LATELY)
        told = groups.load(connection, marketplace)
        active = [each for each in silences.listed(connection, since=now) if each.is_active(now)]
    return tuple(
        AlertNow(
            alert=alert,
            silences=tuple(
                each
                for each in active
                if each.covers(matched_labels(rule.name, alert.labels, rule.severity))
            ),
            group=told.get(group_key(policy, rule.severity, (rule.name, alert.labels))),
        )
        for alert in lives
        if alert.rule == rule.name and alert.marketplace == marketplace
    )


def _titles(
    plan: Plan, rule: Rule, found: Explanation | None, marketplace: str, now: datetime
) -> tuple[str, ...]:
    """Return what would be sent if all that meets the rule now began to fire."""
    if found is None or not found.matches or rule.gone:
        return ()
    notice = Notice(
        rules=(rule.name,),
        marketplace=marketplace,
        severity=rule.severity,
        reason=NotifyReason.FIRST,
        at=now,
        firing=tuple(_alert(rule, match, now) for match in found.matches.values()),
    )
    policy = plan.policies[rule.name]
    drafts, _ = Letter(
        plan=plan, receivers=policy.notify, templates=policy.templates, notice=notice
    ).compose()
    return tuple(dict.fromkeys(draft.title for draft in drafts))


def _alert(rule: Rule, match: Match, now: datetime) -> Alert:
    return Alert(
        rule=rule.name,
        labels=match.labels,
        state=AlertState.FIRING,
        active_at=now,
        pending_since=now,
        firing_at=now,
        value=match.value,
        offers=match.offers,
        best=match.best,
    )


def _buying(
    database: Database,
    setup: Setup,
    rule: Rule,
    snapshot: Snapshot,
    offers: list[Offer],
    *,
    now: datetime,
) -> Choice | Refusal | None:
    wish = setup.buying.wishes.get(rule.name)
    if wish is None or not offers:
        return None
    stopped = stopped_by(setup.buying.stop_file)
    if stopped is not None:
        return stopped
    with Books(database).reading() as book:
        return decide(
            wish,
            setup.buying,
            Standing.read(book, setup.buying, now),
            offers,
            marketplace=snapshot.marketplace,
        )


def _meeting(rule: Rule, snapshot: Snapshot, past: Past) -> list[Offer]:
    return [
        offer
        for offer in snapshot.offers
        if not any(lack(condition, offer, past) for condition in rule.conditions)
    ]


def shown_labels(labels: Labels) -> str:
    """Return what tells an alert apart, without its marketplace, which is told above."""
    own: Mapping[str, str] = {name: value for name, value in labels if name != "marketplace"}
    return ", ".join(f"{name}={value}" for name, value in own.items()) or "the rule"
