"""The table of faults, and the one in the documentation."""

import re
from pathlib import Path

from monitor.simulator.catalogue import FAULTS
from monitor.simulator.faults import Endpoint

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
