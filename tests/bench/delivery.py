"""How fast queued notifications reach a local HTTP receiver, through the outbox on SQLite."""

import gc
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import structlog

from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import Draft
from monitor.clock import utc_now
from monitor.delivery.destination import Destination, destinations
from monitor.delivery.dispatch import Dispatcher
from monitor.delivery.senders import Senders
from monitor.store import migrate, outbox
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from tests.bench.figures import Figure

BODY = "2.10 $/h per GPU, 2.40 $/h in total: 4 × h100-sxm5-80gb free\nhostnode hn-1\n" * 5
_MEGABYTE = 1024


def delivery(count: int) -> list[Figure]:
    """Measure the draining of `count` notifications, to one destination and to eight."""
    return [figure for urls in (1, 8) for figure in _measured(count, urls)]


def _measured(count: int, urls: int) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            (sys.executable, "-m", "tests.bench.sink"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as sink,
        closing(Database.open(f"sqlite:///{Path(folder) / 'bench.db'}")) as database,
    ):
        assert sink.stdout is not None
        port = int(sink.stdout.readline())
        told = destinations("chat", [f"json://127.0.0.1:{port}/{n}" for n in range(urls)])
        migrate.upgrade(database)
        _drain(database, told, count // 10)  # loads what is loaded at first
        before = _resident()
        seconds = _drain(database, told, count)
        after = _resident()
        answered, _ = sink.communicate()
    assert int(answered) == count + count // 10
    what = f"{count:,} queued notifications to {urls} HTTP destination{'s' * (urls > 1)}"
    return [
        Figure(what=f"{what}: each", unit="ms", measured=1000 * seconds / count, at_most=5),
        Figure(what=f"{what}: memory", unit="MB", measured=after, floor=before, at_most=1.1),
    ]


def _drain(database: Database, told: Sequence[Destination], count: int) -> float:
    """Queue `count` notifications, drain them, and return the seconds that took."""
    with database.transaction() as connection:
        drafts = [_draft(number, told[number % len(told)]) for number in range(count)]
        outbox.enqueue(connection, drafts, utc_now())
    dispatcher = Dispatcher(
        outbox=Outbox(database),
        sender=Senders(utc_now),
        destinations={each.key: each for each in told},
        now=utc_now,
        jitter=lambda: 1.0,
        on_outcome=lambda _receiver, _status: None,
    )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    gc.collect()
    started = time.perf_counter()
    report = dispatcher.drain(threading.Event())
    seconds = time.perf_counter() - started
    assert report.sent == count, report
    return seconds


def _draft(number: int, to: Destination) -> Draft:
    return Draft(
        receiver=to.receiver,
        destination=to.key,
        reason=NotifyReason.REPEAT,
        rule=None,
        title=f"still: cheap-h100: number {number}",
        body=BODY,
    )


def _resident() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / _MEGABYTE
