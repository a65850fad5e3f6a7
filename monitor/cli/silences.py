"""`silence`: keep alerts from being told for a while, whatever they do meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from monitor.alerting.silence import (
    Matcher,
    NewSilence,
    Silence,
    SilenceId,
    matched_labels,
    read_matcher,
)
from monitor.cli.common import (
    DEFAULT_CONFIG,
    MOST,
    AsJson,
    ConfigPath,
    ago,
    count,
    duration,
    err,
    instant,
    one_line,
    opened,
    opened_or_made,
    print_json,
    print_table,
    read_config,
)
from monitor.cli.person import whoami
from monitor.clock import utc_now
from monitor.config.model import Config
from monitor.config.system import system_rules
from monitor.errors import MonitorError
from monitor.rules.alert import Alert, AlertState, Severity
from monitor.store import alerts, silences

app = typer.Typer(
    help="Keep alerts from being told for a while: who did, until when, and why.",
    no_args_is_help=True,
)


def _matcher(given: str | Matcher) -> Matcher:
    if isinstance(given, Matcher):
        return given
    try:
        return read_matcher(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _instant(given: str | datetime) -> datetime:
    try:
        at = given if isinstance(given, datetime) else datetime.fromisoformat(given)
        if at.tzinfo is None:
            raise typer.BadParameter("needs its offset from UTC, such as Z or +01:00 at its end")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter("is written like 2026-03-21T22:00+01:00") from None


@app.command()
def add(
    matchers: Annotated[
        list[Matcher],
        typer.Argument(
            parser=_matcher,
            metavar="MATCHER",
            help="What all have to fit: rule=NAME, gpu=~'h100-.*', severity!=critical.",
        ),
    ],
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    lasts: Annotated[
        timedelta,
        typer.Option(
            "--for", parser=duration, metavar="TIME", help="For how long.", show_default="1h"
        ),
    ] = timedelta(hours=1),
    until: Annotated[
        datetime | None,
        typer.Option(parser=_instant, metavar="INSTANT", help="Until then, instead of --for."),
    ] = None,
    starts: Annotated[
        datetime | None,
        typer.Option(parser=_instant, metavar="INSTANT", help="From then on. [default: now]"),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(parser=one_line, metavar="TEXT", help="Who silences. [default: who you are]"),
    ] = None,
    comment: Annotated[
        str, typer.Option(parser=one_line, metavar="TEXT", help="Why, for whoever wonders.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Silence the alerts that fit all matchers; what still fires at the end is told then."""
    now = utc_now()
    begin = starts or now
    end = until or begin + lasts
    if end <= max(begin, now):
        raise typer.BadParameter("the silence would be over before it begins")
    settings = read_config(config)
    wanted = NewSilence(
        matchers=tuple(matchers),
        starts_at=begin,
        ends_at=end,
        created_by=by or whoami(),
        comment=comment,
    )
    with opened_or_made(settings) as database, database.transaction() as connection:
        made = silences.add(connection, wanted, now)
        firing = [
            alert
            for alert in alerts.recent(connection, since=now)
            if alert.state is AlertState.FIRING
        ]
    fits = sum(made.covers(labels_of(alert, settings)) for alert in firing)
    if as_json:
        print_json(_json(made, now))
    err.print(
        f"silence {made.id} until {instant(end)}; it fits {fits} of "
        f"{count(len(firing), 'alert')} firing now"
    )


@app.command("list")
def list_(
    config: ConfigPath = DEFAULT_CONFIG,
    expired: Annotated[
        timedelta,
        typer.Option(
            parser=duration, metavar="TIME", help="Also what ended this lately.", show_default="0s"
        ),
    ] = timedelta(0),
    as_json: AsJson = False,
) -> None:
    """Show the silences that count now, or will."""
    now = utc_now()
    with opened(read_config(config)) as database, database.read() as connection:
        found = silences.listed(connection, since=now - expired)
    if as_json:
        print_json([_json(each, now) for each in found])
        return
    print_table(
        (">id", "state", "starts", "ends", "by", "matchers…", "comment…"),
        (
            (
                each.id,
                _state(each, now),
                _when(each.starts_at, now),
                _when(each.ends_at, now),
                each.created_by,
                " ".join(map(str, each.matchers)),
                each.comment,
            )
            for each in found
        ),
        empty="no silences",
    )


@app.command()
def expire(
    silence: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=MOST, help="As `list` shows it.")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """End a silence now; what fires under it is told after the next poll."""
    now = utc_now()
    with opened(read_config(config)) as database, database.transaction() as connection:
        ended = silences.expire(connection, SilenceId(silence), now)
    if not ended:
        raise MonitorError(f"there is no silence {silence} to end: see `gpu-monitor silence list`")
    err.print(f"silence {silence} has ended")


def labels_of(alert: Alert, config: Config) -> dict[str, str]:
    """Return what matchers see of an alert; a rule that is no longer there counts as `info`."""
    severities = {rule.name: rule.severity for rule in config.rules}
    severities |= {rule.name: rule.severity for rule, _ in system_rules(config)}
    return matched_labels(alert.rule, alert.labels, severities.get(alert.rule, Severity.INFO))


def _state(silence: Silence, now: datetime) -> str:
    if silence.is_active(now):
        return "active"
    return "pending" if now < silence.starts_at else "expired"


def _when(at: datetime, now: datetime) -> str:
    if at <= now:
        return ago(at, now)
    rounded = at - now + timedelta(seconds=30)
    return f"in {ago(now - rounded, now).removesuffix(' ago')}"


def _json(silence: Silence, now: datetime) -> dict[str, Any]:
    return {
        "id": silence.id,
        "state": _state(silence, now),
        "matchers": [
            {"label": each.label, "operator": each.operator.value, "value": each.value}
            for each in silence.matchers
        ],
        "starts_at": instant(silence.starts_at),
        "ends_at": instant(silence.ends_at),
        "created_by": silence.created_by,
        "comment": silence.comment,
    }
