"""Recordings played over time."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.market.snapshot import Outcome
from monitor.marketplaces.replay import BadLine, RecordedError, RecordedHostnodes, ReplayLine
from monitor.simulator.faults import Endpoint
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.playback import Playback
from monitor.simulator.switchboard import Switchboard

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
STEP = timedelta(seconds=60)


class _Played:
    def __init__(self, *lines: ReplayLine) -> None:
        self.market = SimulatedMarket()
        self.faults = Switchboard()
        self._playback = Playback(self.market, self.faults, iter(lines), step=STEP)

    def at(self, seconds: float) -> str:
        """Return what the list shows so many seconds after the start: ids, or a fault."""
        self._playback.catch_up(timedelta(seconds=seconds), NOON)
        struck = self.faults.strike(Endpoint.HOSTNODES, now=NOON)
        return struck[0].fault.name if struck else self._ids()

    def _ids(self) -> str:
        return "".join(row.id for row in self.market.hostnodes())


def _shown(hostnode_id: str) -> RecordedHostnodes:
    row = f'[{{"id":"{hostnode_id}","available_resources":{{"gpus":[]}}}}]'
    return RecordedHostnodes(line=1, at=NOON, hostnodes=row.encode())


def test_each_line_is_shown_for_a_step_and_the_last_for_good() -> None:
    played = _Played(_shown("a"), _shown("b"))
    assert [played.at(seconds) for seconds in (0, 59, 60, 120, 9999)] == ["a", "a", "b", "b", "b"]


def test_lines_nobody_looked_at_are_passed_over() -> None:
    assert _Played(_shown("a"), _shown("b"), _shown("c")).at(120) == "c"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (Outcome.UNREACHABLE, "reset"),
        (Outcome.REFUSED, "forbidden"),
        (Outcome.THROTTLED, "throttled"),
        (Outcome.MALFORMED, "html"),
        (Outcome.EMPTY, "empty"),
    ],
)
def test_a_recorded_error_is_played_as_its_fault_until_the_next_line(
    error: Outcome, fault: str
) -> None:
    failed = RecordedError(line=2, at=NOON, error=error)
    played = _Played(_shown("a"), failed, _shown("b"))
    assert [played.at(seconds) for seconds in (0, 60, 120)] == ["a", fault, "b"]


def test_a_bad_line_changes_nothing() -> None:
    played = _Played(_shown("a"), BadLine(line=2, reason="x"))
    assert [played.at(seconds) for seconds in (0, 60)] == ["a", "a"]
