"""Selections that nothing which was ever polled fits: which part of them it is."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from monitor.history.selection import Selection, fits
from monitor.store.schema import gpus, hostnodes, locations, marketplaces

_KNOWN = {
    "gpu": (gpus.c.name,),
    "country": (locations.c.country,),
    "location": (locations.c.location, locations.c.city, locations.c.state),
    "hostnode": (hostnodes.c.hostnode,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """What was `given` for a `part` of a selection, and the names it could have been."""

    part: str
    given: str
    names: frozenset[str]


def misfit(connection: Connection, selection: Selection) -> Misfit | None:
    """Return the first part of a selection that nothing fits; `None` if each has something.

    Where nothing was polled yet no part is to blame.
    """
    listed = frozenset(connection.scalars(select(marketplaces.c.name)))
    if not listed:
        return None
    if selection.marketplace is not None and selection.marketplace not in listed:
        return Misfit(part="marketplace", given=selection.marketplace, names=listed)
    for part, columns in _KNOWN.items():
        glob: str | None = getattr(selection, part)
        if glob is None or glob == "*":
            continue
        told = [connection.scalars(select(column).distinct()) for column in columns]
        names = frozenset(name for each in told for name in each if name is not None)
        if not any(fits(name, glob) for name in names):
            return Misfit(part=part, given=glob, names=names)
    return None
