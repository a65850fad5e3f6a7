"""`notify drill`: a made-up alert, from evaluation to the real receivers, and its end."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import typer

from monitor.alerting.outbox import DestinationKey, Draft, NotificationStatus
from monitor.backtest.run import Backtest
from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    err,
    known_rule,
    log_to_stderr,
    opened_or_made,
    print_json,
    print_table,
    read_config,
)
from monitor.cli.sending import deliver, notification_json
from monitor.clock import utc_now
from monitor.delivery.alertmanager import Alertmanager, AlertmanagerSender
from monitor.delivery.postable import postable
from monitor.errors import DeliveryError, MonitorError
from monitor.market.hostnode import ComponentPrices, Hostnode, HostnodeId, Location, Resources
from monitor.market.money import nano
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.plan import Plan
from monitor.rules.alert import Alert, RuleName
from monitor.setup import Setup, set_up

_LASTS_FOR = 1.0
"""Seconds in which an Alertmanager that waits for no group tells that it fires."""
_OFFER = Offer(
    hostnode=Hostnode(
        id=HostnodeId("drill-hostnode"),
        location=Location(city="Nowhere", country="a fire drill"),
        resources=Resources(),
        prices=ComponentPrices(),
    ),
    gpu=GpuModel("drill-gpu"),
    available=1,
    price=nano(1),
)


def drill(
    rule: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="Whose receivers; the first rule's.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Let a made-up alert of a rule fire and end, and tell its real receivers of both.

    Its name begins with "drill"; waits, quiet hours and conditions of the rule do not count.
    """
    log_to_stderr()
    setup = set_up(read_config(config))
    setup.close()
    name = _chosen(setup.plan, rule)
    now = utc_now()
    drafts, alerts = _rehearse(_drilled(setup.plan, name), next(iter(setup.marketplaces)), now)
    with opened_or_made(setup.config) as database:
        found = deliver(database, setup, drafts, now)
    told = [
        (each.receiver, each.destination, each.title, each.status.value, each.error)
        for each in found
    ]
    told += _told_states(setup, name, alerts, now)
    if as_json:
        print_json([notification_json(each) for each in found])
    else:
        columns = ("receiver", "destination", "title…", "status", "error…")
        print_table(columns, told, empty="nobody is told")
    if not told or any(status != NotificationStatus.SENT for *_, status, _ in told):
        err.print(f"not every message of the drill of {name} arrived")
        raise typer.Exit(1)


def _chosen(plan: Plan, rule: str | None) -> RuleName:
    if not plan.rules:
        raise MonitorError("there is nothing to drill: the configuration has no rules")
    return next(iter(plan.rules)) if rule is None else known_rule(plan, rule)


def _drilled(plan: Plan, name: RuleName) -> Plan:
    """Return a plan with one rule, which every offer meets and which is told at once."""
    drilled = RuleName(f"drill of {name}")
    rule = replace(
        plan.rules[name],
        name=drilled,
        conditions=(),
        gone=False,
        hold_for=timedelta(0),
        keep_firing_for=timedelta(0),
    )
    policy = replace(
        plan.policies[name],
        group_wait=timedelta(0),
        group_interval=timedelta(seconds=1),
        send_resolved=True,
        quiet_hours=None,
        escalate=None,
    )
    return replace(plan, rules={drilled: rule}, policies={drilled: policy})


def _rehearse(plan: Plan, marketplace: str, now: datetime) -> tuple[list[Draft], list[Alert]]:
    """Return what is queued when an offer is there and gone at the next poll, and the alerts."""
    run = Backtest(plan, marketplace, interval=timedelta(minutes=1))
    alerts: list[Alert] = []
    for poll in _polls(marketplace, now):
        run.feed([poll])
        alerts += run.ledger.alerts().values()
    return [draft for _, draft in run.ledger.queued], alerts


def _polls(marketplace: str, now: datetime) -> Iterator[Poll]:
    for number, offers in enumerate(((_OFFER,), ())):
        at = now + number * timedelta(minutes=1)
        snapshot = Snapshot(
            marketplace=marketplace, at=at, hostnodes=(_OFFER.hostnode,), offers=offers
        )
        yield Poll(
            marketplace=marketplace, at=at, outcome=Outcome.OK, duration=0, snapshot=snapshot
        )


def _told_states(
    setup: Setup, name: RuleName, alerts: list[Alert], now: datetime
) -> Iterator[tuple[str, DestinationKey, str, str, str]]:
    """Tell the Alertmanagers of a rule that the alert fires, and then that it has ended."""
    sender, severity = AlertmanagerSender(), setup.plan.rules[name].severity
    told = [
        to
        for to in setup.destinations.values()
        if isinstance(to, Alertmanager) and to.receiver in setup.plan.policies[name].notify
    ]
    for state, ended_at in (("firing", None), ("resolved", now)):
        if told and ended_at is not None:
            time.sleep(_LASTS_FOR)
        for to in told:
            status, error = NotificationStatus.SENT, ""
            sent = [
                postable(replace(each, resolved_at=ended_at), severity, now, to.generator_url)
                for each in alerts
            ]
            try:
                sender.post(to, sent)
            except DeliveryError as failure:
                status, error = NotificationStatus.QUEUED, str(failure)
            yield to.receiver, to.key, f"{alerts[0].rule}: {state}", status.value, error
