"""What is told about the past is what was polled, weighted by time, and nothing else."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.history.selection import Model, Selection
from monitor.history.summary import Prices, Source, Summary
from monitor.history.window import HOUR, Window, steps
from monitor.market.hostnode import Hostnode, Location, LocationId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.quote import Shape, lacks, quote
from monitor.market.snapshot import Snapshot
from monitor.marketplaces.replay import RecordedHostnodes, open_replay
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.store import statistics
from monitor.store.engine import Database
from monitor.store.observations import Observations
from tests.contract import naive
from tests.contract.samples import (
    MINUTE,
    NOON,
    a_hostnode,
    a_snapshot,
    an_offer,
    at,
    fail,
    looks,
    record,
    selling,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "replay"
GPU = GpuModel("gpu-0")
DOLLAR = 1_000_000_000
Look = tuple[tuple[Hostnode, ...], tuple[Offer, ...]]


def summary(
    database: Database, since: datetime, until: datetime, selection: Selection | None = None
) -> Summary:
    """Return the summary of the only GPU model."""
    asked = selection or Selection()
    with database.read() as connection:
        found = statistics.summaries(connection, asked, Window(since, until))
    ((only,),) = found.values()
    return only


def record_all(database: Database, *seen: Snapshot) -> None:
    known = Observations()
    for each in seen:
        record(database, each, known)


def test_prices_are_weighted_by_time_and_not_by_polls(database: Database) -> None:
    record_all(database, selling(at(0), 4), selling(at(1), 2), selling(at(4), 3), selling(at(5), 3))
    best = summary(database, at(0), at(5)).best
    assert best is not None
    assert (best.low, best.median, best.high) == (2 * DOLLAR, 2 * DOLLAR, 4 * DOLLAR)
    assert best.mean == (4 + 2 * 3 + 3) * DOLLAR / 5
    assert best.quantile(0.61) == 3 * DOLLAR
    assert best.share_above(NanoDollars(2 * DOLLAR)) == 0.4


def test_the_low_is_told_with_its_first_instant(database: Database) -> None:
    record_all(database, *(selling(at(m), p) for m, p in enumerate([3, 2, 3, 2, 2])))
    best = summary(database, at(0), at(4)).best
    assert best is not None
    assert (best.low, best.low_at) == (2 * DOLLAR, at(1))


def test_what_was_not_polled_counts_for_nothing(database: Database) -> None:
    record_all(
        database, selling(at(0), 2), selling(at(1), 2), selling(at(9), 4), selling(at(10), 4)
    )
    found = summary(database, at(0), at(10))
    assert found.covered == 2 * MINUTE
    assert found.coverage == 0.2
    assert found.availability == 1
    assert found.best is not None
    assert found.best.mean == 3 * DOLLAR


def test_time_in_which_it_could_not_be_had_is_told_apart(database: Database) -> None:
    node = a_hostnode()
    taken = a_snapshot(at(1), [node], [an_offer(node, GPU, available=0)])
    record_all(database, selling(at(0), 2), taken, selling(at(2), None), selling(at(3)))
    record_all(database, selling(at(4), 2))
    found = summary(database, at(0), at(4))
    assert found.coverage == 1
    assert found.availability == 0.25
    assert found.gpus_free == 0.5  # unpriced ones are free too
    assert found.hostnodes_offering == 0.5


def test_nothing_is_said_where_nothing_is_known(database: Database) -> None:
    record_all(database, selling(at(0), 2), selling(at(1), 2))
    found = summary(database, at(5), at(9))
    assert (found.coverage, found.availability, found.gpus_free) == (0, None, None)
    assert (found.best, found.offers, found.sources) == (None, None, frozenset())


def test_an_offer_that_begins_within_the_window_counts_from_there(database: Database) -> None:
    record_all(database, selling(at(0)), selling(at(2), 3), selling(at(3), 3))
    found = summary(database, at(1), at(3))
    assert found.available == MINUTE
    assert found.coverage == 1


def test_a_look_that_stands_alone_weighs_nothing(database: Database) -> None:
    record_all(database, selling(at(0), 2), selling(at(20), 3))
    assert summary(database, at(-5), at(30)).best is None


def test_the_best_price_is_the_lowest_that_could_be_had(database: Database) -> None:
    dear, cheap = a_hostnode("hn-1"), a_hostnode("hn-2")
    offers = [an_offer(dear, GPU, price=3), an_offer(cheap, GPU, price=2)]
    gone = [offers[0], an_offer(cheap, GPU, available=0, price=1)]
    record_all(
        database,
        a_snapshot(at(0), [dear, cheap], offers),
        a_snapshot(at(1), [dear, cheap], gone),
        a_snapshot(at(2), [dear, cheap], gone),
    )
    best = summary(database, at(0.5), at(2)).best
    assert best is not None
    half = MINUTE // timedelta(microseconds=2)
    assert best.sketch.weights == {2 * DOLLAR: half, 3 * DOLLAR: 2 * half}


def test_steps_begin_at_whole_multiples(database: Database) -> None:
    record_all(database, *(selling(at(minute), minute or 1) for minute in range(8)))
    with database.read() as connection:
        found = statistics.summaries(connection, Selection(), Window(at(1), at(7)), step=5 * MINUTE)
    (only,) = found.values()
    assert [each.window for each in only] == [Window(at(1), at(5)), Window(at(5), at(7))]
    assert [each.best and each.best.low for each in only] == [1 * DOLLAR, 5 * DOLLAR]


@pytest.mark.parametrize(
    ("selection", "low"),
    [
        (Selection(country="poland"), 3),
        (Selection(country="*land*"), 2),
        (Selection(location="WARSZ*"), 3),
        (Selection(location="loc-2"), 2),
        (Selection(min_tier=3), 3),
        (Selection(max_tier=2), 2),
        (Selection(hostnode="HN-1"), 3),
        (Selection(hostnode="hn-*", marketplace="tensordock"), 2),
    ],
)
def test_a_selection_narrows_the_market(database: Database, selection: Selection, low: int) -> None:
    poland = Location(id=LocationId("loc-1"), city="Warszawa", country="Poland", tier=3)
    iceland = Location(id=LocationId("loc-2"), city="Reykjavík", country="Iceland", tier=2)
    nodes = [a_hostnode("hn-1", location=poland), a_hostnode("hn-2", location=iceland)]
    offers = [an_offer(node, GPU, price=price) for node, price in zip(nodes, (3, 2), strict=True)]
    record_all(database, *(a_snapshot(at(minute), nodes, offers) for minute in range(3)))
    best = summary(database, at(0), at(2), selection).best
    assert best is not None
    assert best.low == low * DOLLAR


@pytest.mark.parametrize(
    "selection", [Selection(gpu="h100"), Selection(gpu="pu-0"), Selection(marketplace="other")]
)
def test_what_was_never_sold_is_not_in_the_answer(database: Database, selection: Selection) -> None:
    record_all(database, selling(at(0), 2), selling(at(1), 2))
    with database.read() as connection:
        assert statistics.summaries(connection, selection, Window(at(0), at(1))) == {}


def test_a_hostnode_that_moves_counts_where_it_stood(database: Database) -> None:
    def standing(minute: int, country: str) -> Snapshot:
        node = a_hostnode(location=Location(country=country))
        return a_snapshot(at(minute), [node], [an_offer(node, GPU)])

    record_all(database, standing(0, "Poland"), standing(1, "Latvia"), standing(3, "Latvia"))
    assert summary(database, at(0), at(3), Selection(country="Poland")).available == MINUTE
    assert summary(database, at(0), at(3), Selection(country="Latvia")).available == 2 * MINUTE


def test_an_offer_that_came_within_the_window_counts(database: Database) -> None:
    record_all(
        database, a_snapshot(at(0), [a_hostnode()], []), selling(at(1), 2), selling(at(3), 2)
    )
    assert summary(database, at(0), at(3)).available == 2 * MINUTE


NAMES = (f"marketplace {number}" for number in count())
STEPS = st.lists(st.tuples(st.integers(-2, 240), st.booleans(), st.none() | looks()), max_size=8)
_seconds = timedelta(seconds=1)


def recorded(
    database: Database,
    name: str,
    steps: list[tuple[int, bool, Look | None]],
    *,
    unit: timedelta = _seconds,
    interval: timedelta = MINUTE,
) -> list[Snapshot]:
    """Record polls, failures and restarts, each some seconds after the one before.

    Returns:
        The good polls that history took.
    """
    known = Observations()
    good: list[Snapshot] = []
    now = NOON
    for seconds, restarts, look in steps:
        now += seconds * unit
        known = Observations() if restarts else known
        if look is None:
            fail(database, now, name)
            continue
        seen = replace(a_snapshot(now, *look), marketplace=name)
        record(database, seen, known, interval)
        if not good or now > good[-1].at:
            good.append(seen)
    return good


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has its own name
)
@given(
    steps_=STEPS,
    since=st.integers(-100, 200),
    length=st.integers(100, 900),
    step=st.none() | st.integers(7, 300),
)
def test_statistics_are_what_the_polls_come_to(
    database: Database,
    steps_: list[tuple[int, bool, Look | None]],
    since: int,
    length: int,
    step: int | None,
) -> None:
    """For any polls, failures and restarts, any window and any step."""
    name = next(NAMES)
    good = recorded(database, name, steps_)
    window = Window(NOON + since * _seconds, NOON + (since + length) * _seconds)
    width = None if step is None else step * _seconds
    with database.read() as connection:
        found = statistics.summaries(connection, Selection(marketplace=name), window, step=width)
    assert found.keys() == {Model(name, o.gpu) for seen in good for o in seen.offers}
    for model, each in found.items():
        assert [one.window for one in each] == list(steps(window, width))
        for one in each:
            agrees(one, naive.past(good, one.window, model.gpu))


_SHAPE = Shape(gpu_count=2, ram_gb=3)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has its own name
)
@given(
    steps_=STEPS,
    tier=st.integers(0, 4),
)
def test_places_and_shapes_are_what_the_polls_come_to(
    database: Database, steps_: list[tuple[int, bool, Look | None]], tier: int
) -> None:
    """Hostnodes move, change their prices and their room while their offers stay the same."""
    name = next(NAMES)
    good = recorded(
        database,
        name,
        [(seconds, restarts, look and _roomy(look)) for seconds, restarts, look in steps_],
    )
    window = Window(NOON, NOON + 20 * MINUTE)
    asked = Selection(marketplace=name, min_tier=tier, shape=_SHAPE)
    with database.read() as connection:
        found = statistics.summaries(connection, asked, window)
    for model, (one,) in found.items():
        expected = naive.past(
            good,
            window,
            model.gpu,
            selects=lambda o: _at_least(o, tier) and not lacks(o, _SHAPE),
            price=lambda o: quote(o, _SHAPE),
        )
        agrees(one, expected)


def agrees(
    found: Summary, expected: naive.Past, sources: frozenset[Source] = frozenset({Source.RAW})
) -> None:
    assert found.covered == expected.covered
    assert found.gpu_time == expected.gpu_time
    assert found.hostnode_time == expected.hostnode_time
    assert found.sources == (sources if expected.covered else set())
    _agree(found.best, expected.best)
    _agree(found.offers, expected.offers)


def _agree(found: Prices | None, expected: Counter[int]) -> None:
    if found is None:
        assert not expected
        return
    assert (found.low, found.high) == (min(expected), max(expected))
    assert found.mean == pytest.approx(naive.mean(expected), abs=1)
    assert found.time == expected.total() * timedelta(microseconds=1)
    for share in (0, 0.1, 0.5, 0.9, 1):
        assert found.quantile(share) == naive.quantile(expected, share)


def _at_least(offer: Offer, tier: int) -> bool:
    told = offer.hostnode.location.tier
    return told is not None and told >= tier


def _roomy(look: Look) -> Look:
    """Give hostnodes room, so that a shape fits now and then."""
    nodes = {
        node.id: replace(node, resources=replace(node.resources, ram_gb=node.location.tier))
        for node in look[0]
    }
    return tuple(nodes.values()), tuple(
        replace(offer, hostnode=nodes[offer.hostnode.id]) for offer in look[1]
    )


@pytest.mark.parametrize(
    ("file", "interval"),
    [
        ("tensordock-2026-03.jsonl.gz", 24 * HOUR),
        pytest.param("h100-pcie-2025-10.jsonl.gz", HOUR / 2, marks=pytest.mark.slow),
    ],
)
def test_of_recorded_markets_too(database: Database, file: str, interval: timedelta) -> None:
    """Six decimals, parts without prices, rows that flap, gaps of hours, names not in ASCII."""
    with open_replay(FIXTURES / file) as lines:
        good = [
            decode_hostnodes(line.body, marketplace="tensordock", at=line.at)
            for line in lines
            if isinstance(line, RecordedHostnodes)
        ]
    known = Observations()
    for seen in good:
        record(database, seen, known, interval)
    for window in (
        Window(good[0].at, good[-1].at),
        Window(good[0].at + 7 * HOUR, good[0].at + 33 * HOUR),
    ):
        with database.read() as connection:
            found = statistics.summaries(connection, Selection(), window)
        assert len(found) in {1, 16}
        for model, (one,) in found.items():
            agrees(one, naive.past(good, window, model.gpu, bridged=3 * interval))
