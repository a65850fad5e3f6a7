"""The real daemon that dies at one step of a purchase, to be run in a process of its own.

It dies by SIGKILL, as by a loss of power, when it comes to the step for the `nth` time. What else
it is doing at that moment, on its other threads, dies with it.
"""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from monitor.grab.grab import Grab, GrabStatus
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.provision.execute import Executor
from monitor.provision.foresight import Foreseen
from monitor.store.grabs import Book
from tests.integration.drivers import die, replace_method, run_daemon

Dying = Callable[[], None]


def live(file: str, log: str, step: str | None = None, nth: int = 1) -> None:
    """Run the daemon, and write its output to `log`, until SIGTERM or its death at a step."""
    with Path(log).open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    if step is not None:
        coming = count(1)
        STEPS[step](lambda: die() if next(coming) == nth else None)
    run_daemon(Path(file))


def _before_intent(dying: Dying) -> None:
    """Die when the intent is written, and not committed."""
    insert = Book._insert

    def insert_and_die(book: Book, grab: Grab) -> Grab:
        added = insert(book, grab)
        dying()
        return added

    replace_method(Book, "_insert", insert_and_die)


def _after_intent(dying: Dying) -> None:
    """Die when an intent that was not looked at ahead is committed, and nobody has taken it up."""
    replace_method(Executor, "drain", lambda *_: None)
    replace_method(Foreseen, "is_for", lambda *_: False)
    replace_method(Executor, "begin", lambda *_: dying())


def _before_send(dying: Dying) -> None:
    """Die when it is committed that it is being sent, and nothing of it has left."""
    create = TensorDock.create

    def die_or_create(client: TensorDock, order: Any) -> Any:
        dying()
        return create(client, order)

    replace_method(TensorDock, "create", die_or_create)


def _after_answer(dying: Dying) -> None:
    """Die when it is known what the marketplace did, or that this is not known."""
    create = TensorDock.create

    def create_and_die(client: TensorDock, order: Any) -> Any:
        outcome = create(client, order)
        dying()
        return outcome

    replace_method(TensorDock, "create", create_and_die)


def _before_settle(dying: Dying) -> None:
    """Die when what came of it is written down, and not committed."""
    change = Book.change

    def change_and_die(book: Book, before: Grab, after: Grab, *rest: Any) -> Grab | None:
        changed = change(book, before, after, *rest)
        if before.status is GrabStatus.SUBMITTED:
            dying()
        return changed

    replace_method(Book, "change", change_and_die)


STEPS: dict[str, Callable[[Dying], None]] = {
    "before-intent": _before_intent,
    "after-intent": _after_intent,
    "before-send": _before_send,
    "after-answer": _after_answer,
    "before-settle": _before_settle,
}
