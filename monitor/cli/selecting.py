"""Which part of the market, and which time: options that several commands have."""

from datetime import UTC, timedelta, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from monitor.cli.times import When, when
from monitor.market.quote import Shape


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


GpuGlob = Annotated[str, typer.Option("--gpu", metavar="GLOB", help="Only these GPU models.")]
MarketplaceName = Annotated[
    str | None, typer.Option("--marketplace", metavar="NAME", help="Only this marketplace.")
]
Country = Annotated[
    str | None, typer.Option("--country", metavar="GLOB", help="Only in these countries.")
]
Place = Annotated[
    str | None,
    typer.Option("--location", metavar="GLOB", help="Only there: a location's id, city or state."),
]
HostnodeGlob = Annotated[
    str | None, typer.Option("--hostnode", metavar="GLOB", help="Only these hostnodes.")
]
MinTier = Annotated[int | None, typer.Option("--min-tier", help="Only from this tier on.")]
MaxTier = Annotated[int | None, typer.Option("--max-tier", help="Only up to this tier.")]
GpuCount = Annotated[int, typer.Option("--gpus", min=1, help="So many GPUs on one hostnode.")]
Vcpu = Annotated[int, typer.Option("--vcpu", min=0, help="With so many vCPUs.")]
Ram = Annotated[int, typer.Option("--ram", min=0, metavar="GB", help="With so much RAM.")]
Storage = Annotated[int, typer.Option("--storage", min=0, metavar="GB", help="With such a disk.")]
Until = Annotated[
    When,
    typer.Option("--until", parser=when, metavar="TIME", help="As of then; now if not said."),
]
Zone = Annotated[
    tzinfo, typer.Option("--tz", parser=zone, metavar="ZONE", help="Of hours and days.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]

NOW = When(timedelta(0))


def shape(gpu_count: int, vcpu: int, ram: int, storage: int) -> Shape | None:
    """Return the shape that is asked about, or `None` for one GPU alone."""
    asked = Shape(gpu_count=gpu_count, vcpu_count=vcpu, ram_gb=ram, storage_gb=storage)
    return None if asked == Shape() else asked
