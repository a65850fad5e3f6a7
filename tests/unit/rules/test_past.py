"""The past, held against a plain one that looks at every microsecond of every poll it was fed."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.market.money import NanoDollars, nano
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Snapshot
from monitor.rules.against import Against, Yardstick, bound
from monitor.rules.past import Look, Needs, Past, best_prices
from monitor.rules.weights import Weights
from tests.unit.rules.market_strategies import NOON, an_offer

MINUTE = timedelta(minutes=1)
A, B = GpuModel("a"), GpuModel("b")
WINDOWS = (5 * MINUTE, 30 * MINUTE)
NEEDS = Needs(windows=frozenset(WINDOWS))

Told = tuple[float, float, list[tuple[NanoDollars, int]]]
Feed = tuple[datetime, dict[GpuModel, NanoDollars]]


@dataclass
class Plain:
    """All that was fed, summed up from the beginning whenever it is asked."""

    polls: list[Feed] = field(default_factory=list)

    def feed(self, at: datetime, best: dict[GpuModel, NanoDollars]) -> None:
        if not self.polls or at > self.polls[-1][0]:
            self.polls.append((at, best))

    def look(self, gpu: GpuModel, window: timedelta) -> Told:
        until = self.polls[-1][0]
        left, covered = until - window, timedelta(0)
        times: dict[NanoDollars, timedelta] = {}
        for (start, best), (end, _) in zip(self.polls, self.polls[1:], strict=False):
            known = end - start <= 3 * MINUTE
            lasted = max(end - max(start, left), timedelta(0)) if known else timedelta(0)
            covered += lasted
            if gpu in best and (lasted or (not known and start > left)):
                times[best[gpu]] = times.get(best[gpu], timedelta(0)) + lasted
        if gpu in self.polls[-1][1]:
            times.setdefault(self.polls[-1][1][gpu], timedelta(0))
        had = sum(times.values(), timedelta(0))
        weights = [(price, time // timedelta(microseconds=1)) for price, time in times.items()]
        return covered / window, had / covered if covered else 0.0, sorted(weights)


def told(past: Past, gpu: GpuModel, window: timedelta) -> Told:
    look = past.look(gpu, window)
    return look.covered, look.had, list(look.best)


def a_snapshot(at: datetime, best: dict[GpuModel, NanoDollars]) -> Snapshot:
    offers = tuple(replace(an_offer(gpu=gpu), price=price) for gpu, price in best.items())
    return Snapshot(marketplace="m", at=at, hostnodes=(), offers=offers)


prices = st.integers(1, 5).map(lambda tenths: nano(tenths / 10))
bests = st.dictionaries(st.sampled_from([A, B]), prices, max_size=2)
pauses = st.sampled_from([-60, 0, 1, 30, 60, 90, 180, 181, 900, 3600]).map(
    lambda seconds: timedelta(seconds=seconds)
)


@given(st.lists(st.tuples(pauses, bests), min_size=1, max_size=40))
def test_what_is_known_of_a_window_is_what_was_polled(
    feeds: list[tuple[timedelta, dict[GpuModel, NanoDollars]]],
) -> None:
    """With gaps, flapping models, clocks set back and windows that slide over all of it."""
    past, plain, at = Past(NEEDS), Plain(), NOON
    for pause, best in feeds:
        at += pause
        past.feed(a_snapshot(at, best), MINUTE)
        plain.feed(at, best)
        for gpu in (A, B):
            for window in WINDOWS:
                assert told(past, gpu, window) == plain.look(gpu, window)


def test_a_past_of_many_changes_keeps_only_what_a_window_reaches() -> None:
    past, plain = Past(NEEDS), Plain()
    for minute in range(2000):
        best = {A: nano(1 + minute % 7)}
        past.feed(a_snapshot(NOON + minute * MINUTE, best), MINUTE)
        plain.feed(NOON + minute * MINUTE, best)
    plain.polls = plain.polls[-100:]
    assert told(past, A, WINDOWS[1]) == plain.look(A, WINDOWS[1])
    assert len(past._tracks[A].stretches) < 600


def test_the_best_price_is_the_lowest_one_that_can_be_had() -> None:
    offers: list[Offer] = [
        an_offer(gpu="a", price=3),
        an_offer(gpu="a", price=2),
        an_offer(gpu="a", price=1, available=0),
        an_offer(gpu="a", price=None),
        an_offer(gpu="b", available=0),
    ]
    assert best_prices(offers) == {A: nano(2)}


def held(*prices: tuple[float, int], covered: float = 1) -> Look:
    """Return a look at prices in dollars, each with the microseconds for which it held."""
    best = Weights()
    for price, time in prices:
        best.add(nano(price), time, 1)
    return Look(covered=covered, had=1 if prices else 0, best=best)


TOLD = held((1, 20), (2, 40), (4, 40), covered=0.75)


def limit(yardstick: Yardstick, percent: float = 0, look: Look = TOLD) -> NanoDollars | None:
    condition = Against(yardstick=yardstick, window=30 * MINUTE, milli=round(percent * 1000))
    return bound(condition, look).limit


def test_each_condition_sets_the_limit_it_says() -> None:
    assert limit(Yardstick.MEDIAN) == nano(2) - 1
    assert limit(Yardstick.MEDIAN, 10) == nano(1.8)
    assert limit(Yardstick.PERCENTILE, 10) == nano(1) - 1
    assert limit(Yardstick.PERCENTILE, 20) == nano(2) - 1
    assert limit(Yardstick.PERCENTILE, 60) == nano(4) - 1
    assert limit(Yardstick.LOW) == nano(1)
    assert limit(Yardstick.HIGH, 25) == nano(3)


def test_a_price_that_never_moved_is_no_news() -> None:
    flat = held((2, 100))
    assert limit(Yardstick.LOW, 0, flat) is None
    for yardstick, percent in (
        (Yardstick.MEDIAN, 0),
        (Yardstick.PERCENTILE, 50),
        (Yardstick.HIGH, 1),
    ):
        found = limit(yardstick, percent, flat)
        assert found is not None
        assert found < nano(2)


def test_too_little_of_the_window_sets_no_limit_and_says_so() -> None:
    condition = Against(yardstick=Yardstick.LOW, window=timedelta(days=30), min_coverage=0.8)
    found = bound(condition, TOLD)
    assert found.limit is None
    assert found.why == "75 % of 30 d is known, wanted 80 %"


def test_a_model_that_was_never_to_be_had_has_no_price_to_compare_with() -> None:
    assert limit(Yardstick.LOW, look=held()) is None


def test_a_price_is_dearer_than_the_rest_for_a_share_of_the_time() -> None:
    assert [TOLD.dearer(nano(price)) for price in (0.5, 1, 1.5, 2, 4)] == [1.0, 0.8, 0.8, 0.4, 0.0]


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(0, 50)), min_size=1), st.data())
def test_weights_in_blocks_answer_as_a_plain_table_does(
    added: list[tuple[int, int]], data: st.DataObject
) -> None:
    weights, plain = Weights(largest=4), Counter[int]()
    for price, time in added * 3:
        weights.add(NanoDollars(price), time, 1)
        plain[price] += time
    for price, time in data.draw(st.permutations(added))[: len(added) // 2]:
        weights.add(NanoDollars(price), -time, -1)
        plain[price] -= time
    flat = [price for price in sorted(plain) for _ in range(plain[price])]
    assert dict(weights) == plain
    assert (weights.lowest, weights.highest, weights.total) == (min(plain), max(plain), len(flat))
    for place in range(0, len(flat), 1 + len(flat) // 7):
        assert weights.at(place) == flat[place]
        above = sum(price > flat[place] for price in flat)
        assert weights.above(NanoDollars(flat[place])) == above
