"""All that `stats` says of each model, read at one instant of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from monitor.history.pieces import on_sale
from monitor.history.present import best_now
from monitor.history.selection import Model, Selection
from monitor.history.sessions import Session, sessions
from monitor.history.summary import Low, Summary
from monitor.history.window import Window
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.market.snapshot import EARLIEST
from monitor.store import history
from monitor.store.offered import covered, offered
from monitor.store.sessions import Per, Subject, had
from monitor.store.statistics import summaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A model in a window, and the lowest price of all that is known of it until its end.

    `price` is the best one at `seen_at`, the last good poll in the window. `had` is when it could
    be had, `covered` when that is known, by intervals: of time whose intervals are deleted only
    `past` and `lowest` tell; `places` are the sessions per location or hostnode.
    """

    model: Model
    past: Summary
    lowest: Low | None
    seen_at: datetime | None
    price: NanoDollars | None
    covered: Sequence[Window]
    had: Sequence[Window]
    hostnodes: Sequence[Sequence[Session]]
    locations: Sequence[Sequence[Session]]


def answers(connection: Connection, selection: Selection, window: Window) -> list[Answer]:
    """Return what is known of each selected model, of all that were ever sold."""
    past = summaries(connection, selection, window)
    lowest = _lowest(connection, selection, window.until, {m: each for m, (each,) in past.items()})
    known = {name: covered(connection, name, window) for name in {m.marketplace for m in past}}
    now = {
        name: _present(connection, selection, name, stretches) for name, stretches in known.items()
    }
    spans = had(connection, selection, window)
    return [
        Answer(
            model=model,
            past=whole,
            lowest=lowest[model],
            seen_at=now[model.marketplace][0],
            price=now[model.marketplace][1].get(model.gpu),
            covered=known[model.marketplace],
            had=spans[Per.MODEL].get(Subject(model, ""), []),
            hostnodes=_sessions(spans[Per.HOSTNODE], model, known[model.marketplace]),
            locations=_sessions(spans[Per.LOCATION], model, known[model.marketplace]),
        )
        for model, (whole,) in past.items()
    ]


def _lowest(
    connection: Connection, selection: Selection, until: datetime, past: Mapping[Model, Summary]
) -> Mapping[Model, Low | None]:
    """Return the lowest price of each model of all that is known until an instant.

    `past` is what is known of a part of that time. Where roll-ups do not tell, no more is read of
    the rest than what is as cheap.
    """
    ever = Window(EARLIEST, until)
    if selection.whole_models:
        every = summaries(connection, selection, ever)
        return {m: None if each.best is None else each.best.lowest for m, (each,) in every.items()}
    lows = {model: each.best.lowest for model, each in past.items() if each.best is not None}
    cheap = offered(
        connection, selection, ever, up_to={model: each.low for model, each in lows.items()}
    )
    found = {model: [low] for model, low in lows.items()}
    for model, sold in cheap.items():
        pieces = on_sale(chain.from_iterable(sold.values()))
        found.setdefault(model, []).extend(Low(piece.value, piece.since) for piece in pieces)
    return {model: min(found.get(model, ()), default=None) for model in past}


def _present(
    connection: Connection, selection: Selection, marketplace: str, known: Sequence[Window]
) -> tuple[datetime | None, dict[GpuModel, NanoDollars]]:
    if not known:
        return None, {}
    at = known[-1].until
    snapshot = history.at_instant(connection, marketplace, at)
    return at, {} if snapshot is None else best_now(snapshot, selection)


def _sessions(
    found: Mapping[Subject, list[Window]], model: Model, known: Sequence[Window]
) -> list[list[Session]]:
    return [sessions(had, known) for subject, had in found.items() if subject.model == model]
