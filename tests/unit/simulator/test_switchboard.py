"""Which calls a fault strikes."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.simulator.faults import Endpoint
from monitor.simulator.switchboard import FaultError, Switchboard

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)


def _struck(
    board: Switchboard, endpoint: Endpoint, *, now: datetime = NOON, hostnode: str = ""
) -> list[str]:
    return [it.fault.name for it in board.strike(endpoint, now=now, hostnode=hostnode)]


def test_a_fault_strikes_the_calls_it_is_made_for() -> None:
    board = Switchboard()
    board.on("empty")
    assert _struck(board, Endpoint.HOSTNODES) == ["empty"]
    assert _struck(board, Endpoint.CREATE) == []


def test_a_fault_can_be_narrowed_to_one_call() -> None:
    board = Switchboard()
    board.on("throttled", endpoint="create")
    assert _struck(board, Endpoint.HOSTNODES) == []
    assert _struck(board, Endpoint.CREATE) == ["throttled"]


def test_a_fault_strikes_as_often_as_told() -> None:
    board = Switchboard()
    board.on("empty", times=2)
    struck = [_struck(board, Endpoint.HOSTNODES) for _ in range(3)]
    assert struck == [["empty"], ["empty"], []]
    assert board.active(NOON) == []


def test_a_fault_ends_when_told() -> None:
    board = Switchboard()
    board.on("empty", until=NOON + timedelta(seconds=10))
    assert _struck(board, Endpoint.HOSTNODES, now=NOON + timedelta(seconds=9)) == ["empty"]
    assert _struck(board, Endpoint.HOSTNODES, now=NOON + timedelta(seconds=10)) == []


def test_a_fault_strikes_a_share_of_the_calls_the_same_for_the_same_seed() -> None:
    runs = []
    for _ in range(2):
        board = Switchboard(seed=5)
        board.on("no-nodes", probability=0.7)
        runs.append([len(_struck(board, Endpoint.CREATE)) for _ in range(500)])
    assert runs[0] == runs[1]
    assert 300 < sum(runs[0]) < 400


def test_a_fault_can_be_kept_to_some_hostnodes() -> None:
    board = Switchboard()
    board.on("stale-host", hostnode="old-*")
    assert _struck(board, Endpoint.CREATE, hostnode="old-1") == ["stale-host"]
    assert _struck(board, Endpoint.CREATE, hostnode="new-1") == []
    assert _struck(board, Endpoint.CREATE) == []


def test_faults_are_switched_off_one_by_one_by_name_or_all() -> None:
    board = Switchboard()
    one = board.on("empty")
    board.on("empty")
    board.on("html")
    assert board.off(one) == 1
    assert board.off("empty") == 1
    assert [it.fault.name for it in board.active(NOON)] == ["html"]
    assert board.off() == 1


def test_a_name_that_is_misspelt_is_told_the_right_one() -> None:
    with pytest.raises(FaultError, match="did you mean 'throttled'"):
        Switchboard().on("throtled")


def test_a_fault_cannot_be_switched_on_where_it_makes_no_sense() -> None:
    with pytest.raises(FaultError, match="'empty' does not strike 'create', only: hostnodes"):
        Switchboard().on("empty", endpoint="create")
