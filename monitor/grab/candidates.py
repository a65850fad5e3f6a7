"""Which offers a preset can be bought on, best first, and why the others cannot."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from monitor.grab.grab import Candidate
from monitor.grab.wish import Wish
from monitor.market.hostnode import HostnodeId
from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
from monitor.market.quote import lacks, quote
from monitor.rules.against import Against
from monitor.rules.conditions import lack


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What can be bought, best first; `left_out` counts the others by what is wrong with them."""

    best: tuple[Candidate, ...]
    left_out: Counter[str]


def candidates(wish: Wish, offers: Iterable[Offer], cooling: Collection[HostnodeId]) -> Candidates:
    """Return where `wish` can be bought: cheapest in total, then longest up, then highest tier."""
    found: list[tuple[Offer, NanoDollars]] = []
    left_out: Counter[str] = Counter()
    for offer in offers:
        checked = price(wish, offer)
        if isinstance(checked, str):
            left_out[checked] += 1
        elif offer.hostnode.id in cooling:
            left_out["cooling down"] += 1
        else:
            found.append((offer, checked))
    found.sort(key=_rank)
    best = tuple(
        Candidate(hostnode=offer.hostnode.id, gpu=offer.gpu, quoted=total) for offer, total in found
    )
    return Candidates(best=best, left_out=left_out)


def price(wish: Wish, offer: Offer) -> NanoDollars | str:
    """Return nano-dollars per hour of the preset on an offer, or in two words why not.

    The rule's own conditions, of the price per GPU too, hold for `offers` already.
    """
    shape = wish.preset.shape
    if lacks(offer, shape) is not None:
        return "too small"
    total = quote(offer, shape)
    if not total:
        return "not priced"
    if wish.max_total_per_hour is not None and total > wish.max_total_per_hour:
        return "too dear"
    return total


def second_look(wish: Wish, offer: Offer) -> NanoDollars | str:
    """Return nano-dollars per hour of the preset on an offer as it is now, or what it lacks.

    Against history it was low enough at the price at which it was decided, and `recheck` lets it
    be no dearer.
    """
    now = (each for each in wish.conditions if not isinstance(each, Against))
    lacking = (lack(condition, offer) for condition in now)
    missing = next((what for what in lacking if what is not None), None)
    return missing or lacks(offer, wish.preset.shape) or price(wish, offer)


def _rank(found: tuple[Offer, NanoDollars]) -> tuple[int, float, int, str]:
    offer, total = found
    uptime, tier = offer.hostnode.uptime, offer.hostnode.location.tier
    return total, -(uptime or 0), -(tier or 0), offer.hostnode.id
