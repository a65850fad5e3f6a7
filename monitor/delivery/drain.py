"""One drain of the outbox: what is under way, what has ended, and what came of it.

Runs of notifications are sent by threads of their own, and one thread does all the writing. They
tell it of their ends through a queue; of the rest they see only whether to go on.
"""

from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from queue import Empty, SimpleQueue
from threading import Event
from uuid import uuid4

from monitor.alerting.outbox import Claimed, Settlement

_LOOK_AGAIN = 0.25
"""Seconds after which new notifications are looked for while some destination keeps us waiting."""


class AttemptOutcome(StrEnum):
    """How one attempt to deliver ended; a `DEAD` one is the last of its notification."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainReport:
    """What one drain came to: attempts by outcome, and claims given back unsent."""

    sent: int = 0
    refused: int = 0
    unknown: int = 0
    dead: int = 0
    released: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOver:
    """The end of a run, and what of it was not sent."""

    unsent: tuple[Claimed, ...]


@dataclass(slots=True, kw_only=True)
class Drain:
    """What goes on in one drain; `results` is what the sending threads tell the draining one."""

    stop: Event
    token: str = field(default_factory=lambda: uuid4().hex)
    results: "SimpleQueue[tuple[Claimed, Settlement] | RunOver]" = field(
        default_factory=SimpleQueue
    )
    outcomes: Counter[AttemptOutcome] = field(default_factory=Counter)
    halted: Event = field(default_factory=Event)
    released: int = 0
    under_way: int = 0
    may_claim: bool = True
    _ended: list[tuple[Claimed, Settlement]] = field(default_factory=list)
    _unsent: list[Claimed] = field(default_factory=list)
    _futures: list[Future[None]] = field(default_factory=list)

    def is_over(self) -> bool:
        """Return whether nothing further may be begun."""
        return self.stop.is_set() or self.halted.is_set()

    def began(self, run: Future[None]) -> None:
        """Note that a run is under way."""
        self._futures = [each for each in self._futures if not each.done() or each.exception()]
        self._futures.append(run)
        self.under_way += 1

    def wait(self) -> None:
        """Wait until something has ended, or it is time to look for new notifications."""
        self.may_claim = False
        try:
            self._take(self.results.get(timeout=_LOOK_AGAIN))
            while True:
                self._take(self.results.get_nowait())
        except Empty:
            self.may_claim = self.may_claim or not self._ended

    def taken(self) -> tuple[list[tuple[Claimed, Settlement]], list[Claimed]]:
        """Return what has ended, and what was not sent, since this was asked last."""
        taken = self._ended, self._unsent
        self._ended, self._unsent = [], []
        return taken

    def report(self) -> DrainReport:
        """Return what came of it; raises what a sender should not have raised."""
        for each in self._futures:
            each.result()
        counts = {outcome.value: count for outcome, count in self.outcomes.items()}
        return DrainReport(**counts, released=self.released)

    def _take(self, result: "tuple[Claimed, Settlement] | RunOver") -> None:
        if isinstance(result, RunOver):
            self.under_way -= 1
            self.may_claim = True
            self._unsent += result.unsent
        else:
            self._ended.append(result)
