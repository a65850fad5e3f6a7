"""Every metric the program exports, and how it is kept up to date.

The market part is rendered once per snapshot, the program's own part at each scrape. A scrape
reads values in memory and waits for neither a poll nor the database.
"""

from collections import Counter as CountOf
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import product
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from monitor.alerting.outbox import NotificationStatus
from monitor.errors import StoreBusyError, StoreError
from monitor.market.snapshot import IssueReason, Outcome, Poll, Snapshot
from monitor.rules.alert import AlertState, RuleName
from monitor.web.buying import BuyingMetrics
from monitor.web.exposition import Format, Page, label_value, render
from monitor.web.market_collector import MarketCollector
from monitor.web.series import Table, WithoutCreated, start

# From an answer at once to a read that ran into its time-out three times.
_POLL_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
_SHOWN_STATES = (AlertState.PENDING, AlertState.FIRING)


class JobError(StrEnum):
    """What ended a run of a periodic job; the label `error`."""

    STORE_BUSY = "store_busy"
    STORE = "store"
    OTHER = "other"


class NotificationOutcome(StrEnum):
    """How one attempt to deliver ended; the label `outcome`. All but two are tried again."""

    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DEAD = "dead"


_OUTCOME_OF = {
    NotificationStatus.SENT: NotificationOutcome.SENT,
    NotificationStatus.QUEUED: NotificationOutcome.FAILED,
    NotificationStatus.UNKNOWN: NotificationOutcome.UNKNOWN,
    NotificationStatus.DEAD: NotificationOutcome.DEAD,
}


