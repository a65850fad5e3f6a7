"""`explain`: why a rule does or does not fire now, and what is told about it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated

import typer

from monitor.alerting.notice import Group, Withheld
from monitor.alerting.render import instant
from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    ago,
    count,
    err,
    opened,
    print_json,
    print_table,
    read_config,
)
from monitor.cli.explained import (
    AlertNow,
    Explained,
    explained,
    explained_system,
    shown_labels,
)
from monitor.cli.explained_json import explained_json
from monitor.clock import utc_now
from monitor.config.durations import show_duration
from monitor.config.names import did_you_mean
from monitor.grab.policy import Choice
from monitor.history.verdict import percent
from monitor.market.money import show
from monitor.market.offer import Offer
from monitor.market.snapshot import Outcome
from monitor.rules.alert import AlertState, RuleName
from monitor.rules.explain import Explanation, Measured
from monitor.rules.system import OF_POLLS, PROGRAM, is_system
from monitor.setup import Setup, set_up
from monitor.store.engine import Database


def explain(
    name: Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.")],
    config: ConfigPath = DEFAULT_CONFIG,
    marketplace: Annotated[
        str | None, typer.Option(help="Only on this one, if several are configured.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show why a rule does or does not fire now, by the last good poll.

    What is left after each condition, what nearly meets it, its alerts and their timers, what is
    told to whom, and what would be bought.
    """
    setup = set_up(read_config(config))
    setup.close()
    rule = _known(setup, name)
    with opened(setup.config) as database:
        found = list(_explained(database, setup, rule, marketplace, utc_now()))
    if as_json:
        print_json({"rule": rule, "marketplaces": [explained_json(each) for each in found]})
        return
    for each in found:
        _print(each)


def _known(setup: Setup, name: str) -> RuleName:
    rule, rules = RuleName(name), setup.plan.every_rule
    if rule in rules:
        return rule
    hint = did_you_mean(name, rules)
    known = ", ".join(setup.plan.rules) or "none"
    raise typer.BadParameter(
        f"there is no rule `{name}`{hint or f'; configured: {known}'}", param_hint="RULE"
    )


def _explained(
    database: Database, setup: Setup, name: RuleName, marketplace: str | None, now: datetime
) -> Iterator[Explained]:
    names = list(setup.marketplaces)
    if marketplace is not None and marketplace not in names:
        raise typer.BadParameter(f"choose one of {', '.join(names)}", param_hint="--marketplace")
    chosen = names if marketplace is None else [marketplace]
    if name in setup.plan.system:
        about = chosen if name in OF_POLLS else [PROGRAM]
        rule = setup.plan.system[name]
        yield from (explained_system(database, setup, rule, each, now) for each in about)
        return
    for each in chosen:
        config, _ = setup.marketplaces[each]
        yield explained(database, setup, setup.plan.rules[name], config, now)


def _print(each: Explained) -> None:
    typer.echo(f"{each.rule.name} on {each.marketplace}: {_verdict(each)}")
    _warn(each)
    if each.found is not None:
        _print_funnel(each.found)
        _print_history(each.found.measured)
        _print_misses(each.found)
    _print_alerts(each)
    _print_telling(each)
    _print_buying(each)


def _verdict(each: Explained) -> str:
    states = {now.alert.state for now in each.alerts}
    for state in (AlertState.FIRING, AlertState.PENDING):
        if state in states:
            number = sum(now.alert.state is state for now in each.alerts)
            return f"{count(number, 'alert')} {state.value}"
    if is_system(each.rule.name):
        return "nothing is wrong"
    if each.found is None:
        return "never polled"
    if each.rule.gone:
        return "nothing that was there is gone"
    offers = sum(match.offers for match in each.found.matches.values())
    return f"met by {count(offers, 'offer')}, not evaluated yet" if offers else "no offer meets it"


def _warn(each: Explained) -> None:
    """Say how old this is, and what stands still meanwhile."""
    if each.marketplace == PROGRAM:
        return
    if each.polled_at is None:
        err.print("no good poll is recorded yet: run `gpu-monitor poll` or `run` first")
        return
    err.print(f"as of the last good poll, {ago(each.polled_at, each.now)}")
    if each.last_outcome not in {None, Outcome.OK}:
        when = ago(each.last_poll_at, each.now)
        still = ": clocks stand still" if each.stands_still else ""
        err.print(f"warning: the last poll came to {each.last_outcome}, {when}{still}")
    elif each.is_old:
        err.print("warning: that is long ago; is `gpu-monitor run` running? Clocks stand still")


