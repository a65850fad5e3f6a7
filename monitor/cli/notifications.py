"""`notifications` and `notify`: what was sent to whom, and a test through the real path."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import NotificationId, NotificationStatus
from monitor.alerting.render import render_test
from monitor.cli.common import (
    DEFAULT_CONFIG,
    MOST,
    AsJson,
    ConfigPath,
    ago,
    err,
    instant,
    log_to_stderr,
    opened,
    opened_or_made,
    print_json,
    print_table,
    read_config,
)
from monitor.cli.drill import drill
from monitor.cli.preview import preview
from monitor.cli.sending import deliver, notification_json
from monitor.clock import utc_now
from monitor.errors import MonitorError
from monitor.setup import set_up
from monitor.store import outbox
from monitor.store.outbox import Failure, Found, Notification

_Notification = Annotated[int, typer.Argument(metavar="ID", max=MOST, help="As `list` shows it.")]

app = typer.Typer(help="What was sent, to whom, with what result.", no_args_is_help=True)
notify = typer.Typer(help="Try a receiver, or see what it would get.", no_args_is_help=True)


@app.command("list")
def list_(
    config: ConfigPath = DEFAULT_CONFIG,
    status: Annotated[NotificationStatus | None, typer.Option(help="Only these.")] = None,
    receiver: Annotated[str | None, typer.Option(help="Only to this receiver.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest notifications."""
    with opened(read_config(config)) as database, database.read() as connection:
        found = outbox.listed(connection, limit=limit, status=status, receiver=receiver)
    if as_json:
        print_json([notification_json(each) for each in found])
        return
    now = utc_now()
    print_table(
        (">id", "receiver", "destination", "status", ">tries", "created", "title…", "error…"),
        (
            (
                each.id,
                each.receiver,
                each.destination,
                each.status.value,
                each.attempts,
                ago(each.created_at, now),
                each.title,
                each.error,
            )
            for each in found
        ),
        empty="no notifications",
    )


@app.command()
def show(
    notification: _Notification,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show one notification: its text, when it was tried, and why that failed."""
    with opened(read_config(config)) as database, database.read() as connection:
        found = outbox.find(connection, NotificationId(notification))
    if found is None:
        raise MonitorError(
            f"there is no notification {notification}: see `gpu-monitor notifications list`"
        )
    if as_json:
        print_json(
            {
                **notification_json(found.notification),
                "body": found.body,
                "failures": [_failure_json(each) for each in found.failures],
            }
        )
        return
    for line in _story(found):
        typer.echo(line)


@app.command()
def resend(
    notification: _Notification,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Queue a notification again that was sent or given up; `run` delivers it."""
    with opened(read_config(config)) as database, database.transaction() as connection:
        queued = outbox.resend(connection, NotificationId(notification))
    if not queued:
        raise MonitorError(
            f"there is no notification {notification} to send again: it is not in "
            "`gpu-monitor notifications list`, or it waits to be sent anyway"
        )
    err.print(f"notification {notification} is queued again")


notify.command("preview")(preview)
notify.command("drill")(drill)


@notify.command("test")
def try_receiver(
    receiver: Annotated[
        str, typer.Argument(metavar="RECEIVER", help="Its name in the configuration.")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Send a test message to a receiver, through the outbox as any other."""
    log_to_stderr()
    setup = set_up(read_config(config))
    try:
        if receiver not in setup.plan.destinations:
            known = ", ".join(setup.plan.destinations) or "none"
            raise typer.BadParameter(f"no receiver is named {receiver}; there are: {known}")
        with opened_or_made(setup.config) as database:
            now = utc_now()
            drafts = setup.plan.drafts([receiver], render_test(receiver, now), NotifyReason.TEST)
            found = deliver(database, setup, drafts, now)
    finally:
        setup.close()
    if as_json:
        print_json([notification_json(each) for each in found])
    for each in found:
        err.print(f"{each.destination}: {each.status.value}{_why(each)}")
    if any(each.status is not NotificationStatus.SENT for each in found):
        raise typer.Exit(1)


def _story(found: Found) -> Iterator[str]:
    """Yield what is told of one notification, line by line."""
    each = found.notification
    yield each.title
    yield ""
    yield from found.body.splitlines()
    yield ""
    yield f"to {each.receiver} ({each.destination}), because: {each.reason.value}"
    yield f"{instant(each.created_at)}  queued"
    for failure in found.failures:
        yield f"{instant(failure.at)}  attempt {failure.attempt}: {failure.error}"
    if each.sent_at is not None:
        yield f"{instant(each.sent_at)}  sent, at attempt {each.attempts}"
    elif each.status is NotificationStatus.DEAD:
        yield f"given up; `gpu-monitor notifications resend {each.id}` queues it again"
    elif each.next_attempt_at is not None:
        yield f"{instant(each.next_attempt_at)}  is tried again"


def _failure_json(each: Failure) -> dict[str, Any]:
    return {
        "attempt": each.attempt,
        "at": instant(each.at),
        "status": each.status.value,
        "error": each.error,
    }


def _why(each: Notification) -> str:
    if each.status is NotificationStatus.QUEUED and not each.attempts:
        return ": it waits behind an earlier one; see `gpu-monitor notifications list`"
    return f": {each.error}" if each.error else ""
