"""How the market moves by itself, one step being about a minute of the recorded market.

Recorded: of 40 offers, 2 counts changed in 10 minutes; 4 prices moved by at most 1.4 % in 40 hours;
3 offers left in 8 hours, and what was new had left not long before.
"""

from datetime import datetime, timedelta
from random import Random

import msgspec

from monitor.simulator.generate import PER_HOSTNODE_MAX
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import PRICE_DIGITS, GpuRow, HostnodeRow

COUNT_CHANGES = 2 / 40 / 10
PRICE_CHANGES = 4 / 40 / (40 * 60)
LEAVES = 3 / 40 / (8 * 60)
RETURNS = 1 / (4 * 60)
"""Chances per offer and step; the last is per offer that left."""

PRICE_STEP_MAX = 0.014


class Drift:
    """Moves a market step by step; the same seed and the same market make the same moves."""

    def __init__(self, market: SimulatedMarket, *, step: timedelta, seed: int = 0) -> None:
        self._market = market
        self._step = step
        self._steps = 0
        self._rng = Random(seed)
        self._gone: list[tuple[str, GpuRow]] = []

    def catch_up(self, elapsed: timedelta, now: datetime) -> None:
        """Make the moves that are due; the first is due after one step."""
        del now
        while self._steps < elapsed // self._step:
            self._steps += 1
            self._market.evolve(self.step)

    def step(self, rows: list[HostnodeRow]) -> list[HostnodeRow]:
        """Return the market a step later; a hostnode whose last offer left stays, with none."""
        back = self._returning()
        return [self._moved(row, back.get(row.id, ())) for row in rows]

    def _returning(self) -> dict[str, tuple[GpuRow, ...]]:
        back: dict[str, tuple[GpuRow, ...]] = {}
        still_gone = []
        for hostnode_id, gpu in self._gone:
            if self._rng.random() < RETURNS:
                back[hostnode_id] = (*back.get(hostnode_id, ()), gpu)
            else:
                still_gone.append((hostnode_id, gpu))
        self._gone = still_gone
        return back

    def _moved(self, row: HostnodeRow, back: tuple[GpuRow, ...]) -> HostnodeRow:
        moved = [after for gpu in row.gpus if (after := self._offer(row.id, gpu)) is not None]
        moved.extend(back)
        return row if tuple(moved) == row.gpus else row.with_gpus(moved)

    def _offer(self, hostnode_id: str, gpu: GpuRow) -> GpuRow | None:
        chance = self._rng.random()
        if chance < LEAVES:
            self._gone.append((hostnode_id, gpu))
            return None
        if chance < LEAVES + COUNT_CHANGES:
            return self._recounted(gpu)
        if chance < LEAVES + COUNT_CHANGES + PRICE_CHANGES:
            return self._repriced(gpu)
        return gpu

    def _recounted(self, gpu: GpuRow) -> GpuRow:
        count = (gpu.available or 0) + self._rng.choice((-2, -1, 1, 2))
        return msgspec.structs.replace(gpu, available=max(0, min(PER_HOSTNODE_MAX, count)))

    def _repriced(self, gpu: GpuRow) -> GpuRow:
        factor = 1 + self._rng.uniform(-PRICE_STEP_MAX, PRICE_STEP_MAX)
        return msgspec.structs.replace(gpu, price=round((gpu.price or 0) * factor, PRICE_DIGITS))
