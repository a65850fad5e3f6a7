"""The table of faults, and the one in the documentation."""

import re
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from monitor.simulator.answers import Answer
from monitor.simulator.catalogue import FAULTS
from monitor.simulator.faults import Call, Endpoint

DOCUMENT = Path(__file__).parents[3] / "docs" / "simulator.md"


def test_the_documentation_lists_every_fault_as_it_is() -> None:
    row = re.compile(r"^\| `([a-z0-9-]+)` \| ([a-z, ]+) \| (.+) \|$", re.MULTILINE)
    told = row.findall(DOCUMENT.read_text(encoding="utf-8"))
    there = [
        (fault.name, "any" if set(fault.on) == set(Endpoint) else ", ".join(fault.on), fault.does)
        for fault in FAULTS.values()
    ]
    assert told == there


def test_every_fault_does_something() -> None:
    assert all(fault.bend or fault.spoil for fault in FAULTS.values())
    assert all(fault.spoil for fault in FAULTS.values() if not fault.acts)


def test_any_two_faults_can_strike_one_call_in_either_order() -> None:
    """One may leave nothing for the other to change."""
    call = Call(now=datetime(2026, 3, 21, tzinfo=UTC), seconds=1, recent=0)
    for endpoint in Endpoint:
        spoils = [each.spoil for each in FAULTS.values() if each.spoil and endpoint in each.on]
        for one, other in product(spoils, spoils):
            for body in (b"", b'{"data": {}}'):
                assert isinstance(other(one(Answer(body=body), call), call), Answer)
