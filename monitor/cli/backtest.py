"""`backtest`: what the rules would have done over recorded polls."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from monitor.backtest.result import results
from monitor.backtest.run import Backtest
from monitor.backtest.sweep import variants, varied
from monitor.cli.backtest_results import Found, show_found, show_sweep
from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    err,
    instant,
    known_rule,
    opened,
    read_config,
    some_time,
)
from monitor.cli.lived import Lived
from monitor.cli.poll import chosen
from monitor.cli.recordings import Recording, describe, describe_earlier, replay_file, with_progress
from monitor.cli.times import When, when
from monitor.clock import utc_now
from monitor.config.durations import parse_duration
from monitor.errors import MonitorError
from monitor.grab.wish import Buying
from monitor.history.window import Window
from monitor.plan import Plan
from monitor.setup import Setup, set_up

_AXES = ("for", "keep_firing_for")
_SINCE = When(timedelta(days=30))


def backtest(
    *,
    axes: Annotated[
        list[str] | None, typer.Argument(metavar="[AXIS=TIME,…]…", help="The sweep's second axis.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    rule: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this rule, in full.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recording: JSON Lines, gzipped or not.")
    ] = None,
    since: Annotated[
        When | None,
        typer.Option(
            parser=when,
            metavar="TIME",
            help="From when, of the history in the database.",
            show_default="30d",
        ),
    ] = None,
    marketplace: Annotated[
        str | None, typer.Option(help="Whose polls they are, if several are configured.")
    ] = None,
    interval: Annotated[
        timedelta | None,
        typer.Option(
            parser=some_time,
            metavar="TIME",
            help="The poll interval; a file's median, else the configured one, if not said.",
        ),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AXIS=TIME,…",
            help="Try several clocks: for=0s,5m,15m keep_firing_for=0s,30m,1h",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the rules would have done: transitions, notifications, and how soon they came."""
    clocks = _clocks([*(sweep or ()), *(axes or ())])
    setup = set_up(read_config(config))
    setup.close()
    plan = _only(setup.plan, rule)
    name = chosen(setup, marketplace)
    tried = variants(plan, hold_for=clocks.get("for"), keep_firing_for=clocks.get(_AXES[1]))
    with _recording(setup, name, replay, since, interval) as recording:
        if clocks:  # what variants would buy would count against each other's limits
            found = _run(varied(plan, tried), recording, None)
        else:
            found = _run(plan, recording, setup.buying)
    if clocks:
        show_sweep(tried, found, as_json=as_json)
    else:
        show_found(found, as_json=as_json, in_full=rule is not None)


@contextmanager
def _recording(
    setup: Setup, name: str, replay: Path | None, since: When | None, interval: timedelta | None
) -> Iterator[Recording]:
    """Open the recording that is asked for: a file, or the history in the database."""
    if replay is not None:
        if since is not None:
            raise typer.BadParameter("is of the history, not of a file", param_hint="--since")
        yield replay_file(replay, name, interval)
        return
    settings, _ = setup.marketplaces[name]
    now = utc_now()
    window = Window((since or _SINCE).resolved(now), now)
    with opened(setup.config) as database:
        yield Lived(
            database=database,
            marketplace=name,
            window=window,
            interval=interval or settings.poll_interval,
        )


def _clocks(given: Iterable[str]) -> dict[str, list[timedelta]]:
    """Read `for=0s,5m` and `keep_firing_for=0s,1h`."""
    clocks: dict[str, list[timedelta]] = {}
    for text in given:
        axis, _, values = text.partition("=")
        if axis not in _AXES or not values or axis in clocks:
            raise typer.BadParameter(
                f"{text!r} is not an axis: write for=0s,5m,15m or keep_firing_for=0s,30m,1h, "
                "each once",
                param_hint="--sweep",
            )
        try:
            clocks[axis] = [parse_duration(value) for value in values.split(",")]
        except ValueError as error:
            raise typer.BadParameter(f"{axis}: {error}", param_hint="--sweep") from None
    return clocks


def _only(plan: Plan, rule: str | None) -> Plan:
    if not plan.rules:
        raise MonitorError("there is nothing to test: the configuration has no rules")
    if rule is None:
        return plan
    name = known_rule(plan, rule)
    return replace(plan, rules={name: plan.rules[name]})


def _run(plan: Plan, recording: Recording, buying: Buying | None) -> Found:
    run = Backtest(plan, recording.marketplace, interval=recording.interval, buying=buying)
    earlier = run.remember(recording.earlier(run.reach))
    run.feed(with_progress(recording, "backtest"))
    if not run.course.polls:
        raise MonitorError(
            f"nothing of {recording.marketplace} is recorded since "
            f"{instant(recording.window.since)}: give an earlier --since, or --replay FILE"
        )
    err.print(describe(recording, run.course))
    if run.reach:
        err.print(describe_earlier(earlier, run.reach))
    found = results(plan.rules, run.ledger)
    if run.purchases is None or run.course.until is None:
        return found
    bought = {name: run.purchases.bought(name, run.course.until) for name in found}
    return {name: replace(each, bought=bought[name]) for name, each in found.items()}