def _print_funnel(found: Explanation) -> None:
    typer.echo("\noffers left after each condition")
    rows = [(found.offers, "on the market")]
    rows += [(stage.left, stage.condition) for stage in found.stages]
    print_table((">left", "condition"), rows, empty="no conditions")


def _print_history(measured: Iterable[Measured]) -> None:
    rows = [_measured(each) for each in measured]
    if rows:
        typer.echo("\nagainst history (best price per GPU hour, weighted by time)")
        print_table(
            ("GPU", "wanted", ".now", ".limit", ".low", ".median", ".high", ">known", "so…"),
            rows,
            empty="",
        )


def _measured(each: Measured) -> tuple[str | None, ...]:
    best = each.look.best
    prices = (best.lowest, each.look.median, best.highest) if best else (None,) * 3
    limit, now = each.bound.limit, each.best
    shown = each.bound.below or limit
    if limit is None:
        so = each.bound.why
    elif now is None:
        so = "is not to be had now"
    else:
        so = (
            "met"
            if now <= limit
            else f"not met; lower than {percent(each.look.dearer(now))} of the time"
        )
    return (
        each.gpu,
        each.condition.wanted,
        *(None if price is None else show(price) for price in (now, shown, *prices)),
        percent(each.look.covered),
        so,
    )


def _print_misses(found: Explanation) -> None:
    if not found.misses:
        return
    typer.echo("\nnearest misses")
    print_table(
        ("GPU", ">free", ".$/GPU h", "where…", "hostnode…", "lacks"),
        (
            (
                miss.offer.gpu,
                miss.offer.available,
                "unpriced" if miss.offer.price is None else show(miss.offer.price),
                _where(miss.offer),
                miss.offer.hostnode.id,
                "; ".join(miss.lacks),
            )
            for miss in found.misses
        ),
        empty="",
    )


def _where(offer: Offer) -> str | None:
    place = offer.hostnode.location
    return ", ".join(part for part in (place.city, place.country) if part) or None


def _print_alerts(each: Explained) -> None:
    typer.echo("\nalerts")
    if not each.alerts:
        typer.echo("  none, and none was resolved within a day")
    for now in each.alerts:
        typer.echo(f"  {shown_labels(now.alert.labels)}: {', '.join(_state(each, now))}")


def _state(each: Explained, now: AlertNow) -> Iterator[str]:
    alert = now.alert
    since = alert.resolved_at or alert.firing_at or alert.active_at
    yield f"{alert.state.value} since {instant(since)} ({ago(since, each.now)})"
    if alert.detail:
        yield alert.detail
    left = each.left(alert)
    if left is not None:
        does = "fires" if alert.state is AlertState.PENDING else "is resolved"
        yield f"{does} {_in(left, frozen=each.stands_still)}"
    if alert.acknowledged is not None:
        yield f"acknowledged by {alert.acknowledged.by}"
    for silence in now.silences:
        until = instant(silence.ends_at)
        yield f"silenced until {until} by {silence.created_by} (silence {silence.id})"
    if now.group is not None:
        yield from _telling(now.group, each.now)


def _telling(group: Group, now: datetime) -> Iterator[str]:
    if group.told_at is not None:
        yield f"last told {ago(group.told_at, now)}"
    if group.withheld not in {None, Withheld.NOTHING_NEW}:
        yield f"not told now: {str(group.withheld).replace('_', ' ')}"


def _in(left: timedelta, *, frozen: bool) -> str:
    if not left:
        return "at the next good poll unless that changes"
    return f"in {show_duration(left)}{' of good polls' if frozen else ''} unless that changes"


def _print_telling(each: Explained) -> None:
    typer.echo("\ntold")
    typer.echo(f"  to {', '.join(each.policy.notify) or 'nobody: it is recorded and no more'}")
    if each.policy.escalate is not None:
        second = ", ".join(each.policy.escalate.notify)
        typer.echo(f"  then to {second}, {show_duration(each.policy.escalate.after)} later")
    if each.quiet_until is not None:
        typer.echo(f"  quiet hours until {instant(each.quiet_until)}")
    for title in each.titles:
        typer.echo(f"  as: {title}")


def _print_buying(each: Explained) -> None:
    if each.buying is None:
        return
    typer.echo("\nbuying")
    if not isinstance(each.buying, Choice):
        typer.echo(f"  no: {each.buying.reason}")
        return
    best, *others = each.buying.best
    more = f", then {len(others)} more" if others else ""
    typer.echo(f"  {best.gpu} on {best.hostnode} for {show(best.quoted)} $/h{more}")
