"""Questions about the past, answered from the intervals, and from roll-ups where those are better.

SQL selects what is asked about, `monitor.history` weighs it by time. Roll-ups tell of the time
whose intervals are deleted, and of all whole hours and days of a window that is longer than
`RAW_FOR`; each answer says what it was made from. Nothing is said of time that was not polled.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import Connection

from monitor.history.pieces import Offered
from monitor.history.plan import RAW_FOR, Part, plan, spans
from monitor.history.selection import Model, Selection
from monitor.history.summary import Source, Summary, combined, covered_time, summed_up
from monitor.history.window import EPOCH, Window, steps
from monitor.market.hostnode import HostnodeId
from monitor.store import progress, rollups
from monitor.store.offered import covered, models, offered

_Told = dict[Model, dict[Window, Summary]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked of one marketplace, and the stretches of the window that were polled."""

    selection: Selection
    models: list[Model]
    covered: list[Window]

    @property
    def known(self) -> Window:
        """From the first to the last instant that was polled."""
        if not self.covered:
            return Window(EPOCH, EPOCH)
        return Window(self.covered[0].since, self.covered[-1].until)


def summaries(
    connection: Connection,
    selection: Selection,
    window: Window,
    *,
    step: timedelta | None = None,
    of: Collection[Model] | None = None,
) -> dict[Model, list[Summary]]:
    """Return what each selected model's past comes to, in each step of a window.

    With `of` only those of the selected models are told of. Steps begin at whole multiples of
    `step` since 1970; without `step` the window is one. Roll-ups know whole models only, hour by
    hour: of selections of places, hostnodes or a shape, and of steps that are not whole hours,
    nothing is told once their intervals are deleted.
    """
    found: dict[Model, list[Summary]] = {}
    windows = list(steps(window, step))
    asked = [each for each in models(connection, selection) if of is None or each in of]
    for marketplace in sorted({model.marketplace for model in asked}):
        question = _Question(
            selection=replace(selection, marketplace=marketplace),
            models=[model for model in asked if model.marketplace == marketplace],
            covered=covered(connection, marketplace, window, deleted_too=True),
        )
        made = progress.find(connection, marketplace)
        parts = plan(windows, question.known, *_limits(made, selection, window))
        found |= _answers(connection, question, windows, parts)
    return found


def _limits(
    made: progress.Progress | None, selection: Selection, window: Window
) -> tuple[datetime, datetime]:
    """Return until when roll-ups are to tell, and from when on intervals can."""
    if made is None:
        return window.since, window.since
    raw = made.raw_since or window.since
    if not selection.whole_models:
        return window.since, raw
    rolled = made.reliable_until if window.length > RAW_FOR else raw
    return max(rolled, raw), raw


def _answers(
    connection: Connection, question: _Question, windows: list[Window], parts: list[list[Part]]
) -> dict[Model, list[Summary]]:
    """Return the summary of each window from its parts."""
    told = {
        source: _told(
            connection,
            question,
            source,
            [part.window for each in parts for part in each if part.source is source],
        )
        for source in Source
    }
    return {
        model: [
            combined(window, (told[part.source][model][part.window] for part in each))
            for window, each in zip(windows, parts, strict=True)
        ]
        for model in question.models
    }


def _told(
    connection: Connection, question: _Question, source: Source, windows: list[Window]
) -> _Told:
    """Return what one source tells of each model in each of `windows`."""
    if not windows:
        return {}
    if source is Source.RAW:
        return _raw(connection, question, windows)
    hull = Window(windows[0].since, windows[-1].until)
    rows = rollups.read(connection, source, question.models, hull)
    cover = covered_time(windows, question.covered)
    return {
        model: {
            window: _known(rows[model].get(window.since), window, source, time)
            for window, time in zip(windows, cover, strict=True)
        }
        for model in question.models
    }


def _known(row: Summary | None, window: Window, source: Source, time: timedelta) -> Summary:
    """Return the roll-up of an hour or day, of which `time` was polled; without one, no offers."""
    sources = frozenset({source}) if time else frozenset[Source]()
    return replace(row or Summary(window=window), covered=time, sources=sources)


def _raw(connection: Connection, question: _Question, windows: list[Window]) -> _Told:
    found: _Told = {model: {} for model in question.models}
    for run in spans(windows):
        asked = Window(run[0].since, run[-1].until)
        sold = offered(connection, question.selection, asked, of=question.models)
        for model, each in sold.items():
            told = summed_up(run, question.covered, _all(each))
            found[model] |= {summary.window: summary for summary in told}
    return found


def _all(sold: Mapping[HostnodeId, Iterable[Offered]]) -> list[Offered]:
    return list(chain.from_iterable(sold.values()))
