"""What `stats` says, from the intervals."""

from datetime import timedelta

import pytest

from monitor.cli.stats import verdict
from monitor.history.selection import Model, Selection
from monitor.history.summary import Source
from monitor.history.window import DAY, Window
from monitor.market.hostnode import HostnodeId, Location, LocationId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.market.quote import Shape
from monitor.store.answers import Answer, answers
from monitor.store.engine import Database
from monitor.store.observations import Observations
from monitor.store.offered import offered
from tests.contract.rolling import expire, roll_up
from tests.contract.samples import NOON, a_hostnode, a_snapshot, an_offer, at, record, selling

HOUR = Window(NOON, at(60))


def answer(database: Database, window: Window = HOUR) -> Answer:
    with database.read() as connection:
        (found,) = answers(connection, Selection(gpu="gpu-0"), window)
    return found


def test_the_present_price_is_that_of_the_last_look(database: Database) -> None:
    """Also of what changed at that very look, and has not lasted yet."""
    known = Observations()
    for minute, price in enumerate([5, 4, 3]):
        record(database, selling(at(minute), price), known)
    found = answer(database)
    assert (found.price, found.seen_at) == (3_000_000_000, at(2))
    assert found.past.best is not None
    assert found.past.best.low == 4_000_000_000


def test_the_low_may_be_older_than_the_window(database: Database) -> None:
    record(database, selling(at(-120), 1))
    record(database, selling(at(-119), 5))
    record(database, selling(NOON, 5))
    record(database, selling(at(1), 5))
    found = answer(database)
    assert found.lowest == (1_000_000_000, at(-120))


@pytest.mark.parametrize("gpus", [1, 2])
def test_the_low_of_a_place_is_that_of_what_was_there_however_cheap_it_was_elsewhere(
    database: Database, gpus: int
) -> None:
    """Also of a whole shape, of which each hostnode told its own prices."""
    here, there = (
        a_hostnode(f"hn-{name}", location=Location(id=LocationId(name), country=name))
        for name in ("Norway", "Sweden")
    )
    known = Observations()
    for minute, (mine, other) in enumerate([(3, 1), (2, 1), (2, 1), (4, 1), (4, 4)]):
        offers = [
            an_offer(here, "gpu-0", available=2, price=mine),
            an_offer(there, "gpu-0", available=2, price=other),
        ]
        record(database, a_snapshot(at(minute), [here, there], offers), known)
    asked = Selection(gpu="gpu-0", country="norway", shape=Shape(gpu_count=gpus))
    with database.read() as connection:
        (found,) = answers(connection, asked, Window(at(3), at(9)))
    assert found.past.best is not None
    assert found.past.best.low == gpus * 4_000_000_000
    assert found.lowest == (gpus * 2_000_000_000, at(1))


def test_of_what_was_dearer_than_in_the_window_nothing_is_read_for_the_low(
    database: Database,
) -> None:
    known = Observations()
    for minute, price in enumerate([5, 3, 1, 4, 2, 2]):
        record(database, selling(at(minute), price), known)
    model = Model("tensordock", GpuModel("gpu-0"))
    with database.read() as connection:
        found = offered(
            connection,
            Selection(hostnode="hn-*"),
            Window(NOON, at(9)),
            up_to={model: NanoDollars(2_000_000_000)},
        )
    assert [(each.since, each.until) for each in found[model][HostnodeId("hn-1")]] == [
        (at(2), at(3)),
        (at(4), at(5)),
    ]


def test_without_a_poll_in_the_window_nothing_is_said(database: Database) -> None:
    record(database, selling(NOON, 2))
    found = answer(database, Window(at(10), at(20)))
    assert (found.price, found.seen_at, found.covered) == (None, None, [])


def test_of_time_whose_intervals_are_deleted_no_price_is_told_and_nothing_said_to_be_gone(
    database: Database,
) -> None:
    """It could be had all the time, which its hours still tell."""
    known = Observations()
    hour = timedelta(hours=1)
    for index in range(24 * 5):
        record(database, selling(NOON + index * hour, 2), known, hour)
    roll_up(database)
    expire(database, "tensordock", NOON + 4 * DAY)
    found = answer(database, Window(NOON, NOON + 2 * DAY))
    assert (found.price, found.seen_at, found.covered) == (None, None, [])
    assert found.past.availability == 1
    assert verdict(found, 2 * DAY).sentence == (
        "what gpu-0 cost then is not kept, only what hours and days came to, "
        "historical low 2.00 on 21 March"
    )


def test_sessions_per_hostnode_per_location_and_anywhere(database: Database) -> None:
    """Two hostnodes at one location take turns; for the model that is one session."""
    known = Observations()
    place = Location(id=LocationId("loc-1"))
    one, other = a_hostnode("hn-1", location=place), a_hostnode("hn-2", location=place)
    for minute, selling_now in enumerate([(), (one,), (one,), (other,), (), ()]):
        offers = [an_offer(each, "gpu-0") for each in selling_now]
        record(database, a_snapshot(at(minute), [one, other], offers), known)
    found = answer(database)
    assert [sorted(each) for each in (found.hostnodes)] == [
        [(at(1), at(3), True, True)],
        [(at(3), at(4), True, True)],
    ]
    assert found.locations == [[(at(1), at(4), True, True)]]


def test_what_is_unpriced_or_rented_cannot_be_had(database: Database) -> None:
    node = a_hostnode()
    known = Observations()
    for minute, (free, price) in enumerate([(1, None), (0, 2), (1, 2), (1, 2)]):
        offer = an_offer(node, "gpu-0", available=free, price=price)
        record(database, a_snapshot(at(minute), [node], [offer]), known)
    assert answer(database).had == [Window(at(2), at(3))]


def test_a_long_past_of_one_place_is_read_in_parts_and_told_as_one(database: Database) -> None:
    """What lasts over the edges of the parts is one session, and each price has all its time."""
    known = Observations()
    half, days = DAY / 2, 100
    for index in range(2 * days + 1):
        prices = (2 + index % 5, 9) if index != 40 else (None, 9)
        record(database, selling(NOON + index * half, *prices), known, half)
    whole = Window(NOON, NOON + days * DAY)
    with database.read() as connection:
        found, other = answers(connection, Selection(country="Österreich"), whole)
    assert found.past.best is not None
    assert found.past.sources == {Source.RAW}
    assert found.past.covered == days * DAY
    assert found.past.available == (days - 0.5) * DAY
    assert found.past.best.sketch.weights == {
        price * 1_000_000_000: (40 - (price == 2)) * half // timedelta.resolution
        for price in range(2, 7)
    }
    for sold, sessions in ((found, 2), (other, 1)):
        (on_hostnode,), (there,) = sold.hostnodes, sold.locations
        assert len(on_hostnode) == len(there) == sessions
