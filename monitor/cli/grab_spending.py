"""`grabs spend`: what was spent, for each rule and day."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigPath,
    duration,
    err,
    opened,
    print_json,
    print_table,
    read_config,
)
from monitor.clock import utc_now
from monitor.config.model import GrabConfig
from monitor.grab.ending import CHARGED, running_up
from monitor.market.money import NanoDollars, dollars, show
from monitor.rules.alert import RuleName
from monitor.store.grabs import Books

Spent = Mapping[tuple[RuleName, date], int]


class By(StrEnum):
    """What spending is summed up by."""

    RULE = "rule"
    DAY = "day"


def spend(
    config: ConfigPath = DEFAULT_CONFIG,
    since: Annotated[
        timedelta,
        typer.Option(parser=duration, metavar="TIME", help="From this day on.", show_default="30d"),
    ] = timedelta(days=30),
    by: Annotated[By | None, typer.Option(help="One line for each of these.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was spent by each rule on each day (UTC), as this program reckons it.

    It is reckoned from the rates that the marketplace tells; only the marketplace's own bill is
    exact.
    """
    settings = read_config(config)
    now = utc_now()
    today, first = now.date(), (now - since).date()
    month = today.replace(day=1)
    with opened(settings) as database, Books(database).reading() as book:
        recorded = Counter[tuple[RuleName, date]](book.spent(min(first, month)))
        for grab in book.with_status(CHARGED):
            for day, amount in running_up(grab, now):
                recorded[grab.rule, day] += amount
    wanted = {key: amount for key, amount in recorded.items() if key[1] >= first}
    rows = _rows(wanted, by)
    if as_json:
        print_json([{**row, "spent": dollars(row["spent"])} for row in rows])
        return
    columns = [name for name in ("day", "rule") if by in {None, name}]
    print_table(
        (*columns, ".$"),
        ([*(row[name] for name in columns), roughly(row["spent"])] for row in rows),
        empty=f"nothing was spent since {first}",
    )
    if rows:
        err.print(f"{roughly(_total(wanted))} $ since {first}")
    err.print(_against_limits(recorded, today, settings.grab))


def roughly(spent: NanoDollars) -> str:
    """Return what was spent for a person: to the hundredth of a cent."""
    return f"{dollars(spent):.4f}"


def _rows(spent: Spent, by: By | None) -> list[dict[str, Any]]:
    sums: Counter[tuple[tuple[str, str], ...]] = Counter()
    for (rule, day), amount in spent.items():
        row = (("day", day.isoformat()), ("rule", str(rule)))
        sums[tuple(pair for pair in row if by in {None, pair[0]})] += amount
    return [{**dict(key), "spent": NanoDollars(amount)} for key, amount in sorted(sums.items())]


def _total(spent: Spent) -> NanoDollars:
    return NanoDollars(sum(spent.values()))


def _against_limits(spent: Spent, today: date, limits: GrabConfig) -> str:
    """Say what was spent today and this month, each beside its limit."""
    told = []
    for name, since, limit in (
        ("today", today, limits.max_spend_per_day),
        ("this month", today.replace(day=1), limits.max_spend_per_month),
    ):
        amount = _total({key: each for key, each in spent.items() if key[1] >= since})
        told.append(f"{name} {roughly(amount)} $" + (f" of {show(limit)} $" if limit else ""))
    return "; ".join(told)
