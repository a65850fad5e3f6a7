"""`grabs pause` and `grabs resume`: stop all buying, on every process of this database."""

from collections.abc import Iterator
from typing import Annotated

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    ConfigPath,
    err,
    one_line,
    opened,
    opened_or_made,
    read_config,
)
from monitor.cli.person import whoami
from monitor.clock import utc_now
from monitor.config.model import GrabConfig
from monitor.grab.book import Switch
from monitor.provision.stop_file import stopped_by
from monitor.store.grabs import Books


def pause(
    config: ConfigPath = DEFAULT_CONFIG,
    reason: Annotated[
        str, typer.Option(parser=one_line, metavar="TEXT", help="Why, for whoever wonders.")
    ] = "",
) -> None:
    """Buy nothing until `grabs resume`; what was bought is still looked after.

    A running daemon heeds it before its next create; a request that is being sent goes through.
    """
    wanted = Switch(paused=True, by=whoami(), reason=reason, at=utc_now())
    with opened_or_made(read_config(config)) as database, Books(database).book() as book:
        before = book.switch()
        if not before.paused:
            book.set_switch(wanted)
    if before.paused:
        err.print(f"buying is paused already: it was {told(before)}")
    else:
        err.print("buying is paused; `gpu-monitor grabs resume` ends it")


def resume(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """End a pause."""
    settings = read_config(config)
    with opened(settings) as database, Books(database).book() as book:
        before = book.switch()
        book.set_switch(Switch())
    if not before.paused:
        err.print("buying was not paused")
    else:
        err.print(f"buying was paused {told(before)}, and no longer is")
    for line in hindrances(settings.grab, Switch()):
        err.print(line)


def hindrances(grab: GrabConfig, switch: Switch) -> Iterator[str]:
    """Say for a person what keeps anything from being bought now."""
    if grab.mode == "dry_run":
        yield "grab.mode is dry_run: nothing is bought"
    if switch.paused:
        yield f"buying was paused {told(switch)}; `gpu-monitor grabs resume` ends it"
    stopped = stopped_by(grab.stop_file)
    if stopped is not None:
        yield f"nothing is bought because of the stop file: {stopped.detail}"


def told(switch: Switch) -> str:
    """Say when, by whom and why buying was paused."""
    at = "" if switch.at is None else f"on {switch.at:%Y-%m-%d} at {switch.at:%H:%M:%S} UTC "
    return f"{at}by {switch.by}" + (f": {switch.reason}" if switch.reason else "")
