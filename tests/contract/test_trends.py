"""How single offers went: only those that are asked for, at a cost that does not grow with them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine

from monitor.history.selection import Selection
from monitor.history.window import DAY, Window
from monitor.market.hostnode import HostnodeId
from monitor.store.engine import Database
from monitor.store.observations import Observations
from monitor.store.trends import OfferName, trends
from tests.contract.samples import NOON, a_hostnode, a_snapshot, an_offer, at, record

NAMES = [HostnodeId(f"hn-{number}") for number in range(9)]


def ask(database: Database, among: list[HostnodeId]) -> dict[OfferName, list[int]]:
    with database.read() as connection:
        found = trends(connection, Selection(), Window(NOON, at(10)), DAY, among=among)
    return {name: [each.best.low for each in steps if each.best] for name, steps in found.items()}


@contextmanager
def counting() -> Iterator[list[str]]:
    """Gather the statements that are sent while the block lasts."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        del connection, cursor, rest
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


def fill(database: Database) -> None:
    known = Observations()
    nodes = [a_hostnode(name) for name in NAMES]
    for minute in range(3):
        offers = [an_offer(node, "gpu-0", price=number) for number, node in enumerate(nodes, 1)]
        record(database, a_snapshot(at(minute), nodes, offers), known)


def test_of_each_offer_on_those_hostnodes_its_own_price_is_told(database: Database) -> None:
    fill(database)
    assert ask(database, NAMES[1:3]) == {
        ("tensordock", "hn-1", "gpu-0"): [2_000_000_000],
        ("tensordock", "hn-2", "gpu-0"): [3_000_000_000],
    }


def test_many_offers_take_no_more_statements_than_one(database: Database) -> None:
    fill(database)
    with counting() as one:
        ask(database, NAMES[:1])
    with counting() as many:
        ask(database, NAMES)
    assert len(many) == len(one)
