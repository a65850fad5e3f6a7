"""`alerts`: what is pending, firing, and was lately resolved."""

from datetime import datetime, timedelta
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
    now = utc_now()
    with opened(read_config(config)) as database, database.read() as connection:
        found = recent(connection, since=now - resolved)
    if as_json:
        print_json([_json(alert) for alert in found])
        return
    several = len({alert.marketplace for alert in found}) > 1
    print_table(
        ("rule…", "labels…", "state", ".$/GPU h", ">offers", "since"),
        (
            (
                alert.rule,
                _labels(alert, several=several),
                alert.state.value,
                None if alert.value is None else show(alert.value),
                alert.offers,
                ago(_since(alert), now),
            )
            for alert in found
        ),
        empty="no alerts",
    )


def _labels(alert: Alert, *, several: bool) -> str:
    """Return what tells an alert apart; its marketplace only if there are several."""
    shown = (pair for pair in alert.labels if several or pair[0] != "marketplace")
    return ", ".join(f"{name}={value}" for name, value in shown)


def _since(alert: Alert) -> datetime:
    """Return since when an alert has been in its state."""
    return alert.resolved_at or alert.firing_at or alert.active_at


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
