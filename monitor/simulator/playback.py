"""A recording played over time: each line is the market, or its failure, for one step."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from monitor.market.snapshot import Outcome
from monitor.marketplaces.replay import (
    BadLine,
    RecordedError,
    RecordedHostnodes,
    ReplayLine,
)
from monitor.simulator.faults import Endpoint
from monitor.simulator.market import Machine, SimulatedMarket
from monitor.simulator.rows import HostnodeRow
from monitor.simulator.switchboard import Switchboard, Switched

_FAULT = {
    Outcome.EMPTY: "empty",
    Outcome.MALFORMED: "html",
    Outcome.UNREACHABLE: "reset",
    Outcome.REFUSED: "forbidden",
    Outcome.THROTTLED: "throttled",
}
"""How a recorded outcome is played."""

_decoder = msgspec.json.Decoder(HostnodeRow)


class Playback:
    """Plays recorded polls one after another and stays at the last.

    A recorded error is played as a fault of the list of hostnodes; a bad line changes nothing.
    """

    def __init__(
        self,
        market: SimulatedMarket,
        faults: Switchboard,
        lines: Iterator[ReplayLine],
        *,
        step: timedelta,
    ) -> None:
        self._market = market
        self._faults = faults
        self._lines = lines
        self._step = step
        self._played = 0
        self._failure: Switched | None = None

    def catch_up(self, elapsed: timedelta, now: datetime) -> None:
        """Play the line that is due; the first is due at once."""
        del now
        line: ReplayLine | None = None
        while self._played <= elapsed // self._step:
            line = next(self._lines, line)
            self._played += 1
        if line is not None:
            self._play(line)

    def _play(self, line: ReplayLine) -> None:
        match line:
            case RecordedHostnodes():
                self._recover()
                self._market.replace(machines(line.hostnodes))
            case RecordedError():
                self._recover()
                self._failure = self._faults.on(_FAULT[line.error], endpoint=Endpoint.HOSTNODES)
            case BadLine():
                pass
            case _:
                assert_never(line)

    def _recover(self) -> None:
        if self._failure is not None:
            self._faults.off(self._failure)
            self._failure = None


def machines(hostnodes: bytes) -> list[Machine]:
    """Return the hostnodes of a recorded JSON array."""
    return [_machine(raw) for raw in msgspec.json.decode(hostnodes, type=list[msgspec.Raw])]


def _machine(raw: msgspec.Raw) -> Machine:
    try:
        return Machine(_decoder.decode(raw), recorded=raw)
    except msgspec.MsgspecError:
        return Machine(None, recorded=raw)
