"""The composition root: builds every object by hand, starts them, stops them in reverse."""

import os
import random
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from monitor import __version__
from monitor.alerting.notice import NotifyReason
from monitor.alerting.render import render_system
from monitor.clock import monotonic, utc_now
from monitor.config.model import Config
from monitor.config.secret import Redactor
from monitor.cycle import run_cycle
from monitor.delivery.apprise import AppriseSender
from monitor.delivery.dispatch import Dispatcher
from monitor.errors import MonitorError, RestartNeededError, StoreError
from monitor.reporting import log_cycle
from monitor.rules.alert import AlertState
from monitor.scheduler import Job, Scheduler, Watch, Worker
from monitor.setup import Setup, set_up
from monitor.store import alerts, groups, leases, migrate, outbox, retention
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from monitor.store.ownership import sole_owner
from monitor.telling import forget, tell
from monitor.web.metrics import Metrics
from monitor.web.readiness import Polling, Readiness, readiness
from monitor.web.server import Server, create_app

log = structlog.get_logger("monitor.app")

STOP_WITHIN = timedelta(seconds=8)
"""How long a cycle or a delivery in flight may take to end after SIGTERM; no send takes longer."""
_SECOND = timedelta(seconds=1)
_PRUNE_ROWS = 500


class Monitor:
    """The daemon. `reread` reads the configuration anew when SIGHUP asks for it."""

    def __init__(self, config: Config, *, reread: Callable[[], Config], redactor: Redactor) -> None:
        self._reread = reread
        self._redactor = redactor
        self._setup = set_up(config)
        self._retired: list[Setup] = []
        self._hanging: list[str] = []
        self._last_polls: dict[str, datetime] = {}
        self._stopping = threading.Event()
        self._reload_asked = threading.Event()
        self._migrated = False
        self._database = Database.open(config.database.url.reveal())
        self._store = Ledgers(self._database)
        self._outbox = Outbox(self._database)
        self._sender = AppriseSender()
        self._metrics = Metrics(version=__version__)
        self._dispatcher = self._new_dispatcher()
        self._watch = Watch(clock=utc_now, monotonic=monotonic, observer=self._metrics)
        self._scheduler = Scheduler(self._watch)
        self._delivery = Worker(
            _job("deliver", self._deliver, 2 * _SECOND, minutes=60), self._watch
        )
        self._warden = Worker(_job("watch", self._look_after, _SECOND, minutes=1), self._watch)
        # On PostgreSQL processes share a database and compete for the polls; a SQLite file has
        # one owner, which must not wait for the lease of its own predecessor.
        shared = self._database.file is None
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}" if shared else "owner"

    def run(self, on_started: Callable[[str], None] = lambda _: None) -> bool:
        """Run until SIGTERM, SIGINT or `stop()`; return whether everything ended in time.

        `on_started` is given the address that is served.

        Raises:
            StoreError, ListenError: before anything has begun.
        """
        with ExitStack() as stack:
            stack.callback(self._close)
            stack.enter_context(sole_owner(self._database))
            server = self._server = Server(
                create_app(self._metrics, self._readiness),
                host=self._setup.config.server.listen.host,
                port=self._setup.config.server.listen.port,
            )
            stack.callback(server.close)
            stack.enter_context(_on_hangup(self._ask_reload))
            migrated = migrate.upgrade(self._database)
            self._migrated = True
            log.info("database ready", database=self._database.name, migrations_run=len(migrated))
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
        now = utc_now()
        self._forget_unconfigured(self._setup, now)
        self._configure_metrics()
        self._scheduler.start()
        self._scheduler.set(self._jobs(), now)
        self._delivery.start()
        self._warden.start()
        log.info("running", version=__version__, rules=len(self._setup.plan.rules))
        log.info("serving", url=self._server.url)
        on_started(self._server.url)

    def _end(self) -> bool:
        log.info("stopping", in_flight=self._watch.running)
        self._stopping.set()
        self._scheduler.stop()
        self._warden.leave()
        self._delivery.leave()
        ended = self._watch.wait_idle(STOP_WITHIN)
        self._release_polls()
        log.info("stopped", abandoned=self._watch.running)
        return ended

    def _release_polls(self) -> None:
        """Let another process poll at once; where that fails, it does when the leases end."""
        try:
            with self._database.transaction() as connection:
                for name in self._setup.marketplaces:
                    leases.release(connection, f"poll:{name}", holder=self._holder)
        except StoreError as error:
            log.warning("leases not released", error=str(error))

    def _close(self) -> None:
        for setup in (*self._retired, self._setup):
            setup.close()
        self._database.close()

    def _jobs(self) -> list[Job]:
        polls = [
            Job(
                name=f"poll:{name}",
                act=lambda now, name=name: self._poll(name, now),  # type: ignore[misc]  # mypy cannot type the bound name
                every=config.poll_interval,
                deadline=max(2 * config.poll_interval, config.timeout + 30 * _SECOND),
                jitter=min(config.poll_interval / 20, 3 * _SECOND),
            )
            for name, (config, _) in self._setup.marketplaces.items()
        ]
        return [
            *polls,
            _job("tell", self._tell_waiting, _SECOND, minutes=1),
            _job("prune", self._prune, timedelta(hours=1), minutes=30),
        ]

    def _poll(self, name: str, now: datetime) -> None:
        if self._stopping.is_set():
            return
        setup = self._setup
        if name not in setup.marketplaces:
            return
        config, marketplace = setup.marketplaces[name]
        if not self._leads(name, now, 2 * config.poll_interval + config.timeout):
            log.debug("another process polls", marketplace=name)
            self._last_polls[name] = now
            return
        report = run_cycle(
            marketplace, setup.plan, self._store, interval=config.poll_interval, now=now
        )
        if report.queued:
            self._delivery.wake()
        log_cycle(report)
        self._last_polls[name] = now
        if name not in self._setup.marketplaces:  # removed by a reload meanwhile
            self._forget_unconfigured(self._setup, now)
            return
        self._metrics.observe_poll(report.poll)
        self._count_alerts(now)

    def _leads(self, name: str, now: datetime, lease_for: timedelta) -> bool:
        with self._database.transaction() as connection:
            return leases.acquire(
                connection, f"poll:{name}", holder=self._holder, now=now, lease_for=lease_for
            )

    def _count_alerts(self, now: datetime) -> None:
        with self._database.read() as connection:
            active = alerts.recent(connection, since=now)
        self._metrics.set_alerts(
            Counter((a.rule, a.state) for a in active if a.state is not AlertState.RESOLVED)
        )

    def _tell_waiting(self, now: datetime) -> None:
        with self._database.read() as connection:
            due = {group.marketplace for group in groups.due(connection, now)}
        for marketplace in due & self._setup.marketplaces.keys():
            with self._store.ledger(marketplace) as ledger:
                active = ledger.alerts().values()
                queued = tell(ledger, self._setup.plan, marketplace, active, now)
            if queued:
                self._delivery.wake()

    def _deliver(self, _: datetime) -> None:
        self._dispatcher.drain(self._stopping)
        with self._database.read() as connection:
            self._metrics.set_outbox(outbox.lengths(connection))

    def _prune(self, now: datetime) -> None:
        before = now - self._setup.config.database.retention
        while not self._stopping.is_set():
            with self._database.transaction() as connection:
                if not retention.prune(connection, before=before, limit=_PRUNE_ROWS):
                    return

    def _look_after(self, now: datetime) -> None:
        if self._reload_asked.is_set():
            self._reload_asked.clear()
            self._reload(now)
        self._scheduler.realign(now)
        self._close_retired()
        for job in self._watch.hung():
            log.error("job hangs", job=job, running=self._watch.running)
            self._metrics.job_hangs(job)
            self._hanging.append(job)
        while self._hanging:
            job = self._hanging[0]
            self._tell_operators(f"the job {job} hangs", _HANGS.format(job=job), now)
            self._hanging.pop(0)

    def _close_retired(self) -> None:
        """Close the connections of configurations that were replaced, once no poll uses them."""
        if not any(job.startswith("poll:") for job in self._watch.running):
            while self._retired:
                self._retired.pop().close()

    def _tell_operators(self, title: str, body: str, now: datetime) -> None:
        plan = self._setup.plan
        message = render_system(title, body)
        with self._database.transaction() as connection:
            outbox.enqueue(
                connection, plan.drafts(plan.operators, message, NotifyReason.SYSTEM), now
            )
        self._delivery.wake()

    def _ask_reload(self) -> None:
        self._reload_asked.set()
        self._warden.wake()

    def _reload(self, now: datetime) -> None:
        """Swap the whole configuration for the one in the file, or keep all of the old one."""
        try:
            new = set_up(self._reread_changeable())
            self._forget_unconfigured(new, now)
        except MonitorError as error:
            self._metrics.set_reload(successful=False)
            for line in str(error).splitlines():
                log.error("configuration not reloaded", problem=line)  # noqa: TRY400 - no trace: the line is all there is to say
            return
        self._redactor.learn(new.config.secrets())
        self._retired.append(self._setup)
        self._setup = new
        self._dispatcher.destinations = new.destinations
        self._scheduler.set(self._jobs(), now)
        self._metrics.set_reload(successful=True)
        self._configure_metrics()
        log.info("configuration reloaded", rules=len(new.config.rules))

    def _reread_changeable(self) -> Config:
        """Read the configuration anew, and refuse what cannot change while the program runs."""
        config = self._reread()
        fixed = _needs_restart(self._setup.config, config)
        if fixed:
            raise RestartNeededError(f"restart to change {' and '.join(fixed)}")
        return config

    def _forget_unconfigured(self, setup: Setup, now: datetime) -> None:
        """End the alerts of marketplaces that `setup` does not have; nothing is told."""
        with self._database.read() as connection:
            known = {alert.marketplace for alert in alerts.recent(connection, since=now)}
            known |= groups.marketplaces(connection)
        for name in known - setup.marketplaces.keys():
            with self._store.ledger(name) as ledger:
                forget(ledger, now)

    def _configure_metrics(self) -> None:
        config = self._setup.config
        self._metrics.configure(
            marketplaces=[each.name for each in config.marketplaces],
            rules=[each.name for each in config.rules],
            receivers=[each.name for each in config.receivers],
            jobs=[*(job.name for job in self._jobs()), "deliver", "watch"],
            hostnode_series=config.metrics.hostnode_series,
        )
        self._count_alerts(utc_now())

    def _new_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            outbox=self._outbox,
            sender=self._sender,
            destinations=self._setup.destinations,
            now=utc_now,
            jitter=random.random,
            on_outcome=self._metrics.count_notification,
        )

    def _readiness(self) -> Readiness:
        return readiness(
            now=utc_now(),
            migrated=self._migrated,
            pollings=[
                Polling(
                    marketplace=name,
                    interval=config.poll_interval,
                    last_at=self._last_polls.get(name),
                )
                for name, (config, _) in self._setup.marketplaces.items()
            ],
        )


_HANGS = (
    "A run of the job {job} has been going on for longer than it ever should.\n"
    "No further run of it begins until it ends. If it does not, restart gpu-monitor."
)


def _job(name: str, act: Callable[[datetime], None], every: timedelta, *, minutes: int) -> Job:
    return Job(name=name, act=act, every=every, deadline=timedelta(minutes=minutes))


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
