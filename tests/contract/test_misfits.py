"""Which part of a selection is to blame, on both databases."""

import pytest

from monitor.history.selection import Selection
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from monitor.store.misfits import misfit
from tests.contract.cycles import a_plan, cycle
from tests.contract.samples import a_poll, at, selling


@pytest.mark.parametrize(
    ("selection", "part"),
    [
        (Selection(), None),
        (Selection(gpu="GPU-*", hostnode="*"), None),
        (Selection(marketplace="nope"), "marketplace"),
        (Selection(gpu="a100"), "gpu"),
        (Selection(location="nope"), "location"),
        (Selection(hostnode="nope"), "hostnode"),
    ],
)
def test_the_part_that_nothing_fits_is_found(
    database: Database, selection: Selection, part: str | None
) -> None:
    with database.read() as connection:
        assert misfit(connection, selection) is None  # nothing was polled yet
    cycle(Ledgers(database), a_poll(selling(at(0), 3)), a_plan())
    with database.read() as connection:
        found = misfit(connection, selection)
    assert (None if found is None else found.part) == part
