"""How each single offer went, step by step."""

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
    connection: Connection, selection: Selection, window: Window, step: timedelta
) -> dict[OfferName, list[Summary]]:
    """Return what each selected offer's past comes to, in each step of a window."""
    windows = list(steps(window, step))
    return {
        (model.marketplace, hostnode, model.gpu): summed_up(
            windows, covered(connection, model.marketplace, window), pieces
        )
        for model, by_hostnode in offered(connection, selection, window).items()
        for hostnode, pieces in by_hostnode.items()
    }
