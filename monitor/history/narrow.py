"""Which parts of what an offer was are selected by what else was known of its hostnode then."""

from collections.abc import Iterator, Sequence

from monitor.history.pieces import Offered, Piece, Value
from monitor.history.selection import Selection
from monitor.market.diff import HostnodeFacts
from monitor.market.hostnode import HostnodeId
from monitor.market.offer import GpuModel, Offer
from monitor.market.quote import Shape, lacks, quote


def sold_at(
    offered: Sequence[Offered], facts: Sequence[Piece[HostnodeFacts]], selection: Selection
) -> Iterator[Offered]:
    """Yield the parts of what an offer was that `selection` selects, both in the order of time.

    With a shape, the price is the total for it, and no GPU counts as free that has too little
    beside it.
    """
    for piece, known in _together(offered, facts):
        if selection.has_location(known.location):
            yield piece if selection.shape is None else _shaped(piece, known, selection.shape)


def _together(
    offered: Sequence[Offered], others: Sequence[Piece[Value]]
) -> Iterator[tuple[Offered, Value]]:
    """Yield what both were, for each stretch in which both are known."""
    first = 0
    for piece in offered:
        while first < len(others) and others[first].until <= piece.since:
            first += 1
        index = first
        while index < len(others) and others[index].since < piece.until:
            since, until, value = others[index]
            start, end = max(since, piece.since), min(until, piece.until)
            yield Offered(start, end, piece.available, piece.price), value
            index += 1


def _shaped(piece: Offered, known: HostnodeFacts, shape: Shape) -> Offered:
    offer = Offer(
        hostnode=known.hostnode(HostnodeId("")),
        gpu=GpuModel(""),
        available=piece.available,
        price=piece.price,
    )
    if lacks(offer, shape) is not None:
        return piece._replace(available=0)
    return piece._replace(price=quote(offer, shape))
