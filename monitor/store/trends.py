"""How each single offer went, step by step."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection

from monitor.history.selection import Selection
from monitor.history.summary import Summary, summed_up
from monitor.history.window import Window, steps
from monitor.market.hostnode import HostnodeId
from monitor.market.offer import GpuModel
from monitor.store.offered import covered, offered

OfferName = tuple[str, HostnodeId, GpuModel]
"""Marketplace, hostnode, GPU model."""


def trends(
    connection: Connection,
    selection: Selection,
    window: Window,
    step: timedelta,
    *,
    among: Collection[HostnodeId],
) -> dict[OfferName, list[Summary]]:
    """Return what each offer that is selected, on these hostnodes, was in each step of a window."""
    windows = list(steps(window, step))
    found = offered(connection, selection, window, among=among)
    known = {name: covered(connection, name, window) for name in {m.marketplace for m in found}}
    return {
        (model.marketplace, hostnode, model.gpu): summed_up(
            windows, known[model.marketplace], pieces
        )
        for model, by_hostnode in found.items()
        for hostnode, pieces in by_hostnode.items()
    }
