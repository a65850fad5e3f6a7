"""A thread that stands by, for what cannot wait until one is begun."""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Standby:
    """Runs one thing at a time, at once; `name` is the thread's, which is made when first needed.

    The program's end does not wait for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._asked: SimpleQueue[tuple[Callable[[], object], threading.Event]] = SimpleQueue()
        self._idle = threading.Lock()

    def run(self, act: Callable[[], object], patience: float) -> bool:
        """Run `act`, which raises nothing, and wait for its end for at most `patience` seconds.

        Returns:
            Whether it is run: not if something else is.
        """
        if not self._idle.acquire(blocking=False):
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        done = threading.Event()
        self._asked.put((act, done))
        done.wait(patience)
        return True

    def _work(self) -> None:
        while True:
            act, done = self._asked.get()
            act()
            self._idle.release()
            done.set()
