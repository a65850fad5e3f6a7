"""The composition root: builds every object by hand, starts them, stops them in reverse."""

import ctypes
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from monitor import __version__
from monitor.clock import monotonic, utc_now
from monitor.config.model import Config
from monitor.config.secret import Redactor
from monitor.errors import MonitorError, RestartNeededError
from monitor.jobs.accounts import Accounts
from monitor.jobs.alertmanagers import Alertmanagers
from monitor.jobs.delivery import Delivery
from monitor.jobs.digest import DailyDigest
from monitor.jobs.health import Health
from monitor.jobs.history import History
from monitor.jobs.polling import Polling
from monitor.jobs.purchases import Purchases
from monitor.jobs.shared import Shared
from monitor.jobs.telling import Telling
from monitor.jobs.upkeep import Upkeep
from monitor.jobs.warden import Warden
from monitor.scheduler import Job, Scheduler, Watch
from monitor.setup import Setup, set_up
from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from monitor.store.ownership import sole_owner
from monitor.web.metrics import Metrics
from monitor.web.readiness import Readiness, readiness
from monitor.web.server import Server, create_app

log = structlog.get_logger("monitor.app")

_M_ARENA_MAX = -8
"""What glibc's malloc.h calls the number of heaps; other C libraries do not know it."""
_WORKERS = ("deliver", "alertmanagers", "provision", "reconcile", "watch")
_USES_MARKETPLACES = ("poll:", "provision", "reconcile")
STOP_WITHIN = timedelta(seconds=8)
"""How long a cycle or a delivery in flight may take to end after SIGTERM; no send takes longer."""


