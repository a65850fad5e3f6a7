"""The hours of the week: a heat map for a terminal."""

from collections.abc import Iterator
from datetime import tzinfo

import typer

from monitor.cli.glyphs import UNKNOWN, shade
from monitor.history.sessions import (
    WEEKDAYS,
    Slot,
    appearances_by_slot,
    merged,
    sessions,
    time_by_slot,
)
from monitor.store.answers import Answer

_HOURS = range(24)


def shares(answer: Answer, zone: tzinfo) -> Iterator[tuple[Slot, float | None, int]]:
    """Yield each hour of the week, its share, and how often it was seen to appear then.

    The share is that of the polled time in which it could be had, `None` if none was polled.
    """
    known = time_by_slot(answer.covered, zone)
    had = time_by_slot(merged(answer.had), zone)
    begun = appearances_by_slot(sessions(answer.had, answer.covered), zone)
    for slot in (Slot(day, hour) for day in range(len(WEEKDAYS)) for hour in _HOURS):
        yield slot, had[slot] / known[slot] if known[slot] else None, begun[slot]


def print_week(answer: Answer, zone: tzinfo) -> None:
    """Print a heat map of hours and weekdays to standard output."""
    cells = {slot: share for slot, share, _ in shares(answer, zone)}
    typer.echo(f"share of each hour of the week in which it could be had, {zone}")
    typer.echo("     " + "".join(f"{hour:02} " for hour in _HOURS).rstrip())
    for day, name in enumerate(WEEKDAYS):
        row = "".join(shade(cells[Slot(day, hour)]) * 2 + " " for hour in _HOURS)
        typer.echo(f"{name}  {row}".rstrip())
    typer.echo(f"     {UNKNOWN * 2} not known,    never, ░░ to 25 %, ▒▒ 50 %, ▓▓ 75 %, ██ over")
