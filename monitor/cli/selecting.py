"""Which part of the market, and which time: options that several commands have."""

from collections.abc import Callable
from datetime import UTC, timedelta, tzinfo
from functools import wraps
from inspect import signature
from itertools import chain
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from monitor.cli.times import When, when
from monitor.config.names import did_you_mean
from monitor.errors import MonitorError
from monitor.history.selection import Selection
from monitor.market.quote import Shape
from monitor.store.misfits import Misfit


def zone(given: str | tzinfo) -> tzinfo:
    """Read a time zone such as `Europe/Berlin`, for an option."""
    if isinstance(given, tzinfo):
        return given
    if given.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(
            f"no time zone is named {given!r}: write UTC, Europe/Berlin, America/New_York"
        ) from None


Until = Annotated[
    When,
    typer.Option(
        parser=when, metavar="TIME", help="As of then; now if not said.", show_default=False
    ),
]
Zone = Annotated[
    tzinfo, typer.Option("--tz", parser=zone, metavar="ZONE", help="Of hours and days.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]

NOW = When(timedelta(0))
_MOST_NAMES = 2_000
"""Among more, to look for one that is alike takes too long."""
_FEW_NAMES = 12


def check_form(*, as_json: bool, as_csv: bool) -> None:
    """Refuse two forms of one answer."""
    if as_json and as_csv:
        raise typer.BadParameter("give one of --json and --csv", param_hint="--csv")


def check_fits(wrong: Misfit | None) -> None:
    """Refuse a selection of which a part fits nothing: an answer would look like a fact."""
    if wrong is not None:
        raise MonitorError(unfit(wrong))


def unfit(wrong: Misfit) -> str:
    """Return which option nothing fits that was ever polled, and what may be meant."""
    if wrong.part == "marketplace":
        said = f"nothing is recorded of a marketplace {wrong.given!r}"
        return said + did_you_mean(wrong.given, wrong.names)
    what = "GPU" if wrong.part == "gpu" else wrong.part
    said = f"no {what} that was ever polled fits {wrong.given!r}"
    if not wrong.names:
        return f"{said}: none was told"
    if any(wrong.given.casefold() in name.casefold() for name in wrong.names):
        return f"{said}; did you mean `*{wrong.given}*`?"
    hint = did_you_mean(wrong.given, wrong.names) if len(wrong.names) <= _MOST_NAMES else ""
    if not hint and len(wrong.names) <= _FEW_NAMES:
        return f"{said}; known: {', '.join(sorted(wrong.names))}"
    return said + hint


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that select a part of the market, where it takes `selection`.

    Typer reads a command's options from its signature, and has no way to share several of them.
    """
    own, shared = signature(command), signature(_selection).parameters

    @wraps(command)
    def with_options(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in shared}
        command(selection=_selection(**chosen), **given)

    every = chain.from_iterable(
        shared.values() if name == "selection" else [each] for name, each in own.parameters.items()
    )
    vars(with_options)["__signature__"] = own.replace(parameters=list(every))
    return with_options


def _selection(
    *,
    gpu: Annotated[str, typer.Option(metavar="GLOB", help="Only these GPU models.")] = "*",
    marketplace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this marketplace.")
    ] = None,
    country: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only in these countries.")
    ] = None,
    location: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Only there: a location's id, city or state."),
    ] = None,
    hostnode: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only these hostnodes.")
    ] = None,
    min_tier: Annotated[int | None, typer.Option(help="Only from this tier on.")] = None,
    max_tier: Annotated[int | None, typer.Option(help="Only up to this tier.")] = None,
    gpus: Annotated[int, typer.Option(min=1, help="So many GPUs on one hostnode.")] = 1,
    vcpu: Annotated[int, typer.Option(min=0, help="With so many vCPUs.")] = 0,
    ram: Annotated[int, typer.Option(min=0, metavar="GB", help="With so much RAM.")] = 0,
    storage: Annotated[int, typer.Option(min=0, metavar="GB", help="With such a disk.")] = 0,
) -> Selection:
    """Return what the options select; one GPU alone is no shape."""
    if min_tier is not None and max_tier is not None and min_tier > max_tier:
        raise typer.BadParameter(f"is below --min-tier {min_tier}", param_hint="--max-tier")
    asked = Shape(gpu_count=gpus, vcpu_count=vcpu, ram_gb=ram, storage_gb=storage)
    return Selection(
        marketplace=marketplace,
        gpu=gpu,
        country=country,
        location=location,
        hostnode=hostnode,
        min_tier=min_tier,
        max_tier=max_tier,
        shape=None if asked == Shape() else asked,
    )
