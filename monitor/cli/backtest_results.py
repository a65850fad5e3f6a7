"""What a backtest came to, as tables and JSON."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from monitor.backtest.result import RuleResult
from monitor.backtest.sweep import Variant
from monitor.cli.common import instant, print_json, print_table
from monitor.cli.poll import transition_json
from monitor.config.durations import show_duration
from monitor.market.money import dollars, show
from monitor.rules.alert import RuleName

Found = Mapping[RuleName, RuleResult]


def show_found(found: Found, *, as_json: bool, in_full: bool) -> None:
    """Print what each rule came to, `in_full` with every transition and message."""
    if as_json:
        print_json({"rules": {name: _json(each) for name, each in found.items()}})
        return
    if in_full:
        for each in found.values():
            _print_in_full(each)
    print_table(
        ("rule…", *_COLUMNS),
        ((name, *_cells(each)) for name, each in found.items()),
        empty="no rules",
    )


def show_sweep(tried: Sequence[Variant], found: Found, *, as_json: bool) -> None:
    """Print what each rule came to with each pair of clocks that was tried."""
    if as_json:
        print_json(
            {
                "sweep": [
                    {
                        "rule": each.rule,
                        "for": show_duration(each.hold_for),
                        "keep_firing_for": show_duration(each.keep_firing_for),
                        **_figures(found[each.name]),
                    }
                    for each in tried
                ]
            }
        )
        return
    several = len({each.rule for each in tried}) > 1
    print_table(
        ("rule…", ">for", ">keep_firing_for", *_COLUMNS),
        (
            (
                each.rule if several else None,
                show_duration(each.hold_for),
                show_duration(each.keep_firing_for),
                *_cells(found[each.name]),
            )
            for each in tried
        ),
        empty="no rules",
    )


_COLUMNS = (
    *(">firing", ">resolved", ">lapsed", ">messages", ">delay", ">worst", ">grabs", ".cost $"),
)


def _cells(each: RuleResult) -> tuple[object, ...]:
    return (
        each.firing,
        each.resolved,
        each.lapsed,
        len(each.told),
        None if each.median_delay is None else show_duration(each.median_delay),
        None if each.worst_delay is None else show_duration(each.worst_delay),
        len(each.bought) or None,
        f"{dollars(each.cost):.2f}" if each.bought else None,
    )


def _print_in_full(each: RuleResult) -> None:
    print_table(
        ("at", "labels…", "from", "to", "reason", ".$/GPU h"),
        (
            (
                instant(change.at),
                ", ".join(value for name, value in change.labels if name != "marketplace"),
                change.before.value,
                change.after.value,
                change.reason.value,
                None if change.value is None else show(change.value),
            )
            for change in each.transitions
        ),
        empty=f"{each.rule}: no transition",
    )
    print_table(
        ("at", "receiver", "reason", "title…"),
        ((instant(it.at), it.receiver, it.reason.value, it.title) for it in each.told),
        empty=f"{each.rule}: no notification",
    )


def _json(each: RuleResult) -> dict[str, Any]:
    return {
        **_figures(each),
        "receivers": {
            receiver: {reason.value: number for reason, number in reasons.items()}
            for receiver, reasons in each.by_receiver().items()
        },
        "messages": [
            {
                "at": instant(it.at),
                "receiver": it.receiver,
                "reason": it.reason.value,
                "title": it.title,
            }
            for it in each.told
        ],
        "bought": [
            {
                "at": instant(it.grab.created_at),
                "until": instant(it.until),
                "preset": it.grab.preset,
                "hostnode_id": it.grab.hostnode,
                "gpu": it.grab.gpu,
                "quoted_per_hour": None if it.grab.quoted is None else dollars(it.grab.quoted),
                "cost": dollars(it.cost),
            }
            for it in each.bought
        ],
        "transitions": [transition_json(change) for change in each.transitions],
    }


def _figures(each: RuleResult) -> dict[str, Any]:
    return {
        "firing": each.firing,
        "resolved": each.resolved,
        "lapsed": each.lapsed,
        "notifications": len(each.told),
        "grabs": len(each.bought),
        "cost": dollars(each.cost),
        "delay_seconds": {
            "median": _seconds(each.median_delay),
            "worst": _seconds(each.worst_delay),
        },
    }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
