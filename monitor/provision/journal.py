"""The log of what became of grabs: no purchase waits until it is written."""

from collections import deque
from contextlib import suppress

from monitor.grab.grab import Grab
from monitor.provision.base import log_step


class Journal:
    """Steps that are committed, in order; safe to share between threads."""

    def __init__(self) -> None:
        self._noted: deque[Grab] = deque()

    def note(self, *grabs: Grab | None) -> None:
        """Keep steps to be logged by whoever has time first."""
        self._noted.extend(grab for grab in grabs if grab is not None)

    def log(self) -> None:
        """Log all that was noted."""
        with suppress(IndexError):  # another thread may have been faster
            while self._noted:
                log_step(self._noted.popleft())
