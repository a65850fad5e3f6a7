"""Every metric the program exports, and how it is kept up to date.

The market part is rendered once per snapshot, the program's own part at each scrape. A scrape
reads values in memory and waits for neither a poll nor the database.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import product
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.alerting.outbox import NotificationStatus
from monitor.errors import StoreBusyError, StoreError
from monitor.market.snapshot import IssueReason, Outcome, Poll, Snapshot
from monitor.rules.alert import AlertState, RuleName
from monitor.web.exposition import Format, Page, label_value, render
from monitor.web.market_collector import MarketCollector

_Row = tuple[str, ...]

# From an answer at once to a read that ran into its time-out three times.
_POLL_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
_SHOWN_STATES = (AlertState.PENDING, AlertState.FIRING)


class CycleError(StrEnum):
    """What kept a poll from being recorded and evaluated; the label `error`."""

    STORE_BUSY = "store_busy"
    STORE = "store"
    UNEXPECTED = "unexpected"


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

    `configure()` comes first: it says which marketplaces, rules and receivers there are.
    """

    def __init__(self, *, version: str) -> None:
        self._registry = CollectorRegistry()
        self._writing = Lock()
        self._snapshots: dict[str, Snapshot] = {}
        self._hostnode_series = True
        self._page = Page(MarketCollector(()))
        self._make_poll_metrics()
        self._make_alert_metrics()
        self._make_program_metrics(version)

    def configure(
        self,
        *,
        marketplaces: Collection[str],
        rules: Collection[str],
        receivers: Collection[str],
        hostnode_series: bool = True,
    ) -> None:
        """Start all series that are known in advance at 0, and drop those of what is gone.

        Called at start and after each reload, between cycles. Without `hostnode_series` no series
        has a `hostnode` label.
        """
        known = {label_value(name) for name in marketplaces}
        with self._writing:
            self._hostnode_series = hostnode_series
            self._show({name: found for name, found in self._snapshots.items() if name in known})
        self._start_marketplaces(known)
        receiving = {label_value(name) for name in receivers}
        _start(self._notifications, "receiver", receiving, NotificationOutcome)
        self._alerts.expected = list(product(map(label_value, rules), _SHOWN_STATES))
        self._outbox.expected = [(name,) for name in receiving]

    def observe_poll(self, poll: Poll) -> None:
        """Count a poll; a good one's snapshot is what the market metrics show from now on."""
        marketplace = label_value(poll.marketplace)
        self._polls.labels(marketplace, poll.outcome).inc()
        self._poll_duration.labels(marketplace).observe(poll.duration)
        for issue in poll.issues:
            self._issues.labels(marketplace, issue.reason).inc()
        if poll.snapshot is None:
            return
        self._last_success.labels(marketplace).set(poll.at.timestamp())
        with self._writing:
            self._show(self._snapshots | {marketplace: poll.snapshot})

    def count_cycle_error(self, marketplace: str, error: Exception) -> None:
        """Count a cycle that `error` ended before its poll was recorded and evaluated."""
        match error:
            case StoreBusyError():
                kind = CycleError.STORE_BUSY
            case StoreError():
                kind = CycleError.STORE
            case _:
                kind = CycleError.UNEXPECTED
        self._cycle_errors.labels(label_value(marketplace), kind).inc()

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

    def set_outbox(self, lengths: Mapping[str, int]) -> None:
        """Replace how many notifications each receiver has that are neither sent nor dead."""
        self._outbox.rows = {(label_value(name),): length for name, length in lengths.items()}

    def set_jobs(
        self, last_runs: Mapping[str, datetime | None], overdue: Collection[str] = ()
    ) -> None:
        """Replace when each periodic job last ended, `None` for never, and which are overdue."""
        self._jobs_overdue.rows = {(job,): job in overdue for job in last_runs}
        self._job_runs.rows = {
            (job,): 0 if at is None else at.timestamp() for job, at in last_runs.items()
        }

    def set_reload(self, *, successful: bool) -> None:
        """Tell whether the configuration in force is the one last asked for."""
        self._reload.set(successful)

    def expose(self, form: Format = Format.TEXT, *, gzipped: bool = False) -> bytes:
        """Return everything in one format; slow only for the first scrape after a good poll."""
        own = render(_WithoutCreated(self._registry), form)
        return self._page.followed_by(own, form, gzipped=gzipped)

    def _show(self, snapshots: dict[str, Snapshot]) -> None:
        """Swap the snapshots; a scrape has the old page or the new one, never a mixture."""
        self._snapshots = snapshots
        self._page = Page(
            MarketCollector(tuple(snapshots.values()), hostnode_series=self._hostnode_series)
        )

    def _start_marketplaces(self, names: set[str]) -> None:
        _start(self._polls, "marketplace", names, Outcome)
        _start(self._poll_duration, "marketplace", names)
        _start(self._last_success, "marketplace", names)
        _start(self._issues, "marketplace", names, IssueReason)
        _start(self._cycle_errors, "marketplace", names, CycleError)

    def _make_poll_metrics(self) -> None:
        self._polls = Counter(
            "gpu_monitor_polls_total",
            "Polls of a marketplace by outcome.",
            ("marketplace", "outcome"),
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
            "When the poll began that the market metrics show; 0 before the first good one.",
            ("marketplace",),
            registry=self._registry,
        )
        self._issues = Counter(
            "gpu_monitor_decode_issues_total",
            "Parts of a marketplace's answers that were not used, by reason.",
            ("marketplace", "reason"),
            registry=self._registry,
        )
        self._cycle_errors = Counter(
            "gpu_monitor_cycle_errors_total",
            "Cycles that ended before the poll was recorded and evaluated, by kind of error.",
            ("marketplace", "error"),
            registry=self._registry,
        )

    def _make_alert_metrics(self) -> None:
        self._alerts = _Table(
            "gpu_monitor_alerts", "Alerts of a rule that are pending or firing.", ("rule", "state")
        )
        self._notifications = Counter(
            "gpu_monitor_notifications_total",
            "Attempts to deliver a notification by outcome.",
            ("receiver", "outcome"),
            registry=self._registry,
        )
        self._outbox = _Table(
            "gpu_monitor_outbox_length",
            "Notifications that are neither sent nor given up.",
            ("receiver",),
        )
        self._registry.register(self._alerts)
        self._registry.register(self._outbox)

    def _make_program_metrics(self, version: str) -> None:
        self._job_runs = _Table(
            "gpu_monitor_job_last_run_timestamp_seconds",
            "When a periodic job last ended; 0 before the first time.",
            ("name",),
        )
        self._jobs_overdue = _Table(
            "gpu_monitor_job_overdue",
            "1 for a periodic job that hangs or does not run as often as it should, else 0.",
            ("name",),
        )
        self._registry.register(self._job_runs)
        self._registry.register(self._jobs_overdue)
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


class _Table:
    """A gauge whose series are replaced all at once; those `expected` are 0 where none is given."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self.expected: Iterable[_Row] = ()
        self.rows: Mapping[_Row, float] = {}

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for row, value in {**dict.fromkeys(self.expected, 0), **self.rows}.items():
            family.add_metric(row, value)
        yield family


class _WithoutCreated:
    """A collector without the `_created` series, which in the text format pass for metrics."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        for family in self._collector.collect():
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
            yield family


def _start(
    metric: Counter | Gauge | Histogram, label: str, names: Collection[str], *rest: Iterable[str]
) -> None:
    """Make a series for each combination, and drop those whose `label` is none of `names`."""
    for row in product(names, *rest):
        metric.labels(*row)
    shown = {sample.labels[label] for family in metric.collect() for sample in family.samples}
    for gone in shown.difference(names):
        metric.remove_by_labels({label: gone})