class Monitor:
    """The daemon. `reread` reads the configuration anew when SIGHUP asks for it."""

    def __init__(self, config: Config, *, reread: Callable[[], Config], redactor: Redactor) -> None:
        self._reread = reread
        self._redactor = redactor
        self._retired: list[Setup] = []
        self._reload_asked = threading.Event()
        self._migrated = False
        database = Database.open(config.database.url.reveal())
        self._metrics = Metrics(version=__version__)
        self._shared = Shared(
            setup=set_up(config),
            database=database,
            ledgers=Ledgers(database),
            metrics=self._metrics,
            holder=_holder(database),
        )
        self._watch = Watch(clock=utc_now, monotonic=monotonic, observer=self._metrics)
        self._scheduler = Scheduler(self._watch)
        self._delivery = Delivery(self._shared, self._watch)
        self._telling = Telling(self._shared, self._delivery.wake)
        self._alertmanagers = Alertmanagers(self._shared, self._watch)
        self._purchases = Purchases(self._shared, self._watch, self._delivery.wake)
        self._polling = Polling(
            self._shared,
            self._telling,
            wake=self._delivery.wake,
            evaluated=self._alertmanagers.wake,
            buyer=self._purchases.ready,
        )
        self._health = Health(self._shared, self._delivery.wake, self._alertmanagers.troubles)
        self._digest = DailyDigest(self._shared, self._delivery.wake)
        self._upkeep = Upkeep(self._shared)
        self._history = History(self._shared)
        self._accounts = Accounts(self._shared)
        self._warden = Warden(
            self._shared, self._watch, self._scheduler, self._telling, first=self._swap
        )

    def run(self, on_started: Callable[[str], None] = lambda _: None) -> bool:
        """Run until SIGTERM, SIGINT or `stop()`; return whether everything ended in time.

        `on_started` is given the address that is served.

        Raises:
            StoreError, ListenError: before anything has begun.
        """
        _one_heap()
        database, listen = self._shared.database, self._shared.setup.config.server.listen
        with ExitStack() as stack:
            stack.callback(self._close)
            stack.enter_context(sole_owner(database))
            server = self._server = Server(
                create_app(self._metrics, self._readiness), host=listen.host, port=listen.port
            )
            stack.callback(server.close)
            stack.enter_context(_on_hangup(self._ask_reload))
            migrated = migrate.upgrade(database)
            self._migrated = True
            log.info("database ready", database=database.name, migrations_run=len(migrated))
            # Jobs begin when the server answers: from then on SIGTERM is an orderly end.
            try:
                server.run(lambda: self._begin(on_started))
            finally:
                ended = self._end()
            return ended

    def stop(self) -> None:
        """Ask `run()` to return, from any thread, once it serves."""
        self._server.stop()

    def _begin(self, on_started: Callable[[str], None]) -> None:
        _in_a_hurry()
        now = utc_now()
        self._telling.forget_unconfigured(self._shared.setup, now)
        self._configure_metrics(now)
        self._health.begin(now)
        self._scheduler.start()
        self._scheduler.set(self._jobs(), now)
        self._delivery.start()
        self._alertmanagers.start()
        self._purchases.start()
        self._warden.start()
        log.info("running", version=__version__, rules=len(self._shared.setup.plan.rules))
        log.info("serving", url=self._server.url)
        on_started(self._server.url)

    def _end(self) -> bool:
        log.info("stopping", in_flight=self._watch.running)
        self._shared.stopping.set()
        self._scheduler.stop()
        self._warden.leave()
        self._delivery.leave()
        self._alertmanagers.leave()
        self._purchases.leave()
        began = monotonic()
        ended = self._watch.wait_idle(STOP_WITHIN)
        ended &= self._purchases.settle(STOP_WITHIN - timedelta(seconds=monotonic() - began))
        self._polling.release()
        self._purchases.release()
        log.info("stopped", abandoned=self._watch.running)
        return ended

    def _close(self) -> None:
        for setup in (*self._retired, self._shared.setup):
            setup.close()
        self._shared.database.close()

    def _jobs(self) -> list[Job]:
        return [
            *self._polling.jobs(),
            *self._telling.jobs(),
            *self._health.jobs(),
            *self._digest.jobs(),
            *self._upkeep.jobs(),
            *self._history.jobs(),
            *self._accounts.jobs(),
        ]

    def _ask_reload(self) -> None:
        self._reload_asked.set()
        self._warden.wake()

    def _swap(self, now: datetime) -> None:
        """Reload if that was asked for, and close what an earlier reload has replaced."""
        if self._reload_asked.is_set():
            self._reload_asked.clear()
            self._reload(now)
        # Once nobody uses the connections of a configuration that was replaced.
        if not any(name.startswith(_USES_MARKETPLACES) for name in self._watch.running):
            while self._retired:
                self._retired.pop().close()

    def _reload(self, now: datetime) -> None:
        """Swap the whole configuration for the one in the file, or keep all of the old one."""
        try:
            new = set_up(self._reread_changeable())
            self._telling.forget_unconfigured(new, now)
        except MonitorError as error:
            self._metrics.set_reload(successful=False)
            for line in str(error).splitlines():
                log.error("configuration not reloaded", problem=line)  # noqa: TRY400 - no trace: the line is all there is to say
            return
        self._redactor.learn(new.config.secrets())
        self._retired.append(self._shared.setup)
        self._shared.setup = new
        self._delivery.redirect(new.destinations)
        self._scheduler.set(self._jobs(), now)
        self._metrics.set_reload(successful=True)
        self._configure_metrics(now)
        log.info("configuration reloaded", rules=len(new.config.rules))

    def _reread_changeable(self) -> Config:
        """Read the configuration anew, and refuse what cannot change while the program runs."""
        config = self._reread()
        fixed = _needs_restart(self._shared.setup.config, config)
        if fixed:
            raise RestartNeededError(f"restart to change {' and '.join(fixed)}")
        return config

    def _configure_metrics(self, now: datetime) -> None:
        config = self._shared.setup.config
        self._metrics.configure(
            marketplaces={each.name: each.poll_interval for each in config.marketplaces},
            rules=[each.name for each in config.rules],
            receivers=[each.name for each in config.receivers],
            jobs=[*(job.name for job in self._jobs()), *_WORKERS],
            buying_rules=list(self._shared.setup.buying.wishes),
            hostnode_series=config.metrics.hostnode_series,
        )
        self._polling.count_alerts(now)

    def _readiness(self) -> Readiness:
        return readiness(now=utc_now(), migrated=self._migrated, pollings=self._polling.pollings())


def _holder(database: Database) -> str:
    """Return the name to take leases under.

    On PostgreSQL processes share a database and compete for the polls; a SQLite file has one owner,
    which must not wait for the lease of its own predecessor.
    """
    shared = database.file is None
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}" if shared else "owner"


def _one_heap() -> None:
    """Let all threads share one heap; to be called before there are threads.

    glibc gives each thread one of its own, which keeps what a poll once took. Polls wander between
    the scheduler's threads, so each heap would grow to the size of a poll.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def _in_a_hurry() -> None:
    """Let a thread that has its answer go on at once: a purchase is a matter of milliseconds.

    Python lets a busy thread go on for 5 ms before it looks whether another one waits; and a full
    garbage collection would look through all that the libraries made, for 80 ms, and find nothing.
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()


def _needs_restart(old: Config, new: Config) -> list[str]:
    """Return what cannot change while the program runs."""
    changed = {
        "database.url": old.database.url != new.database.url,
        "server.listen": old.server != new.server,
    }
    return [key for key, differs in changed.items() if differs]


@contextmanager
def _on_hangup(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at each SIGHUP; on another thread than the main one there are no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
