"""The metrics of buying: what was bought, what it costs, and how near the limits are."""

from collections.abc import Collection, Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitor.grab.figures import Figures, Hindrance, Period
from monitor.grab.grab import COUNTING, GrabStatus
from monitor.market.money import dollars
from monitor.rules.alert import RuleName
from monitor.web.exposition import label_value
from monitor.web.series import Table, start

_LIMIT = ("rule", "limit")


class BuyingMetrics:
    """All metrics of buying. Every method may be called from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._grabs_total = Counter(
            "gpu_monitor_grabs_total",
            "Grabs of a rule that came to an outcome.",
            ("rule", "outcome"),
            registry=registry,
        )
        self._committed = Gauge(
            "gpu_monitor_committed_spend_usd_per_hour",
            "What all grabs that count against limits cost per hour.",
            registry=registry,
        )
        self._grabs = Table(
            "gpu_monitor_open_grabs", "Grabs of a rule that have not ended.", ("rule", "status")
        )
        self._overdue = Table(
            "gpu_monitor_instances_overdue",
            "Instances of a rule that should be gone and may still be billed.",
            ("rule",),
        )
        self._spent = Table(
            "gpu_monitor_spent_usd",
            "What a rule has spent today and this month (UTC), as reckoned here.",
            ("rule", "period"),
        )
        self._limit = Table(
            "gpu_monitor_grab_limit", "A limit on buying; of all rules if rule is empty.", _LIMIT
        )
        self._used = Table(
            "gpu_monitor_grab_limit_used", "What counts against a limit on buying.", _LIMIT
        )
        self._hindered = Table(
            "gpu_monitor_buying_hindered", "1 if this keeps anything from being bought.", ("by",)
        )
        for table in (
            *(self._grabs, self._overdue, self._spent),
            *(self._limit, self._used, self._hindered),
        ):
            registry.register(table)

    def configure(self, rules: Collection[str]) -> None:
        """Start all series of these rules, which may buy, at 0, and drop those of others."""
        names = {label_value(rule) for rule in rules}
        start(self._grabs_total, "rule", names, GrabStatus)
        self._grabs.expected = list(product(names, sorted(COUNTING)))
        self._overdue.expected = [(name,) for name in names]
        self._spent.expected = list(product(names, Period))
        self._hindered.expected = [(each,) for each in Hindrance]

    def count(self, reached: Mapping[tuple[RuleName, GrabStatus], int]) -> None:
        """Count how many grabs of each rule have reached each status since the last time."""
        for (rule, status), number in reached.items():
            self._grabs_total.labels(label_value(rule), status).inc(number)

    def show(self, figures: Figures) -> None:
        """Replace all numbers that are of one instant."""
        self._committed.set(dollars(figures.per_hour))
        self._grabs.rows = {
            (label_value(rule), status): number for (rule, status), number in figures.grabs.items()
        }
        self._overdue.rows = {(label_value(rule),): n for rule, n in figures.overdue.items()}
        self._spent.rows = {
            (label_value(rule), period): dollars(amount)
            for (rule, period), amount in figures.spent.items()
        }
        keys = [(label_value(each.rule), each.limit) for each in figures.limits]
        self._limit.rows = dict(zip(keys, (each.at_most for each in figures.limits), strict=True))
        self._used.rows = dict(zip(keys, (each.used for each in figures.limits), strict=True))
        self._hindered.rows = {(each,): 1 for each in figures.hindrances}
