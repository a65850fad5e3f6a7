"""Why a rule is met or not by what a marketplace offers now: "why did nothing come?"."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Snapshot
from monitor.market.value import value
from monitor.rules.against import Against, Bound, bound
from monitor.rules.alert import Alert, AlertState, Labels
from monitor.rules.conditions import Attribute, Condition, OneOf, lack, told
from monitor.rules.index import OfferIndex
from monitor.rules.match import Match, matches
from monitor.rules.past import Look, Past, best_prices
from monitor.rules.rule import Rule

MISSES = 5
"""How many offers that nearly meet a rule are told."""
MODELS = 6
"""Of how many GPU models history is told."""


@value
class Stage:
    """One condition in words, and how many offers met it and all before it."""

    condition: str
    left: int


@value
class Miss:
    """An offer that nearly meets the rule, and all that it lacks."""

    offer: Offer
    lacks: tuple[str, ...]


@value
class Measured:
    """A condition against history for one model: what is known, the limit, the best price now."""

    gpu: GpuModel
    condition: Against
    look: Look
    bound: Bound
    best: NanoDollars | None


@value
class Explanation:
    """What a snapshot comes to for a rule.

    `offers` is how many there are. `matches` are what the rule sees: for a rule about the gone,
    what is there and hence is not gone.
    """

    offers: int
    stages: tuple[Stage, ...]
    misses: tuple[Miss, ...]
    measured: tuple[Measured, ...]
    matches: Mapping[Labels, Match]


def explain(rule: Rule, snapshot: Snapshot, past: Past) -> Explanation:
    """Return why `rule` is met or not by `snapshot`; `past` is that of its marketplace until then.

    The nearest misses are of the GPU models that the rule names, and lack the fewest things;
    among these the cheapest come first.
    """
    lacking = {
        place: [lack(condition, offer, past) for condition in rule.conditions]
        for place, offer in enumerate(snapshot.offers)
    }
    return Explanation(
        offers=len(snapshot.offers),
        stages=tuple(_stages(rule.conditions, lacking.values())),
        misses=tuple(_misses(rule.conditions, snapshot.offers, lacking.values())),
        measured=tuple(_measured(rule, snapshot, past)),
        matches=matches(rule, snapshot.marketplace, OfferIndex(snapshot.offers, past)),
    )


def due_at(rule: Rule, alert: Alert) -> datetime | None:
    """Return when an alert fires, or is resolved, if polls go on as they are; or `None`.

    It does at the first good poll from then on. Time without a good poll is added to it.
    """
    if alert.state is AlertState.PENDING:
        return alert.pending_since + rule.hold_for
    if alert.state is AlertState.FIRING and alert.keep_firing_since is not None:
        return alert.keep_firing_since + rule.keep_firing_for
    return None


def _stages(
    conditions: Iterable[Condition], lacking: Iterable[list[str | None]]
) -> Iterator[Stage]:
    left = list(lacking)
    for place, condition in enumerate(conditions):
        left = [lacks for lacks in left if lacks[place] is None]
        yield Stage(condition=told(condition), left=len(left))


def _misses(
    conditions: tuple[Condition, ...],
    offers: tuple[Offer, ...],
    lacking: Iterable[list[str | None]],
) -> list[Miss]:
    named = [place for place, each in enumerate(conditions) if _names_a_model(each)]
    found = [
        Miss(offer=offer, lacks=tuple(dict.fromkeys(what for what in lacks if what is not None)))
        for offer, lacks in zip(offers, lacking, strict=True)
        if any(lacks) and not any(lacks[place] for place in named)
    ]
    return sorted(found, key=_distance)[:MISSES]


def _distance(miss: Miss) -> tuple[int, bool, int]:
    price = miss.offer.price
    return len(miss.lacks), price is None, price or 0


def _names_a_model(condition: Condition) -> bool:
    return isinstance(condition, OneOf) and condition.attribute is Attribute.GPU


def _measured(rule: Rule, snapshot: Snapshot, past: Past) -> Iterator[Measured]:
    wanted = [each for each in rule.conditions if isinstance(each, OneOf) and _names_a_model(each)]
    best = best_prices(snapshot.offers)
    models = sorted({offer.gpu for offer in snapshot.offers})
    named = [gpu for gpu in models if all(each.accepts(gpu) for each in wanted)]
    for gpu in named[:MODELS]:
        for condition in rule.conditions:
            if isinstance(condition, Against):
                look = past.look(gpu, condition.window)
                yield Measured(
                    gpu=gpu,
                    condition=condition,
                    look=look,
                    bound=bound(condition, look),
                    best=best.get(gpu),
                )
