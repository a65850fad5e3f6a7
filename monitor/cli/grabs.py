"""`grabs`: what was bought, refused or is unclear, and why."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from monitor.cli import grab_acts, grab_spending, grab_switch
from monitor.cli.common import (
    DEFAULT_CONFIG,
    MOST,
    AsJson,
    ConfigPath,
    ago,
    err,
    instant,
    opened,
    print_json,
    print_table,
    read_config,
)
from monitor.clock import utc_now
from monitor.errors import MonitorError
from monitor.grab.ending import cost
from monitor.grab.grab import COUNTING, Grab, GrabEvent, GrabId, GrabStatus
from monitor.grab.policy import to_the_second
from monitor.market.money import NanoDollars, dollars
from monitor.market.money import show as show_money
from monitor.provision.messages import reached
from monitor.store.grabs import Books

app = typer.Typer(help="What was bought, refused or is unclear, and why.", no_args_is_help=True)
app.command("approve")(grab_acts.approve)
app.command("resolve")(grab_acts.resolve)
app.command("delete")(grab_acts.delete)
app.command("pause")(grab_switch.pause)
app.command("resume")(grab_switch.resume)
app.command("spend")(grab_spending.spend)


@app.command("list")
def list_(
    config: ConfigPath = DEFAULT_CONFIG,
    status: Annotated[GrabStatus | None, typer.Option(help="Only these.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest grabs."""
    settings = read_config(config)
    with opened(settings) as database, Books(database).reading() as book:
        found = book.listed(limit=limit, status=status, rule=rule)
        switch = book.switch()
    now = utc_now()
    if as_json:
        print_json([_json(each, now) for each in found])
        return
    print_table(
        (">id", "status", "rule…", "GPU", ".$/h", "created", "reason…"),
        (
            (
                each.id,
                each.status.value,
                each.rule,
                each.gpu,
                _money(each.billed or each.quoted),
                ago(each.created_at, now),
                each.reason,
            )
            for each in found
        ),
        empty="no grabs",
    )
    for line in grab_switch.hindrances(settings.grab, switch):
        err.print(line)


@app.command()
def show(
    grab: grab_acts.GrabArgument,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show one grab with its whole history: every state with its time and reason."""
    with opened(read_config(config)) as database, Books(database).reading() as book:
        found = book.find(GrabId(grab))
        history = book.history(GrabId(grab))
    if found is None:
        raise MonitorError(f"there is no grab {grab}: `gpu-monitor grabs list` shows their ids")
    now = utc_now()
    if as_json:
        print_json({**_json(found, now), **_rest_json(found, history)})
        return
    typer.echo(f"grab {found.id}: {found.status}, {found.reason}")
    for name, value in _told(found, now):
        typer.echo(f"  {name:<11}{value}")
    typer.echo()
    print_table(
        ("at", "from", "to", "reason…"),
        (
            (
                to_the_second(each.at),
                each.before and each.before.value,
                each.after.value,
                each.reason,
            )
            for each in history
        ),
        empty="",
    )


def _told(grab: Grab, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what a person wants to know of a grab, each with its name."""
    yield "rule", f"{grab.rule}, {grab.mode}, preset {grab.preset}"
    if grab.hostnode is not None:
        yield "asked for", f"{grab.gpu} on hostnode {grab.hostnode} of {grab.marketplace}"
    if grab.instance_name:
        yield "instance", f"{grab.instance_name}, id {grab.instance_id or 'not known'}"
    if grab.address is not None:
        yield from (("reached", line) for line in reached(grab))
    if costs := ", ".join(_costs(grab, now)):
        yield "costs", costs
    if grab.status in COUNTING and (ends := " or ".join(_ends(grab))):
        yield "ends", ends
    if grab.status is GrabStatus.AWAITING_APPROVAL and grab.valid_until is not None:
        what = f"gpu-monitor grabs approve {grab.id}"
        yield "approve", f"`{what}`, until {to_the_second(grab.valid_until)}"
    if grab.checks and grab.check_at is not None:
        yield "asked", f"{grab.checks} times in vain, next at {to_the_second(grab.check_at)}"
    yield "decided", f"{to_the_second(grab.created_at)}, {ago(grab.created_at, now)}"


def _costs(grab: Grab, now: datetime) -> Iterator[str]:
    rates = (("billed", grab.billed), ("quoted", grab.quoted), ("allowed", grab.cap))
    yield from (f"{show_money(rate)} $/h {name}" for name, rate in rates if rate is not None)
    if grab.submitted_at is not None:
        yield f"{grab_spending.roughly(cost(grab, now))} $ spent"


def _ends(grab: Grab) -> Iterator[str]:
    if grab.is_to_end:
        yield "as soon as the marketplace deletes it, as a person asked"
    elif grab.ends_at is not None:
        yield f"at {to_the_second(grab.ends_at)} (time_to_live)"
    elif grab.time_to_live is not None:
        yield f"{grab.time_to_live} after it is sent (time_to_live)"
    if grab.stop_when_spent is not None:
        yield f"when {show_money(grab.stop_when_spent)} $ are spent (stop_when_spent)"


def _money(amount: NanoDollars | None) -> str | None:
    return None if amount is None else show_money(amount)


def _dollars(amount: NanoDollars | None) -> float | None:
    return None if amount is None else dollars(amount)


def _json(grab: Grab, now: datetime) -> dict[str, Any]:
    return {
        "id": grab.id,
        "rule": grab.rule,
        "preset": grab.preset,
        "status": grab.status.value,
        "hostnode_id": grab.hostnode,
        "gpu": grab.gpu,
        "instance_id": grab.instance_id,
        "instance_name": grab.instance_name or None,
        "quoted_per_hour": _dollars(grab.quoted),
        "billed_per_hour": _dollars(grab.billed),
        "created_at": instant(grab.created_at),
        "reason": grab.reason,
        "mode": grab.mode.value,
        "marketplace": grab.marketplace,
        "spent": dollars(cost(grab, now)),
        "ended_at": instant(grab.ended_at),
    }


def _rest_json(grab: Grab, history: tuple[GrabEvent, ...]) -> dict[str, Any]:
    return {
        "chain": grab.chain,
        "attempt": grab.attempt,
        "cap_per_hour": _dollars(grab.cap),
        "stop_when_spent": _dollars(grab.stop_when_spent),
        "valid_until": instant(grab.valid_until),
        "submitted_at": instant(grab.submitted_at),
        "running_at": instant(grab.running_at),
        "ends_at": instant(grab.ends_at),
        "address": grab.address,
        "ports": {str(each.internal_port): each.external_port for each in grab.forwards},
        "history": [
            {
                "at": instant(each.at),
                "from": each.before and each.before.value,
                "to": each.after.value,
                "reason": each.reason,
            }
            for each in history
        ],
    }
