"""All that `stats` says of each model, read at one instant of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from monitor.history.present import best_now
from monitor.history.selection import Model, Selection
from monitor.history.sessions import Session, sessions
from monitor.history.summary import Summary
from monitor.history.window import Window
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.store import history
from monitor.store.offered import covered
from monitor.store.sessions import Per, Subject, had
from monitor.store.statistics import summaries

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A model in a window, and all that is known of it until its end (`ever`).

    `price` is the best one at `seen_at`, the last good poll in the window. `had` is when it could
    be had, `covered` when that is known, by intervals: of time whose intervals are deleted only
    `past` and `ever` tell; `places` are the sessions per location or hostnode.
    """

    model: Model
    past: Summary
    ever: Summary
    seen_at: datetime | None
    price: NanoDollars | None
    covered: Sequence[Window]
    had: Sequence[Window]
    hostnodes: Sequence[Sequence[Session]]
    locations: Sequence[Sequence[Session]]


def answers(connection: Connection, selection: Selection, window: Window) -> list[Answer]:
    """Return what is known of each selected model, of all that were ever sold."""
    past = summaries(connection, selection, window)
    ever = summaries(connection, selection, Window(BEGINNING, window.until))
    known = {name: covered(connection, name, window) for name in {m.marketplace for m in past}}
    now = {
        name: _present(connection, selection, name, stretches) for name, stretches in known.items()
    }
    spans = had(connection, selection, window)
    return [
        Answer(
            model=model,
            past=whole,
            ever=ever[model][0],
            seen_at=now[model.marketplace][0],
            price=now[model.marketplace][1].get(model.gpu),
            covered=known[model.marketplace],
            had=spans[Per.MODEL].get(Subject(model, ""), []),
            hostnodes=_sessions(spans[Per.HOSTNODE], model, known[model.marketplace]),
            locations=_sessions(spans[Per.LOCATION], model, known[model.marketplace]),
        )
        for model, (whole,) in past.items()
    ]


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
