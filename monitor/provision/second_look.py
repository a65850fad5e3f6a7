"""The hostnode read again right before the purchase: an order for it as it is now, or why not."""

from dataclasses import dataclass

from monitor.errors import MarketError, RefusedError, ThrottledError, UnsentError
from monitor.grab.candidates import second_look
from monitor.grab.grab import Candidate, Grab
from monitor.grab.policy import dearer
from monitor.grab.preset import order
from monitor.grab.reasons import Cause, Refusal
from monitor.grab.wish import Wish
from monitor.market.instance import Order
from monitor.market.money import NanoDollars
from monitor.provision.base import Market

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What can be ordered now, at `quoted` nano-dollars per hour; the order has no name yet."""

    order: Order
    quoted: NanoDollars


def look_again(market: Market, wish: Wish, at: Grab | Candidate) -> Seen | Refusal:
    """Read a hostnode again, and return the order for it, or why there is none."""
    if at.hostnode is None:
        return Refusal(cause=Cause.GONE, detail="it names no hostnode")
    try:
        detail = market.hostnode(at.hostnode)
    except MarketError as error:
        return Refusal(cause=_cause(error), detail=str(error))
    offer = next((each for each in detail.offers if each.gpu == at.gpu), None)
    if offer is None:
        return Refusal(cause=Cause.GONE, detail=f"the hostnode has no {at.gpu} any more")
    quoted = second_look(wish, offer)
    if isinstance(quoted, str):
        return Refusal(cause=Cause.GONE, detail=quoted)
    made = order(wish.preset, name="", hostnode=offer.hostnode, gpu=offer.gpu)
    if isinstance(made, str):
        return Refusal(cause=Cause.GONE, detail=made)
    return Seen(order=made, quoted=quoted)


def price(seen: Seen | Refusal, grab: Grab) -> NanoDollars | Refusal:
    """Return nano-dollars per hour of a grab as it was seen, unless that is more than decided."""
    return seen if isinstance(seen, Refusal) else dearer(grab, seen.quoted) or seen.quoted


def _cause(error: MarketError) -> Cause:
    """Return whether another hostnode may do: not if nothing reaches the marketplace at all.

    A page that does not come, or says 5xx, may be one hostnode's own trouble.
    """
    match error:
        case RefusedError(status=status) if status == _NOT_FOUND:
            return Cause.GONE
        case RefusedError():
            return Cause.ACCESS
        case ThrottledError():
            return Cause.THROTTLED
        case UnsentError():
            return Cause.UNREACHABLE
        case _:
            return Cause.UNREADABLE
