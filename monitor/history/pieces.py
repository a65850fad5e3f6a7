"""Step functions as pieces in the order of time, none overlapping the next."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Generic, NamedTuple, TypeVar

from monitor.history.window import Window
from monitor.market.money import NanoDollars

Value = TypeVar("Value")


class Piece(NamedTuple, Generic[Value]):
    """`value` held from `since` to `until`, which is not part of it."""

    since: datetime
    until: datetime
    value: Value


class Offered(NamedTuple):
    """What one offer was from `since` to `until`: GPUs free, nano-dollars per GPU and hour."""

    since: datetime
    until: datetime
    available: int
    price: NanoDollars | None


def time_of(pieces: Iterable[Window] | Iterable[Piece[Value]]) -> timedelta:
    """Return how long all pieces are together."""
    return sum((piece.until - piece.since for piece in pieces), timedelta(0))


def on_sale(offered: Iterable[Offered]) -> Iterator[Piece[NanoDollars]]:
    """Yield the prices at which an offer could be had: priced, and at least one GPU free."""
    for since, until, available, price in offered:
        if available and price is not None:
            yield Piece(since, until, price)


def lowest(pieces: Iterable[Piece[NanoDollars]]) -> list[Piece[NanoDollars]]:
    """Return the lowest value at each instant: of prices of offers, the best price of a model.

    `pieces` come in any order and overlap; what comes back does not, and changes from piece to
    piece.
    """
    found: list[Piece[NanoDollars]] = []
    open_: list[tuple[NanoDollars, datetime]] = []
    at = None
    for since, until, value in sorted(pieces):
        if at is not None:
            _advance(found, open_, at, since)
        at = since
        heappush(open_, (value, until))
    if at is not None:
        _advance(found, open_, at, max(until for _, until in open_))
    return found


def _advance(
    found: list[Piece[NanoDollars]],
    open_: list[tuple[NanoDollars, datetime]],
    at: datetime,
    to: datetime,
) -> None:
    """Add to `found` what is lowest of `open_` between two instants at which none begins."""
    while open_ and at < to:
        value, until = open_[0]
        if until <= at:
            heappop(open_)
            continue
        end = min(until, to)
        _append(found, Piece(at, end, value))
        at = end


def _append(found: list[Piece[NanoDollars]], piece: Piece[NanoDollars]) -> None:
    if found and found[-1].until == piece.since and found[-1].value == piece.value:
        found[-1] = Piece(found[-1].since, piece.until, piece.value)
    else:
        found.append(piece)
