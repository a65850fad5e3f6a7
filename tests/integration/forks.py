"""Daemons forked from a process that has imported everything: a start takes no second.

A process with threads cannot be forked safely. So those that will be needed are forked before
there are any, and wait until they are told what to be.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from tests.integration.daemon import WAIT_FOR, until


class Fork:
    """A forked process that waits for `go`, and then does `act` with what it is given."""

    def __init__(self, act: Callable[..., None]) -> None:
        waiting, self._telling = os.pipe()
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._telling)
            _become(act, waiting)
        os.close(waiting)

    def go(self, **given: Any) -> None:
        """Let it begin."""
        os.write(self._telling, json.dumps(given).encode())
        os.close(self._telling)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._ended() is None:
            os.kill(self.pid, number)

    def wait(self, within: float = WAIT_FOR) -> int:
        """Return its exit status, or the negative number of the signal it died by."""
        until(lambda: self._ended() is not None, within)
        assert self._status is not None
        return self._status

    def close(self) -> None:
        """End it if it still runs."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def _ended(self) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


def _become(act: Callable[..., None], waiting: int) -> NoReturn:
    """Do what this process was forked for, and end without what its parent would do at its end."""
    status = 1
    try:
        given = os.read(waiting, 100_000)
        if given:  # else the parent is gone
            act(**json.loads(given))
        status = 0
    except BaseException:  # noqa: BLE001 - nothing of the parent may go on in here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
