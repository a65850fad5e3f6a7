"""Sketches: exact while they are small, never off by more than is stated, however merged."""

from collections import Counter
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from monitor.history.sketch import EXACT_VALUES, RELATIVE_ERROR, Sketch
from monitor.history.varints import packed, unpacked

_values = st.integers(1, 10**15) | st.sampled_from([396_667_000, 2_200_000_000, 2_200_000_001])
_weights = st.dictionaries(_values, st.integers(1, 10**12), min_size=1, max_size=3 * EXACT_VALUES)
_few = st.dictionaries(_values, st.integers(1, 10**12), min_size=1, max_size=4)
_sketches = (_weights | _few).map(Sketch.of) | _weights.map(Sketch)


def plainly(weights: Counter[int], share: float) -> int:
    reached = 0
    for value in sorted(weights):
        reached += weights[value]
        if reached >= share * weights.total():
            return value
    return max(weights)


@given(_weights, st.lists(_few, max_size=9), st.floats(0, 1))
def test_a_quantile_is_off_by_no_more_than_the_stated_error(
    first: dict[int, int], more: list[dict[int, int]], share: float
) -> None:
    sketch = Sketch.merged([Sketch.of(first), *map(Sketch.of, more)])
    weights = Counter(first)
    for each in more:
        weights.update(each)
    expected = plainly(weights, share)
    if len(weights) <= EXACT_VALUES:
        assert sketch.quantile(share) == expected
    assert abs(sketch.quantile(share) - expected) <= RELATIVE_ERROR * expected


@given(_sketches, _sketches, _sketches)
def test_merging_is_associative_and_commutative(one: Sketch, two: Sketch, three: Sketch) -> None:
    merged = Sketch.merged((one, two, three))
    assert Sketch.merged((Sketch.merged((one, two)), three)) == merged
    assert Sketch.merged((one, Sketch.merged((three, two)))) == merged


@given(st.lists(_sketches, max_size=3))
def test_sketches_are_read_back_from_their_bytes_one_after_the_other(told: list[Sketch]) -> None:
    numbers = unpacked(packed(chain.from_iterable(each.numbers() for each in told)))
    assert [Sketch.read(numbers) for _ in told] == told
    assert list(numbers) == []


def test_round_prices_and_whole_hours_take_few_bytes() -> None:
    """Four offers at three prices in an hour, one of which changed after 47 minutes."""
    hour, minute = 3_600_000_000, 60_000_000
    weights = {890_000_000: 2 * hour, 1_790_000_000: hour + 47 * minute, 2_400_000_000: 13 * minute}
    assert len(packed(Sketch(weights).numbers())) < 20


def test_many_values_take_little_room() -> None:
    """A year of a price that wanders between 1 $ and 4 $."""
    weights = {10**9 + 3_000_001 * step: 60_000_000 for step in range(1000)}
    sketch = Sketch.of(weights)
    assert len(sketch.weights) < 80
    assert len(packed(sketch.numbers())) < 1000


def test_the_share_above_a_price_is_weighted() -> None:
    assert Sketch({1: 30, 2: 50, 3: 20}).share_above(1) == 0.7
    assert Sketch({1: 30, 2: 50, 3: 20}).share_below(3) == 0.8


@given(_weights, st.data())
def test_what_is_as_dear_as_a_price_is_neither_above_nor_below_it_though_rounded(
    weights: dict[int, int], data: st.DataObject
) -> None:
    price = data.draw(st.sampled_from(sorted(weights)))
    sketch, exact = Sketch.of(weights, rounded=True), Sketch(weights)
    assert sketch.share_above(price) <= exact.share_above(price)
    assert sketch.share_below(price) <= exact.share_below(price)
    same = 1 - sketch.share_above(price) - sketch.share_below(price)
    assert same >= weights[price] / sum(weights.values()) - 1e-9
