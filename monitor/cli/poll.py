"""`poll`: one cycle now."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    count,
    err,
    instant,
    log_to_stderr,
    opened_or_made,
    print_json,
    read_config,
)
from monitor.cli.offers import by_price, offer_json, print_offers
from monitor.clock import utc_now
from monitor.cycle import CycleReport, run_cycle
from monitor.market.money import dollars
from monitor.market.snapshot import Outcome
from monitor.rules.alert import Transition
from monitor.setup import Setup, set_up
from monitor.store.ledger import Ledgers


def poll(
    config: ConfigPath = DEFAULT_CONFIG,
    marketplace: Annotated[
        str | None, typer.Option(help="Which one, if several are configured.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do one cycle now: fetch, record and evaluate; print the offers.

    Notifications are queued; `gpu-monitor run` delivers them.
    """
    log_to_stderr()
    setup = set_up(read_config(config))
    try:
        name = chosen(setup, marketplace)
        settings, market = setup.marketplaces[name]
        with opened_or_made(setup.config) as database:
            report = run_cycle(
                market,
                setup.plan,
                Ledgers(database),
                interval=settings.poll_interval,
                now=utc_now(),
            )
    finally:
        setup.close()
    if as_json:
        print_json(_json(report))
    else:
        _print(report)
    if report.poll.outcome is not Outcome.OK:
        raise typer.Exit(1)


def chosen(setup: Setup, wanted: str | None) -> str:
    """Return the marketplace that is wanted: the only one, or the one that is named.

    Raises:
        typer.BadParameter: it must be named, and is not.
    """
    names = list(setup.marketplaces)
    name = named(names, wanted)
    if name not in names:
        raise typer.BadParameter(f"choose one of {', '.join(names)}", param_hint="--marketplace")
    return name


def named(names: Sequence[str], wanted: str | None) -> str:
    """Return the marketplace that is wanted, configured or not: if none is named, the only one.

    Raises:
        typer.BadParameter: there are several, and none is named.
    """
    if wanted is None and len(names) != 1:
        raise typer.BadParameter(f"choose one of {', '.join(names)}", param_hint="--marketplace")
    return names[0] if wanted is None else wanted


def _json(report: CycleReport) -> dict[str, Any]:
    found = report.poll
    snapshot = found.snapshot
    issues = found.issues if snapshot is None else snapshot.issues
    return {
        "at": instant(found.at),
        "marketplace": found.marketplace,
        "outcome": found.outcome.value,
        "detail": found.detail,
        "not_recorded_until": instant(report.behind),
        "overtaken": report.overtaken,
        "hostnodes": 0 if snapshot is None else len(snapshot.hostnodes),
        "offers": [] if snapshot is None else [offer_json(offer) for offer in snapshot.offers],
        "issues": [
            {"reason": each.reason.value, "path": each.path, "detail": each.detail}
            for each in issues
        ],
        "transitions": [transition_json(each) for each in report.transitions],
    }


def transition_json(transition: Transition) -> dict[str, Any]:
    """Return a transition with the keys that are promised."""
    return {
        "at": instant(transition.at),
        "rule": transition.rule,
        "labels": dict(transition.labels),
        "from": transition.before.value,
        "to": transition.after.value,
        "reason": transition.reason.value,
        "value": None if transition.value is None else dollars(transition.value),
    }


def _print(report: CycleReport) -> None:
    found = report.poll
    if found.snapshot is None:
        err.print(f"{found.marketplace}: {found.outcome.value}: {found.detail}")
        return
    cheapest_first = sorted(found.snapshot.offers, key=by_price)
    print_offers([(found.marketplace, offer) for offer in cheapest_first])
    err.print(
        f"{found.marketplace}: {found.outcome.value}, "
        f"{count(len(found.snapshot.hostnodes), 'hostnode')}, "
        f"{count(len(found.snapshot.offers), 'offer')} in {found.duration:.2f} s; "
        f"{count(sum(found.snapshot.issue_counts.values()), 'issue')}; "
        f"{count(report.queued, 'notification')} queued"
    )
    if report.behind is not None:
        err.print(
            f"nothing was recorded: history ends at {report.behind:%Y-%m-%d %H:%M:%S} UTC, which "
            "is yet to come, for the clock was ahead; it goes on then"
        )
    if report.overtaken:
        err.print(
            "another poll was recorded while this one was made: of this one nothing was recorded "
            "or evaluated"
        )
    for each in report.transitions:
        labels = ", ".join(f"{name}={value}" for name, value in each.labels)
        err.print(f"{each.rule} ({labels}): {each.before} → {each.after}, {each.reason}")