class Metrics:
    """All metrics of one program. Every method may be called from any thread.

    `configure()` comes first: it says which marketplaces, rules, receivers and jobs there are.
    `buying` are those of buying.
    """

    def __init__(self, *, version: str) -> None:
        self._registry = CollectorRegistry()
        self._writing = Lock()
        self._snapshots: dict[str, Snapshot] = {}
        self._hostnode_series = True
        self._page = Page(MarketCollector(()))
        self._make_poll_metrics()
        self._make_alert_metrics()
        self._make_job_metrics()
        self._make_program_metrics(version)
        self.buying = BuyingMetrics(self._registry)

    def configure(
        self,
        *,
        marketplaces: Mapping[str, timedelta],
        rules: Collection[str],
        receivers: Collection[str],
        jobs: Collection[str],
        buying_rules: Collection[str] = (),
        hostnode_series: bool = True,
    ) -> None:
        """Start all series that are known in advance at 0, and drop those of what is gone.

        Called at start and after each reload, between cycles. `marketplaces` are their names and
        poll intervals, `buying_rules` those that may buy. Without `hostnode_series` no series has
        a `hostnode` label.
        """
        known = {label_value(name): interval for name, interval in marketplaces.items()}
        with self._writing:
            self._hostnode_series = hostnode_series
            self._show({name: found for name, found in self._snapshots.items() if name in known})
        self._start_marketplaces(known.keys())
        for name, interval in known.items():
            self._poll_interval.labels(name).set(interval.total_seconds())
        self._start_jobs({label_value(name) for name in jobs})
        receiving = {label_value(name) for name in receivers}
        start(self._notifications, "receiver", receiving, NotificationOutcome)
        start(self._template_failures, "receiver", receiving)
        self._alerts.expected = list(product(map(label_value, rules), _SHOWN_STATES))
        self._outbox.expected = [(name,) for name in receiving]
        self.buying.configure(buying_rules)

    def observe_poll(self, poll: Poll) -> None:
        """Count a poll; a good one's snapshot is what the market metrics show from now on."""
        marketplace = label_value(poll.marketplace)
        self._polls.labels(marketplace, poll.outcome).inc()
        self._poll_duration.labels(marketplace).observe(poll.duration)
        for reason, count in _issue_counts(poll).items():
            self._issues.labels(marketplace, reason).inc(count)
        if poll.snapshot is None:
            return
        self._last_success.labels(marketplace).set(poll.at.timestamp())
        with self._writing:
            self._show(self._snapshots | {marketplace: poll.snapshot})

    def stand_by(self, marketplace: str) -> None:
        """Show no market of `marketplace`, which another process polls from now on.

        What this one knows of it grows old; whoever polls shows what is true.
        """
        name = label_value(marketplace)
        with self._writing:
            if name in self._snapshots:
                self._show({each: it for each, it in self._snapshots.items() if each != name})

    def job_ran(self, job: str, now: datetime) -> None:
        """Note that the run of `job` that began at `now` has ended well."""
        self._job_successes.labels(label_value(job)).set(now.timestamp())
        self._jobs_overdue.labels(label_value(job)).set(0)

    def job_failed(self, job: str, error: Exception) -> None:
        """Count a run of `job` that `error` ended; for a poll this is a cycle not recorded."""
        match error:
            case StoreBusyError():
                kind = JobError.STORE_BUSY
            case StoreError():
                kind = JobError.STORE
            case _:
                kind = JobError.OTHER
        self._job_errors.labels(label_value(job), kind).inc()
        self._jobs_overdue.labels(label_value(job)).set(0)

    def job_hangs(self, job: str) -> None:
        """Note that the present run of `job` is beyond its deadline, until it ends after all."""
        self._jobs_overdue.labels(label_value(job)).set(1)

    def set_alerts(self, counts: Mapping[tuple[RuleName, AlertState], int]) -> None:
        """Replace how many alerts each rule has; only pending and firing ones are shown."""
        self._alerts.rows = {
            (label_value(rule), state): count
            for (rule, state), count in counts.items()
            if state in _SHOWN_STATES
        }

    def count_notification(self, receiver: str, settled: NotificationStatus) -> None:
        """Count one attempt to deliver by the status it was settled with."""
        self._notifications.labels(label_value(receiver), _OUTCOME_OF[settled]).inc()

    def count_template_failures(self, receivers: Iterable[str]) -> None:
        """Count messages whose template failed, by the receiver that was told plainly."""
        for receiver in receivers:
            self._template_failures.labels(label_value(receiver)).inc()

    def set_outbox(self, lengths: Mapping[str, int]) -> None:
        """Replace how many notifications each receiver has that are neither sent nor dead."""
        self._outbox.rows = {(label_value(name),): length for name, length in lengths.items()}

    def set_reload(self, *, successful: bool) -> None:
        """Tell whether the configuration in force is the one last asked for."""
        self._reload.set(successful)

    def expose(self, form: Format = Format.TEXT, *, gzipped: bool = False) -> bytes:
        """Return everything in one format; slow only for the first scrape after a good poll."""
        own = render(WithoutCreated(self._registry), form)
        return self._page.followed_by(own, form, gzipped=gzipped)

    def _show(self, snapshots: dict[str, Snapshot]) -> None:
        """Swap the snapshots; a scrape has the old page or the new one, never a mixture."""
        self._snapshots = snapshots
        self._page = Page(
            MarketCollector(tuple(snapshots.values()), hostnode_series=self._hostnode_series)
        )

    def _start_marketplaces(self, names: Collection[str]) -> None:
        start(self._polls, "marketplace", names, Outcome)
        start(self._poll_interval, "marketplace", names)
        start(self._poll_duration, "marketplace", names)
        start(self._last_success, "marketplace", names)
        start(self._issues, "marketplace", names, IssueReason)

    def _start_jobs(self, names: set[str]) -> None:
        start(self._job_successes, "name", names)
        start(self._job_errors, "name", names, JobError)
        start(self._jobs_overdue, "name", names)

    def _make_poll_metrics(self) -> None:
        self._polls = Counter(
            "gpu_monitor_polls_total",
            "Polls of a marketplace by outcome.",
            ("marketplace", "outcome"),
            registry=self._registry,
        )
        self._poll_interval = Gauge(
            "gpu_monitor_poll_interval_seconds",
            "How long after one poll the next one begins, as configured.",
            ("marketplace",),
            registry=self._registry,
        )
        self._poll_duration = Histogram(
            "gpu_monitor_poll_duration_seconds",
            "How long a poll took to fetch and to decode, whatever its outcome.",
            ("marketplace",),
            registry=self._registry,
            buckets=_POLL_SECONDS,
        )
        self._last_success = Gauge(
            "gpu_monitor_last_successful_poll_timestamp_seconds",
            "When the last good poll began, which the market metrics show; 0 before the first one.",
            ("marketplace",),
            registry=self._registry,
        )
        self._issues = Counter(
            "gpu_monitor_decode_issues_total",
            "Parts of a marketplace's answers that were not used, by reason.",
            ("marketplace", "reason"),
            registry=self._registry,
        )

    def _make_alert_metrics(self) -> None:
        self._alerts = Table(
            "gpu_monitor_alerts", "Alerts of a rule that are pending or firing.", ("rule", "state")
        )
        self._notifications = Counter(
            "gpu_monitor_notifications_total",
            "Attempts to deliver a notification by outcome.",
            ("receiver", "outcome"),
            registry=self._registry,
        )
        self._template_failures = Counter(
            "gpu_monitor_template_failures_total",
            "Messages whose template failed, and which were told plainly.",
            ("receiver",),
            registry=self._registry,
        )
        self._outbox = Table(
            "gpu_monitor_outbox_length",
            "Notifications that are neither sent nor given up.",
            ("receiver",),
        )
        self._registry.register(self._alerts)
        self._registry.register(self._outbox)

    def _make_job_metrics(self) -> None:
        self._job_successes = Gauge(
            "gpu_monitor_job_last_success_timestamp_seconds",
            "When the last run of a periodic job began that ended well; 0 before the first one.",
            ("name",),
            registry=self._registry,
        )
        self._job_errors = Counter(
            "gpu_monitor_job_errors_total",
            "Runs of a periodic job that an error ended, by kind of error.",
            ("name", "error"),
            registry=self._registry,
        )
        self._jobs_overdue = Gauge(
            "gpu_monitor_job_overdue",
            "1 while a run of a periodic job takes longer than its deadline, else 0.",
            ("name",),
            registry=self._registry,
        )

    def _make_program_metrics(self, version: str) -> None:
        self._reload = Gauge(
            "gpu_monitor_config_last_reload_successful",
            "1 if the configuration was read well when last asked to, else 0.",
            registry=self._registry,
        )
        self._reload.set(1)
        build = Info(
            "gpu_monitor_build", "The version of the program that runs.", registry=self._registry
        )
        build.info({"version": version})


def _issue_counts(poll: Poll) -> Mapping[IssueReason, int]:
    if poll.snapshot is None:
        return CountOf(issue.reason for issue in poll.issues)
    return poll.snapshot.issue_counts
