"""`grabs approve`, `resolve` and `delete`: what a person decides about one grab."""

import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from monitor.cli.common import DEFAULT_CONFIG, MOST, ConfigPath, err, opened, read_config
from monitor.cli.person import whoami
from monitor.clock import monotonic, utc_now
from monitor.errors import MarketError, MonitorError
from monitor.grab import acts
from monitor.grab.ending import Charges, charged
from monitor.grab.grab import Grab, GrabEvent, GrabId, GrabStatus
from monitor.market.instance import Instance, InstanceId, InstanceStatus
from monitor.marketplaces.base import Marketplace
from monitor.provision.orphans import ORPHANS
from monitor.setup import Setup, set_up
from monitor.store.engine import Database
from monitor.store.grabs import Books

_TAKEN_UP_WITHIN = 5.0
_FOLLOWED_FOR = 20.0
_LOOK_AGAIN = 0.2
"""Seconds: until a daemon begins, until we stop watching it, and between two looks."""

_BOUGHT = {GrabStatus.SUBMITTED, GrabStatus.CREATED, GrabStatus.RUNNING}

_OR_FORCE = "or add --force to resolve it all the same"
_ENDING = {
    GrabStatus.EXPIRED: "is not sent any more",
    GrabStatus.SUBMITTED: "is submitted: its instance is deleted once it is found",
    GrabStatus.UNKNOWN: "is unknown: its instance is deleted once it is found",
    GrabStatus.DELETING: "is to be deleted",
}

GrabArgument = Annotated[int, typer.Argument(metavar="ID", max=MOST, help="As `list` shows it.")]


class ResolveAs(StrEnum):
    """What became of a request whose outcome is unclear, or of an instance."""

    FAILED = "failed"
    CREATED = "created"
    GONE = "gone"


