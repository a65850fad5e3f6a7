"""Between rows and grabs: every field has a column of its name, but for its `id` and `version`."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from monitor.grab.grab import Grab, GrabEvent, GrabId, GrabStatus, Mode
from monitor.store import encoding
from monitor.store.schema import grabs

_WRITTEN: Mapping[str, Callable[[Any], Any]] = {
    "rest": encoding.candidates_text,
    "forwards": encoding.forwards_text,
    "told": encoding.names_text,
    "mode": str,
    "status": str,
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "rest": encoding.read_candidates,
    "forwards": encoding.read_forwards,
    "told": encoding.read_names,
    "mode": Mode,
    "status": GrabStatus,
}
_NAMES = tuple(grabs.c.keys())
_READING = tuple((place, _READ[name]) for place, name in enumerate(_NAMES) if name in _READ)
_COLUMNS = tuple(sorted({each.name for each in fields(Grab)} - {"id", "version"}))


def columns(grab: Grab) -> dict[str, Any]:
    """Return a grab as its columns; `id` is the database's to give, and `version` to count."""
    found = {name: getattr(grab, name) for name in _COLUMNS}
    for name, written in _WRITTEN.items():
        found[name] = written(found[name])
    return found


def read_grab(row: Row[Any]) -> Grab:
    """Return the grab of a row of `grabs`, all columns in their order.

    Hundreds are read before each purchase: what is empty is not parsed.
    """
    values = list(row)
    for place, read in _READING:
        values[place] = read(values[place])
    return Grab(**dict(zip(_NAMES, values, strict=True)))


def read_event(row: Row[Any]) -> GrabEvent:
    """Return the step of a row of `grab_events`."""
    return GrabEvent(
        grab=GrabId(row.grab_id),
        at=row.at,
        before=None if row.before is None else GrabStatus(row.before),
        after=GrabStatus(row.after),
        reason=row.reason,
    )
