"""How long something can be had once it appears: for a table and for a script."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import typer

from monitor.cli.common import err, print_table
from monitor.config.durations import show_duration
from monitor.history.sessions import (
    Session,
    Wait,
    absences,
    lasting,
    looked_closely,
    quantile,
    sessions,
    within,
)
from monitor.history.verdict import percent
from monitor.store.answers import Answer


class Stays:
    """How long something can be had, and how long until it is back."""

    def __init__(self, found: Iterable[Sequence[Session]], answer: Answer) -> None:
        each, covered = list(found), answer.covered
        self.sessions = sum(map(len, each))
        self._lasting = [wait for one in each for wait in lasting(one)]
        self._absent = [wait for one in each for wait in absences(one, covered)]
        self.cut_off = sum(not (one.appeared and one.gone) for group in each for one in group)
        self.soon = within(self._lasting if looked_closely(answer.had) else ())
        self.lasts = quantile(self._lasting, 0.5)
        self.back = quantile(self._absent, 0.5)

    def document(self) -> dict[str, Any]:
        """Return what a script is told; durations in seconds."""
        return {
            "sessions": self.sessions,
            "cut_off": self.cut_off,
            "median_lasting_seconds": _seconds(self.lasts),
            "gone_within_5m": self.soon.count,
            "gone_within_5m_of": self.soon.known,
            "median_absence_seconds": _seconds(self.back),
        }

    def cells(self) -> tuple[Any, ...]:
        """Return what a person is told."""
        share = self.soon.share
        soon = None if share is None else f"{percent(share)} of {self.soon.known}"
        return (
            self.sessions,
            self.cut_off,
            _shown(self.lasts, self._lasting),
            soon,
            _shown(self.back, self._absent),
        )


def stays(answer: Answer) -> Iterator[tuple[str, Stays]]:
    """Yield what is known of a model's sessions, anywhere and per location and hostnode."""
    yield "model", Stays([sessions(answer.had, answer.covered)], answer)
    yield "location", Stays(answer.locations, answer)
    yield "hostnode", Stays(answer.hostnodes, answer)


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _shown(length: timedelta | None, waits: Sequence[Wait]) -> str | None:
    """Return a median; where most were cut off before their end, at least how long it is."""
    if length is not None:
        return show_duration(length)
    return f"over {show_duration(max(waits).length)}" if waits else None


def print_stays(answer: Answer) -> None:
    """Print a table of how long something can be had, and how soon it is back."""
    names = {"model": "anywhere", "location": "at a location", "hostnode": "on a hostnode"}
    print_table(
        ("could be had", ">times", ">cut off", ">half gone in", ">gone in 5m", ">half back in"),
        ((names[name], *each.cells()) for name, each in stays(answer)),
        empty="it could never be had",
    )
    if answer.had and not looked_closely(answer.had):
        err.print(
            "whether it was gone in 5m is not told: changes were seldom seen so close together, "
            "so that polls may have been further apart"
        )
    typer.echo()
