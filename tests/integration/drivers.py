"""The real daemon with one thing changed, as a program: `-m tests.integration.drivers NAME FILE`.

Most drivers die by SIGKILL, as by a loss of power, at one exact step from poll to delivery.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from monitor.app import Monitor
from monitor.cli.common import log_to_stderr, read_config, redactor
from monitor.delivery.apprise import AppriseSender
from monitor.delivery.destination import Destination
from monitor.jobs.polling import Polling
from monitor.letter import Told
from monitor.scheduler import Job, Watch, Worker
from monitor.store import outbox
from monitor.store.dispatch import Outbox
from monitor.store.ledger import Ledger

SHORT_DEADLINE = timedelta(milliseconds=500)
HASTE = timedelta(milliseconds=5)


def main(name: str, file: Path) -> None:
    """Run the daemon under the driver `name`, until SIGTERM or its death."""
    _DRIVERS[name]()
    run_daemon(file)


def run_daemon(file: Path) -> None:
    """Run the daemon as the command does, with JSON in its log."""
    log_to_stderr(json_lines=True, level="info")
    Monitor(read_config(file), reread=lambda: read_config(file), redactor=redactor).run()


def die(*_: object) -> NoReturn:
    """End this process as a loss of power would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def _before_commit() -> None:
    """Die when all of a cycle with notifications is written, and not committed."""
    enqueue = Ledger.enqueue

    def enqueue_and_die(ledger: Ledger, letters: Any, now: Any) -> Told:
        told = enqueue(ledger, letters, now)
        if letters:
            die()
        return told

    replace_method(Ledger, "enqueue", enqueue_and_die)


def _before_claiming() -> None:
    """Die when a cycle with notifications is committed, and none of them is claimed."""
    replace_method(Outbox, "claim", lambda *_, **__: [])
    replace_method(Polling, "count_alerts", _die_once_queued)


def _die_once_queued(polling: Polling, _: object) -> None:
    with polling._shared.database.read() as connection:
        if outbox.lengths(connection):
            die()


def _before_sending() -> None:
    """Die when a notification is claimed, and nothing of it has left."""
    replace_method(AppriseSender, "send", die)


def _before_settling() -> None:
    """Die when the receiver has accepted a notification, and that is not written down."""
    replace_method(Outbox, "settle", die)


def _short_deadlines() -> None:
    """Give no poll more than half a second before it counts as hung."""
    jobs = Polling.jobs

    def hurried(polling: Polling) -> list[Job]:
        return [replace(job, deadline=SHORT_DEADLINE) for job in jobs(polling)]

    replace_method(Polling, "jobs", hurried)


def _hasty() -> None:
    """Look all the time for what is to be sent and bought, as does another process at once."""
    begin = Worker.__init__

    def hurried(worker: Worker, job: Job, watch: Watch) -> None:
        hasty = replace(job, every=HASTE) if job.name in {"deliver", "provision"} else job
        begin(worker, hasty, watch)

    replace_method(Worker, "__init__", hurried)


def _telling_errors() -> None:
    """Fail to send with an error that nobody expects, and that holds the receiver's URL."""

    def fail(_: object, destination: Destination, *__: object) -> NoReturn:
        raise RuntimeError(destination.url.reveal())

    replace_method(AppriseSender, "send", fail)


def replace_method(owner: type, name: str, by: Callable[..., object]) -> None:
    """Let every object of `owner` do `by` for the life of this process."""
    setattr(owner, name, by)


_DRIVERS = {
    "before-commit": _before_commit,
    "before-claiming": _before_claiming,
    "before-sending": _before_sending,
    "before-settling": _before_settling,
    "short-deadlines": _short_deadlines,
    "hasty": _hasty,
    "telling-errors": _telling_errors,
}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
