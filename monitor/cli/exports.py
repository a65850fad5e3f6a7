"""`export`: history out, as recorded polls or as a table."""

import csv
import gzip
import io
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer

from monitor.cli.common import (
    DEFAULT_CONFIG,
    ConfigPath,
    count,
    err,
    instant,
    opened,
    read_config,
)
from monitor.cli.poll import named
from monitor.cli.times import When, when
from monitor.clock import utc_now
from monitor.errors import MonitorError
from monitor.history.window import Window
from monitor.market.money import show
from monitor.market.snapshot import EARLIEST
from monitor.marketplaces.replay import replay_line
from monitor.marketplaces.tensordock.encode import encode_hostnodes
from monitor.store import marketplaces, progress
from monitor.store.engine import Database
from monitor.store.exports import moments
from monitor.store.sold import sold

_STDOUT = Path("-")
_BEGINNING = When(EARLIEST)
_NOW = When(timedelta(0))
_COLUMNS = (
    *("marketplace", "hostnode_id", "gpu", "from", "until", "until_unknown"),
    *("available", "price_per_gpu_hour", "city", "country", "tier"),
)


def export(
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Gzipped if it ends in .gz; - is stdout.")
    ] = _STDOUT,
    config: ConfigPath = DEFAULT_CONFIG,
    marketplace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose history, if there are several.")
    ] = None,
    since: Annotated[
        When,
        typer.Option(
            parser=when,
            metavar="TIME",
            help="From when: 7d ago, or 2026-03-01; all if not said.",
            show_default=False,
        ),
    ] = _BEGINNING,
    until: Annotated[
        When,
        typer.Option(
            parser=when, metavar="TIME", help="Until when; now if not said.", show_default=False
        ),
    ] = _NOW,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="A row for each stretch in which an offer did not change.")
    ] = False,
) -> None:
    """Write the history: a line for each instant at which something changed, which `import` reads.

    What is read back is the same history, with its gaps.
    """
    settings = read_config(config)
    name = named([each.name for each in settings.marketplaces], marketplace)
    now = utc_now()
    window = Window(since.resolved(now), until.resolved(now))
    with opened(settings) as database, _writing(file) as out:
        write = _write_rows if as_csv else _write_lines
        done = write(database, name, window, out)
        with database.read() as connection:
            deleted = progress.deleted(connection, name, window)
        if done is None:
            raise _nothing(name, deleted)
        err.print(done if deleted is None else f"{done}; {_left_out(deleted)}")


def _write_lines(database: Database, name: str, window: Window, out: BinaryIO) -> str | None:
    lines = gaps = 0
    first = last = None
    with database.read() as connection:
        found = marketplaces.find(connection, name)
        for moment in () if found is None else moments(connection, found, window):
            hostnodes = encode_hostnodes(moment.hostnodes, moment.offers)
            out.write(replay_line(moment.at, hostnodes, unbroken_since=moment.unbroken_since))
            lines += 1
            gaps += lines > 1 and moment.unbroken_since == moment.at
            first, last = first or moment.at, moment.at
    if first is None:
        return None
    span = f"from {instant(first)} to {instant(last)}"
    return f"{name}: {count(lines, 'snapshot')} {span}, {count(gaps, 'gap')}"


def _write_rows(database: Database, name: str, window: Window, out: BinaryIO) -> str | None:
    rows = 0
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    with database.read() as connection:
        for each in sold(connection, name, window):
            price = None if each.price is None else show(each.price)
            seen = (instant(each.since), instant(each.until), str(each.gone_on).lower())
            told = (each.available, price, each.city, each.country, each.tier)
            table.writerow((name, each.hostnode, each.gpu, *seen, *told))
            rows += 1
    text.detach()
    return f"{name}: {count(rows, 'row')}" if rows else None


def _left_out(deleted: Window) -> str:
    return (
        f"from {instant(deleted.since)} to {instant(deleted.until)} only roll-ups are kept, "
        "which are not exported: `gpu-monitor history` tells them"
    )


def _nothing(name: str, deleted: Window | None) -> MonitorError:
    if deleted is not None:
        return MonitorError(f"nothing can be exported of {name}: {_left_out(deleted)}")
    return MonitorError(
        f"nothing is known of {name} in that time: `gpu-monitor stats` tells what is covered"
    )


@contextmanager
def _writing(file: Path) -> Iterator[BinaryIO]:
    """Open what is written to: a file has its name only when it is whole.

    A pipe or a device is written to as it is: a file put in its place would destroy it.
    """
    try:
        if file == _STDOUT:
            yield from _straight(cast("BinaryIO", sys.stdout.buffer))
        elif file.exists() and not file.is_file():
            with file.open("wb") as out:
                yield from _straight(out)
        else:
            yield from _whole(file.resolve())
    except BrokenPipeError:
        raise  # who reads has had enough, as `head` does: Typer ends in silence
    except OSError as error:
        told = "standard output" if file == _STDOUT else str(file)
        raise MonitorError(f"{told} cannot be written: {error.strerror or error}") from error


def _straight(out: BinaryIO) -> Iterator[BinaryIO]:
    yield out
    out.flush()  # here, where it is told if there is no room


def _whole(file: Path) -> Iterator[BinaryIO]:
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as raw:
            yield from _packed(file, raw)
        if file.exists():
            shutil.copymode(file, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _packed(file: Path, raw: BinaryIO) -> Iterator[BinaryIO]:
    if file.suffix != ".gz":
        yield raw
        return
    # Without name and time in it, so that the same history gives the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        yield cast("BinaryIO", packed)
