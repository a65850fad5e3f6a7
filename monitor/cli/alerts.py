"""`alerts`: what is pending, firing, and was lately resolved."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    ago,
    duration,
    instant,
    opened,
    print_json,
    print_table,
    read_config,
)
from monitor.clock import utc_now
from monitor.market.money import dollars, show
from monitor.rules.alert import Alert
from monitor.store.alerts import recent


def alerts(
    config: ConfigPath = DEFAULT_CONFIG,
    resolved: Annotated[
        timedelta,
        typer.Option(parser=duration, metavar="TIME", help="Also what was resolved this lately."),
    ] = timedelta(days=1),
    as_json: AsJson = False,
) -> None:
    """Show the alerts that are pending or firing, and those lately resolved."""
    now = utc_now()
    with opened(read_config(config)) as database, database.read() as connection:
        found = recent(connection, since=now - resolved)
    if as_json:
        print_json([_json(alert) for alert in found])
        return
    print_table(
        ("rule", "labels", "state", ">$/GPU h", ">offers", "active", "fired", "resolved"),
        (
            (
                alert.rule,
                ", ".join(f"{name}={value}" for name, value in alert.labels),
                alert.state.value,
                None if alert.value is None else show(alert.value),
                alert.offers,
                ago(alert.active_at, now),
                ago(alert.firing_at, now),
                ago(alert.resolved_at, now),
            )
            for alert in found
        ),
        empty="no alerts",
    )


def _json(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "labels": dict(alert.labels),
        "state": alert.state.value,
        "active_at": instant(alert.active_at),
        "firing_at": instant(alert.firing_at),
        "resolved_at": instant(alert.resolved_at),
        "value": None if alert.value is None else dollars(alert.value),
        "offers": alert.offers,
    }
