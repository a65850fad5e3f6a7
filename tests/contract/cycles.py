"""What a cycle needs beside a database: a market that answers as told, a plan, and a look back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from monitor.alerting.notice import NotifyPolicy
from monitor.alerting.outbox import DestinationKey
from monitor.cycle import Chances, CycleReport, Store, run_cycle
from monitor.market.money import NanoDollars, nano
from monitor.market.snapshot import Poll, Snapshot
from monitor.plan import Plan
from monitor.rules.alert import Alert, RuleName, Transition
from monitor.rules.conditions import AtMost, Attribute
from monitor.rules.rule import Rule
from monitor.store import alerts, history, outbox
from monitor.store.engine import Database
from monitor.store.outbox import Notification
from monitor.store.schema import offer_intervals, polls
from tests.contract.samples import MINUTE

CHEAP = RuleName("cheap")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
DESTINATIONS = {"chat": (DestinationKey("json#1"),)}


@dataclass(frozen=True, slots=True)
class Answering:
    """A marketplace that gives the one answer it was made with."""

    answer: Poll

    @property
    def name(self) -> str:
        return self.answer.marketplace

    def poll(self, now: datetime) -> Poll:
        assert now == self.answer.at
        return self.answer


@dataclass(slots=True, kw_only=True)
class Onlooker:
    """A buyer of all rules that buys nothing, and remembers what it could have bought."""

    rules: Collection[RuleName]
    shown: list[Chances] = field(default_factory=list)

    def buy(self, marketplace: str, chances: Chances, now: datetime) -> None:
        del marketplace, now
        self.shown.append(chances)


def a_rule(name: RuleName = CHEAP, limit: NanoDollars | None = None, **changes: Any) -> Rule:
    """Return a rule that offers at up to two dollars meet."""
    limit = nano(2) if limit is None else limit
    return Rule(name=name, conditions=(AtMost(attribute=Attribute.PRICE, limit=limit),), **changes)


def a_plan(
    *rules: Rule,
    destinations: Mapping[str, tuple[DestinationKey, ...]] = DESTINATIONS,
    **policy: Any,
) -> Plan:
    """Return a plan that tells all its receivers about each rule."""
    told = NotifyPolicy(notify=tuple(destinations), **policy)
    return Plan(
        rules={rule.name: rule for rule in rules},
        policies={rule.name: told for rule in rules},
        destinations=destinations,
    )


def cycle(
    store: Store, answer: Poll, plan: Plan | None = None, interval: timedelta = MINUTE
) -> CycleReport:
    """Run one cycle over a given answer, at its instant; the plan is one rule if not given.

    What a buyer is shown beforehand must be what the cycle finds.
    """
    chosen = a_plan(a_rule()) if plan is None else plan
    buyer = Onlooker(rules=chosen.rules.keys())
    report = run_cycle(
        Answering(answer), chosen, store, interval=interval, now=answer.at, buyer=buyer
    )
    assert buyer.shown == [report.chances] * bool(report.chances)
    return report


def of_marketplace(answer: Poll, name: str) -> Poll:
    """Return the same answer, given by another marketplace."""
    snapshot = answer.snapshot
    return replace(
        answer,
        marketplace=name,
        snapshot=None if snapshot is None else replace(snapshot, marketplace=name),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """All that a cycle may write, read back."""

    polls: int
    open_intervals: int
    latest: Snapshot | None
    alerts: tuple[Alert, ...]
    transitions: tuple[Transition, ...]
    notifications: tuple[Notification, ...]


def written(database: Database, marketplace: str = "tensordock") -> Written:
    """Read back what cycles wrote; notifications come oldest first."""
    with database.read() as connection:
        is_open = offer_intervals.c.valid_to.is_(None)
        return Written(
            polls=connection.scalar(select(func.count()).select_from(polls)) or 0,
            open_intervals=connection.scalar(select(func.count()).where(is_open)) or 0,
            latest=history.latest(connection, marketplace),
            alerts=tuple(_of(marketplace, alerts.recent(connection, since=LONG_AGO))),
            transitions=tuple(alerts.history(connection, since=LONG_AGO)),
            notifications=tuple(reversed(outbox.listed(connection, limit=1_000))),
        )


def _of(marketplace: str, found: Iterable[Alert]) -> Iterable[Alert]:
    return (alert for alert in found if alert.marketplace == marketplace)


def stages(transitions: Iterable[Transition]) -> list[str]:
    """Return transitions in a form that reads well in a test: `pending → firing: held`."""
    return [f"{each.before} → {each.after}: {each.reason}" for each in transitions]