def approve(grab: GrabArgument, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Let a grab be bought that waits for approval; the daemon checks everything again and buys."""
    now, who = utc_now(), whoami()
    with opened(read_config(config)) as database:
        approved = _write(database, grab, lambda found: acts.approve(found, who, now))
        err.print(f"grab {grab} is approved")
        came_to = _follow(database, approved, {GrabStatus.PLANNED, GrabStatus.SUBMITTED})
    if came_to not in _BOUGHT:
        raise typer.Exit(1)


def delete(grab: GrabArgument, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Delete a grab's instance, or see to it that it is never sent; the daemon does it."""
    now, who = utc_now(), whoami()
    with opened(read_config(config)) as database:
        ending = _write(database, grab, lambda found: acts.end(found, who, now))
        err.print(f"grab {grab} {_ENDING[ending.status]}")
        if ending.rule != ORPHANS:
            err.print(
                f"its rule {ending.rule} can buy again once its cooldown is over: to keep it from "
                "that, take `grab` out of the rule, or stop all buying with `gpu-monitor grabs "
                "pause`"
            )
        if ending.status is GrabStatus.DELETING:
            _follow(database, ending, {GrabStatus.DELETING})


def resolve(
    *,
    grab: GrabArgument,
    as_: Annotated[ResolveAs, typer.Option("--as", help="What became of it.")],
    instance: Annotated[
        str | None, typer.Option(metavar="ID", help="The instance, if one was created.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Believe it against what the marketplace shows.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Say what became of a request whose outcome is `unknown`; the marketplace is asked too.

    As failed it counts no more against any limit. As created it is followed like any other. An
    instance that nothing shows as gone for sure, though it is, is resolved as gone.
    """
    if (as_ is ResolveAs.CREATED) != (instance is not None):
        raise typer.BadParameter(
            "goes with --as created, and only with it", param_hint="--instance"
        )
    settings = read_config(config)
    now, who = utc_now(), whoami()
    created = None if instance is None else InstanceId(instance)

    def act(found: Grab) -> Grab | str:
        if as_ is ResolveAs.GONE:
            return acts.resolve_as_gone(found, who, now)
        if created is None:
            return acts.resolve_as_failed(found, who, now)
        return acts.resolve_as_created(found, created, who, now)

    setup = set_up(settings)
    try:
        with opened(settings) as database:
            found = _find(database, grab)
            _done(found, act(found))
            if as_ is ResolveAs.GONE:
                _check_gone(found, _market(setup, found), force=force)
            elif created is None:
                _check_failed(found, _market(setup, found), force=force)
            else:
                _check_created(found, _market(setup, found), created)
            resolved = _write(database, grab, act)
    finally:
        setup.close()
    err.print(f"grab {grab} is {resolved.status}")


def _find(database: Database, grab: int) -> Grab:
    with Books(database).reading() as book:
        found = book.find(GrabId(grab))
    if found is None:
        raise MonitorError(f"there is no grab {grab}: `gpu-monitor grabs list` shows their ids")
    return found


def _write(database: Database, grab: int, act: Callable[[Grab], Grab | str]) -> Grab:
    """Do what a person asked for in a book of its own, or raise why it cannot be done."""
    before = _find(database, grab)
    with Books(database).book() as book:
        before = book.find(before.id) or before
        after, due = _summed_up(_done(before, act(before)), utc_now())
        written = book.change(before, after, after.reason, utc_now())
        for day, amount in due:
            book.charge(after.rule, day, amount)
    if written is None:
        raise MonitorError(f"grab {grab} changed meanwhile: try again")
    return written


def _summed_up(after: Grab, now: datetime) -> tuple[Grab, Charges]:
    """Return what has ended with what it cost, and what of that is not charged yet."""
    return charged(after, now) if after.status is GrabStatus.DELETED else (after, ())


def _done(grab: Grab, outcome: Grab | str) -> Grab:
    if isinstance(outcome, str):
        raise MonitorError(f"grab {grab.id} is left as it is: {outcome}")
    return outcome


def _follow(database: Database, grab: Grab, passing: set[GrabStatus]) -> GrabStatus:
    """Tell each step that a daemon takes, and return the first status that does not soon pass.

    If it goes on to the next candidate, that one's.

    Raises:
        MonitorError: nobody began with it.
    """
    started = monotonic()
    last, steps = _chain(database, grab)
    told = len(steps)
    while last.status in passing and monotonic() - started < _FOLLOWED_FOR:
        if last == grab and monotonic() - started > _TAKEN_UP_WITHIN:
            raise MonitorError("nobody has begun with it: start `gpu-monitor run` on this database")
        time.sleep(_LOOK_AGAIN)
        last, steps = _chain(database, grab)
        for step in steps[told:]:
            err.print(f"grab {step.grab} is {step.after}: {step.reason}")
        told = len(steps)
    if last.status in passing:
        err.print(f"`gpu-monitor grabs show {last.id}` tells how it goes on")
    return last.status


def _chain(database: Database, grab: Grab) -> tuple[Grab, list[GrabEvent]]:
    """Return the last candidate that was tried from `grab` on, and the steps of all of them."""
    with Books(database).reading() as book:
        tried = [each for each in book.since(grab.created_at) if each.chain == grab.chain]
        steps = [step for each in tried for step in book.history(each.id)]
    return tried[-1], steps


def _market(setup: Setup, grab: Grab) -> Marketplace:
    if grab.marketplace not in setup.marketplaces:
        raise MonitorError(
            f"its marketplace `{grab.marketplace}` is not configured: add it, to be able to ask it"
        )
    return setup.marketplaces[grab.marketplace][1]


def _listed(market: Marketplace) -> tuple[Instance, ...]:
    try:
        return market.instances()
    except MarketError as error:
        raise MonitorError(
            f"{market.name} could not be asked ({error}): try again later, {_OR_FORCE}"
        ) from error


def _check_failed(grab: Grab, market: Marketplace, *, force: bool) -> None:
    """Raise where the marketplace shows that something was made after all, or does not tell."""
    if force:
        return
    listed = _listed(market)
    if any(not each.name for each in listed):
        raise MonitorError(
            f"{market.name} lists an instance without a name, which may be this one: look at it "
            f"there, {_OR_FORCE}"
        )
    named = [each for each in listed if each.name == grab.instance_name]
    if named:
        raise MonitorError(
            f"{market.name} lists its instance, which is {named[0].status}: resolve it with "
            f"`--as created --instance {named[0].id}`, {_OR_FORCE}"
        )


def _check_gone(grab: Grab, market: Marketplace, *, force: bool) -> None:
    """Raise where the marketplace still shows an instance, or has no list to show."""
    if force:
        return
    listed = _listed(market)
    found = next((each for each in listed if each.id == grab.instance_id), None)
    if found is not None and found.status is not InstanceStatus.DELETED:
        raise MonitorError(
            f"{market.name} lists its instance {found.id}, which is {found.status}: delete it "
            f"there, {_OR_FORCE}"
        )


def _check_created(grab: Grab, market: Marketplace, instance: InstanceId) -> None:
    """Raise unless the marketplace shows the instance by the name that it was to have.

    No force gets around this: what was somebody else's would be deleted in the end.
    """
    found = market.instance(instance)
    if found is None:
        raise MonitorError(f"{market.name} has no instance {instance}: look for its id there")
    if found.name != grab.instance_name:
        raise MonitorError(
            f"{market.name} calls {instance} `{found.name}`, and this grab's is to be "
            f"`{grab.instance_name}`: it is another one"
        )
