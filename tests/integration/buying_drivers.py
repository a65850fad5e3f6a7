"""The real daemon that dies at one step of a purchase: `-m tests.integration.buying_drivers …`."""

import sys
from pathlib import Path
from typing import Any

from monitor.grab.grab import Grab, GrabStatus
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.provision.execute import Executor
from monitor.provision.foresight import Foreseen
from monitor.store.grabs import Book
from tests.integration.drivers import die, replace_method, run_daemon


def before_intent() -> None:
    """Die when the intent is written, and not committed."""
    add = Book.add

    def add_and_die(book: Book, new: Any) -> None:
        add(book, new)
        die()

    replace_method(Book, "add", add_and_die)


def after_intent() -> None:
    """Die when an intent that was not looked at ahead is committed, and nobody has taken it up."""
    replace_method(Executor, "drain", lambda *_: None)
    replace_method(Foreseen, "is_for", lambda *_: False)
    replace_method(Executor, "begin", die)


def before_send() -> None:
    """Die when it is committed that it is being sent, and nothing of it has left."""
    replace_method(TensorDock, "create", die)


def after_answer() -> None:
    """Die when the marketplace has said that it made an instance."""
    create = TensorDock.create

    def create_and_die(client: TensorDock, order: Any) -> None:
        create(client, order)
        die()

    replace_method(TensorDock, "create", create_and_die)


def before_settle() -> None:
    """Die when the answer is written down, and not committed."""
    change = Book.change

    def change_and_die(book: Book, before: Grab, after: Grab, *rest: Any) -> Grab | None:
        changed = change(book, before, after, *rest)
        if after.status is GrabStatus.CREATED:
            die()
        return changed

    replace_method(Book, "change", change_and_die)


STEPS = {
    "before-intent": before_intent,
    "after-intent": after_intent,
    "before-send": before_send,
    "after-answer": after_answer,
    "before-settle": before_settle,
}

if __name__ == "__main__":
    STEPS[sys.argv[1]]()
    run_daemon(Path(sys.argv[2]))
