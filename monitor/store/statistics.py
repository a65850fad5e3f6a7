"""Questions about the past, answered from the intervals.

SQL selects and clips what is asked about; `monitor.history` weighs it by time. Nothing is said of
time that was not polled, or whose intervals are deleted.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain

from sqlalchemy import Connection

from monitor.history.pieces import Offered, Piece, lowest, on_sale
from monitor.history.selection import Model, Selection
from monitor.history.summary import Summary, summed_up
from monitor.history.window import Window, steps
from monitor.market.hostnode import HostnodeId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.store.offered import covered, offered

BestPrices = list[Piece[NanoDollars]]

_END = datetime.max.replace(tzinfo=UTC)


def best_price_steps(
    connection: Connection, selection: Selection, window: Window
) -> dict[Model, BestPrices]:
    """Return the best price of each selected model at each instant of a window.

    There is none while it could not be had, nor while nothing is known: see `covered`.
    """
    return {
        model: lowest(on_sale(_all(each)))
        for model, each in offered(connection, selection, window).items()
    }


def best_prices(
    connection: Connection, marketplace: str, since: datetime
) -> dict[GpuModel, BestPrices]:
    """Return the best price of each of a marketplace's models at each instant from `since` on."""
    selection = Selection(marketplace=marketplace)
    found = best_price_steps(connection, selection, Window(since, _END))
    return {model.gpu: pieces for model, pieces in found.items()}


def summaries(
    connection: Connection, selection: Selection, window: Window, *, step: timedelta | None = None
) -> dict[Model, list[Summary]]:
    """Return what each selected model's past comes to, in each step of a window.

    Steps begin at whole multiples of `step` since 1970; without `step` the window is one.
    """
    found = offered(connection, selection, window)
    windows = list(steps(window, step))
    known = {
        marketplace: covered(connection, marketplace, window)
        for marketplace in {model.marketplace for model in found}
    }
    return {
        model: summed_up(windows, known[model.marketplace], _all(each))
        for model, each in found.items()
    }


def _all(sold: Mapping[HostnodeId, Iterable[Offered]]) -> list[Offered]:
    return list(chain.from_iterable(sold.values()))
