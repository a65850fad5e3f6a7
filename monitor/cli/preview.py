"""`notify preview`: the message that a rule's receivers would get, and nothing is sent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from monitor.alerting.formats import Format, Screen
from monitor.alerting.notice import Notice, NotifyReason
from monitor.alerting.outbox import Draft
from monitor.alerting.samples import sample
from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    err,
    known_rule,
    opened,
    print_json,
    read_config,
)
from monitor.clock import utc_now
from monitor.config.model import Config
from monitor.errors import StoreMissingError
from monitor.letter import Letter
from monitor.plan import Plan
from monitor.rules.alert import Alert, AlertState, RuleName
from monitor.setup import set_up
from monitor.store.alerts import recent


class Reason(StrEnum):
    """The reasons for which a rule's alerts are told."""

    FIRST = "first"
    NEW = "new"
    IMPROVED = "improved"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    HELD = "held"
    ESCALATED = "escalated"


def preview(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Its name in the configuration.")],
    config: ConfigPath = DEFAULT_CONFIG,
    reason: Annotated[Reason, typer.Option(help="Why it would be told.")] = Reason.FIRST,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="In this format. [default: each destination's own]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each receiver of a rule would get, with the offers it has now or made-up ones."""
    settings = read_config(config)
    plan = _plan(settings, form)
    name = known_rule(plan, rule)
    policy = plan.policies[name]
    receivers = policy.notify
    if reason is Reason.ESCALATED:
        receivers = () if policy.escalate is None else policy.escalate.notify
    notice = _notice(settings, plan, name, NotifyReason(reason.value))
    drafts, faults = Letter(
        plan=plan, receivers=receivers, templates=policy.templates, notice=notice
    ).compose()
    for fault in faults:
        err.print(f"the template for {fault.receiver} fails: {fault.what}")
    if not drafts:
        err.print(f"{rule} tells nobody for the reason {reason.value}")
    _show(drafts, as_json=as_json)


def _plan(config: Config, form: Format | None) -> Plan:
    setup = set_up(config)
    setup.close()
    if form is None:
        return setup.plan
    screens: dict[Any, Screen] = {
        key: replace(setup.plan.screens.get(key, Screen()), format=form)
        for keys in setup.plan.destinations.values()
        for key in keys
    }
    return replace(setup.plan, screens=screens)


def _notice(config: Config, plan: Plan, rule: RuleName, reason: NotifyReason) -> Notice:
    now = utc_now()
    found = _firing(config, rule, now)
    severity = plan.rules[rule].severity
    if not found:
        err.print(f"no alert of {rule} fires now: the offers are made up")
        marketplace = config.marketplaces[0].name
        return sample(reason, rule=rule, marketplace=marketplace, severity=severity, now=now)
    marketplace = found[0].marketplace
    firing = tuple(alert for alert in found if alert.marketplace == marketplace)
    notice = sample(reason, rule=rule, marketplace=marketplace, severity=severity, now=now)
    if reason is NotifyReason.RESOLVED:
        return replace(notice, resolved=tuple(replace(each, resolved_at=now) for each in firing))
    return replace(notice, firing=firing, missed=())


def _firing(config: Config, rule: RuleName, now: datetime) -> list[Alert]:
    """Return the alerts of a rule that fire; before the first poll there are none."""
    try:
        with opened(config) as database, database.read() as connection:
            active = recent(connection, since=now)
    except StoreMissingError:
        return []
    return [
        alert
        for alert in active
        if alert.rule == rule and alert.state is AlertState.FIRING and alert.best
    ]


def _show(drafts: Sequence[Draft], *, as_json: bool) -> None:
    if as_json:
        print_json([_json(draft) for draft in drafts])
        return
    for number, draft in enumerate(drafts):
        if number:
            typer.echo()
        typer.echo(f"── {draft.receiver} ({draft.destination}), {draft.format.value}")
        typer.echo(draft.title)
        typer.echo()
        typer.echo(draft.body)


def _json(draft: Draft) -> dict[str, Any]:
    return {
        "receiver": draft.receiver,
        "destination": draft.destination,
        "format": draft.format.value,
        "reason": draft.reason.value,
        "title": draft.title,
        "body": draft.body,
    }
