"""Which grabs this process is sending, each on which thread."""

import threading
from datetime import timedelta

from monitor.grab.grab import GrabId

PARALLEL = 4
"""How many are sent at once: one that hangs for minutes must not keep the others waiting."""

_NOT_BEGUN = 0
"""Stands for a thread that is about to begin."""


class UnderWay:
    """What is being sent; safe to share between threads."""

    def __init__(self) -> None:
        self._sending: dict[GrabId, int] = {}  # by which thread
        self._changed = threading.Condition()
        self._nudged = False

    @property
    def sending(self) -> frozenset[GrabId]:
        """The grabs that are being sent."""
        with self._changed:
            return frozenset(self._sending)

    def take(self, grab: GrabId) -> bool:
        """Say whether a grab may be begun: there is room, and nobody else has it."""
        with self._changed:
            if grab in self._sending or not self._has_room():
                return False
            self._sending[grab] = _NOT_BEGUN
            return True

    def hold(self, grab: GrabId) -> None:
        """Give a grab to the calling thread: before others can see it in the book."""
        with self._changed:
            self._sending[grab] = threading.get_ident()

    def release(self) -> None:
        """Let go of all that the calling thread holds."""
        own = threading.get_ident()
        with self._changed:
            for grab in [each for each, thread in self._sending.items() if thread == own]:
                del self._sending[grab]
            self._changed.notify_all()

    def nudge(self) -> None:
        """Have who waits look at once for what is planned."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def wait(self) -> bool:
        """Wait for a nudge, or for the end of all that is sent; return whether anything is."""
        with self._changed:
            if not self._sending:
                return False
            self._changed.wait_for(lambda: self._nudged or not self._sending, timeout=0.25)
            return True

    def settle(self, patience: timedelta) -> bool:
        """Wait until nothing is being sent, for at most `patience`; return whether nothing is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._sending, patience.total_seconds())

    def look(self) -> None:
        """Begin to look for what is planned: a nudge from now on is for the next time."""
        with self._changed:
            self._nudged = False

    def _has_room(self) -> bool:
        """Count threads: one that goes on to the next candidate holds the ones before it too."""
        threads = list(self._sending.values())
        begun = len(set(threads) - {_NOT_BEGUN})
        return begun + threads.count(_NOT_BEGUN) < PARALLEL
