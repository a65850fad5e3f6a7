"""`alerts`: what is pending, firing, and was lately resolved, and who looks after it."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from monitor.alerting.silence import silenced_until
from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    ago,
    duration,
    err,
    instant,
    opened,
    print_json,
    print_table,
    read_config,
)
from monitor.cli.person import whoami
from monitor.cli.silences import labels_of
from monitor.clock import utc_now
from monitor.errors import MonitorError
from monitor.market.money import dollars, show
from monitor.rules.alert import Acknowledgement, Alert, AlertState, RuleName
from monitor.store.alerts import acknowledge, recent
from monitor.store.silences import listed

app = typer.Typer(invoke_without_command=True)


@app.callback()
def alerts(
    context: typer.Context,
    config: ConfigPath = DEFAULT_CONFIG,
    resolved: Annotated[
        timedelta,
        typer.Option(
            parser=duration,
            metavar="TIME",
            help="Also what was resolved this lately.",
            show_default="24h",
        ),
    ] = timedelta(days=1),
    as_json: AsJson = False,
) -> None:
    """Show the alerts that are pending or firing, and those lately resolved."""
    if context.invoked_subcommand is not None:
        return
    now = utc_now()
    settings = read_config(config)
    with opened(settings) as database, database.read() as connection:
        found = recent(connection, since=now - resolved)
        active = [each for each in listed(connection, since=now) if each.is_active(now)]
    silenced = [silenced_until(active, labels_of(alert, settings)) for alert in found]
    if as_json:
        print_json([_json(alert, until) for alert, until in zip(found, silenced, strict=True)])
        return
    several = len({alert.marketplace for alert in found}) > 1
    print_table(
        ("rule…", "labels…", "state", ".$/GPU h", ">offers", "since", "told…"),
        (
            (
                alert.rule,
                _labels(alert, several=several),
                alert.state.value,
                None if alert.value is None else show(alert.value),
                alert.offers,
                ago(_since(alert), now),
                _told(alert, until),
            )
            for alert, until in zip(found, silenced, strict=True)
        ),
        empty="no alerts",
    )


@app.command()
def ack(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Whose firing alerts.")],
    config: ConfigPath = DEFAULT_CONFIG,
    labels: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only alerts with this label; may be repeated."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who looks after it. [default: you]")] = None,
    comment: Annotated[str, typer.Option(help="What is being done, for the others.")] = "",
) -> None:
    """Say that somebody looks after a rule's alerts: no repeats, no escalation from now on.

    That holds until an alert ends, or something new of its rule is told. The end is told.
    """
    wanted = [_label(each) for each in labels or ()]
    given = Acknowledgement(at=utc_now(), by=by or whoami(), comment=comment)
    with opened(read_config(config)) as database, database.transaction() as connection:
        found = acknowledge(connection, RuleName(rule), wanted, given)
    if not found:
        raise MonitorError(f"no such alert of {rule} fires: see `gpu-monitor alerts`")
    for each in found:
        err.print("acknowledged: " + ", ".join(f"{name}={value}" for name, value in each))


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("a label is written like gpu=h100-sxm5-80gb")
    return name.strip(), value.strip()


def _labels(alert: Alert, *, several: bool) -> str:
    """Return what tells an alert apart; its marketplace only if there are several."""
    shown = (pair for pair in alert.labels if several or pair[0] != "marketplace")
    return ", ".join(f"{name}={value}" for name, value in shown)


def _since(alert: Alert) -> datetime:
    """Return since when an alert has been in its state."""
    return alert.resolved_at or alert.firing_at or alert.active_at


def _told(alert: Alert, silenced: datetime | None) -> str:
    """Say what keeps an alert from being told, or from being told again."""
    if alert.state is AlertState.RESOLVED:
        return ""
    if silenced is not None:
        return f"silenced until {silenced:%Y-%m-%d %H:%M} UTC"
    return f"acknowledged by {alert.acknowledged.by}" if alert.acknowledged else ""


def _json(alert: Alert, silenced: datetime | None) -> dict[str, Any]:
    acknowledged = alert.acknowledged
    return {
        "rule": alert.rule,
        "labels": dict(alert.labels),
        "state": alert.state.value,
        "active_at": instant(alert.active_at),
        "firing_at": instant(alert.firing_at),
        "resolved_at": instant(alert.resolved_at),
        "value": None if alert.value is None else dollars(alert.value),
        "offers": alert.offers,
        "silenced_until": instant(silenced),
        "acknowledged": acknowledged
        and {
            "at": instant(acknowledged.at),
            "by": acknowledged.by,
            "comment": acknowledged.comment,
        },
    }
