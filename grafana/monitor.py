"""The dashboard *Monitor*: whether the program does its work, and what stands in its way."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import Section, board, job, marks, several, source
from grafana.buying import buying
from grafana.frame import (
    COUNT,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SECONDS,
    YELLOW,
    AnyPanel,
    Frame,
    ranges,
)
from grafana.market import AGE_STEPS
from grafana.panels import lines, number, stack, timeline, word
from grafana.queries import Course, promql

_GOOD_OR_BAD = ((None, GREEN), (1, RED))


def monitor() -> Dashboard:
    """Return the dashboard."""
    return board(
        uid="gpu-monitor",
        title="GPU monitor",
        description="Polling, delivery and buying of gpu-monitor itself.",
        variables=[
            source("prometheus"),
            job(),
            several(
                "instance",
                "Instance",
                promql("label_values(gpu_monitor_build_info{@job}, instance)"),
            ),
        ],
        annotations=marks(),
        sections=[
            Section(title="Now", panels=_now()),
            Section(title="Polling", panels=_polling()),
            Section(title="Alerts and delivery", panels=_delivery()),
            Section(title="Buying", panels=buying()),
            Section(title="Inside", panels=_inside()),
        ],
        since="now-6h",
    )


def _now() -> list[AnyPanel]:
    return [
        word(
            Frame(
                title="Up",
                description="Whether Prometheus can scrape every monitor.",
                unit="none",
                width=4,
                height=4,
                no_value="not scraped",
            ),
            Course(expr="min(up{@instance})"),
            mappings=ranges((0, 0, "down", RED), (1, 1, "up", GREEN)),
        ),
        number(
            Frame(
                title="Age of the data in polls",
                description="How many poll intervals ago the last good poll began, of the "
                "marketplace with the oldest; about one at most while all is well.",
                unit=COUNT,
                decimals=1,
                width=4,
                height=4,
                no_value="no good poll yet",
            ),
            Course(
                expr="max((time() - max by (marketplace) "
                "(gpu_monitor_last_successful_poll_timestamp_seconds{@instance} > 0)) / "
                "max by (marketplace) (gpu_monitor_poll_interval_seconds{@instance}))"
            ),
            steps=AGE_STEPS,
        ),
        number(
            Frame(
                title="Alerts firing",
                description="Alerts of all rules that fire now.",
                unit=COUNT,
                width=4,
                height=4,
            ),
            Course(expr='sum(max by (rule) (gpu_monitor_alerts{@instance,state="firing"}))'),
            steps=((None, GREEN), (1, ORANGE)),
        ),
        number(
            Frame(
                title="Messages waiting",
                description="Notifications that are neither sent nor given up.",
                unit=COUNT,
                width=4,
                height=4,
            ),
            Course(expr="sum(max by (receiver) (gpu_monitor_outbox_length{@instance}))"),
            steps=((None, GREEN), (10, YELLOW), (100, RED)),
        ),
        word(
            Frame(
                title="Configuration",
                description="Whether the configuration in force is the one last asked for.",
                unit="none",
                width=4,
                height=4,
            ),
            Course(expr="min(gpu_monitor_config_last_reload_successful{@instance})"),
            mappings=ranges((0, 0, "an older one", RED), (1, 1, "as asked for", GREEN)),
        ),
        number(
            Frame(
                title="Jobs that hang",
                description="Periodic jobs whose present run takes longer than its deadline.",
                unit=COUNT,
                width=4,
                height=4,
            ),
            Course(expr="sum(gpu_monitor_job_overdue{@instance})"),
            steps=_GOOD_OR_BAD,
        ),
    ]


def _polling() -> list[AnyPanel]:
    return [
        stack(
            Frame(
                title="Polls by outcome",
                description="Polls per step of the time shown. Only ok changes what is known; "
                "every other outcome freezes alerts and histories.",
                unit=COUNT,
            ),
            Course(
                expr="sum by (outcome) (increase(gpu_monitor_polls_total{@instance}"
                "[$__rate_interval]))",
                legend="{{outcome}}",
            ),
            colors={
                "ok": GREEN,
                "empty": GREY,
                "malformed": PURPLE,
                "unreachable": RED,
                "refused": ORANGE,
                "throttled": YELLOW,
            },
            bars=True,
        ),
        lines(
            Frame(
                title="Age of the data by marketplace",
                description="Time since the last good poll began: a saw tooth as high as the poll "
                "interval while all is well.",
                unit=SECONDS,
                no_value="no good poll yet",
            ),
            Course(
                expr="time() - max by (marketplace) "
                "(gpu_monitor_last_successful_poll_timestamp_seconds{@instance} > 0)",
                legend="{{marketplace}}",
            ),
        ),
        lines(
            Frame(
                title="How long a poll takes",
                description="Time to fetch and to decode, whatever the outcome.",
                unit=SECONDS,
            ),
            Course(expr=_slowest(0.5), legend="half of them below"),
            Course(expr=_slowest(0.95), legend="19 of 20 below"),
            Course(
                expr="sum(rate(gpu_monitor_poll_duration_seconds_sum{@instance}"
                "[$__rate_interval])) / sum(rate(gpu_monitor_poll_duration_seconds_count"
                "{@instance}[$__rate_interval]))",
                legend="mean",
            ),
        ),
        stack(
            Frame(
                title="Parts of answers that were not used",
                description="Rows and fields of the marketplace's answers that could not be used, "
                "by reason. A jump means that the answers have changed.",
                unit=COUNT,
            ),
            Course(
                expr="sum by (reason) (increase(gpu_monitor_decode_issues_total{@instance}"
                "[$__rate_interval]))",
                legend="{{reason}}",
            ),
            bars=True,
        ),
    ]


def _slowest(share: float) -> str:
    return (
        f"histogram_quantile({share}, sum by (le) "
        "(rate(gpu_monitor_poll_duration_seconds_bucket{@instance}[$__rate_interval])))"
    )


def _delivery() -> list[AnyPanel]:
    return [
        timeline(
            Frame(
                title="Rules that fire",
                description="When each rule had alerts that fired.",
                unit="none",
                no_value="no rules",
            ),
            Course(
                expr='max by (rule) (gpu_monitor_alerts{@instance,state="firing"})',
                legend="{{rule}}",
            ),
            mappings=ranges((0, 0, "quiet", GREY), (1, None, "firing", ORANGE)),
        ),
        stack(
            Frame(
                title="Alerts by state",
                description="Alerts of all rules: pending until `for` is over, then firing.",
                unit=COUNT,
            ),
            Course(
                expr="sum by (state) (max by (rule, state) (gpu_monitor_alerts{@instance}))",
                legend="{{state}}",
            ),
            colors={"pending": YELLOW, "firing": ORANGE},
        ),
        stack(
            Frame(
                title="Attempts to deliver, by result",
                description="sent: accepted. failed and unknown are tried again; dead is given up.",
                unit=COUNT,
                no_value="no receivers",
            ),
            Course(
                expr="sum by (outcome) (increase(gpu_monitor_notifications_total{@instance}"
                "[$__rate_interval]))",
                legend="{{outcome}}",
            ),
            colors={"sent": GREEN, "failed": ORANGE, "unknown": YELLOW, "dead": RED},
            bars=True,
        ),
        lines(
            Frame(
                title="Outbox by receiver",
                description="Notifications that wait; one that does not go down is a receiver that "
                "takes nothing.",
                unit=COUNT,
                no_value="no receivers",
            ),
            Course(
                expr="max by (receiver) (gpu_monitor_outbox_length{@instance})",
                legend="{{receiver}}",
            ),
        ),
    ]


def _inside() -> list[AnyPanel]:
    return [
        lines(
            Frame(
                title="Time since a job last ended well",
                description="By periodic job; each falls to 0 whenever the job runs.",
                unit=SECONDS,
                width=8,
                no_value="no job has run yet",
            ),
            Course(
                expr="time() - max by (name) "
                "(gpu_monitor_job_last_success_timestamp_seconds{@instance} > 0)",
                legend="{{name}}",
            ),
        ),
        stack(
            Frame(
                title="Runs that an error ended",
                description="By kind of error; store_busy is a database that was locked, full or "
                "gone for the moment.",
                unit=COUNT,
                width=8,
            ),
            Course(
                expr="sum by (name, error) (increase(gpu_monitor_job_errors_total{@instance}"
                "[$__rate_interval]))",
                legend="{{name}}: {{error}}",
            ),
            bars=True,
        ),
        lines(
            Frame(
                title="Series exported",
                description="Samples that Prometheus got at each scrape; docs/metrics.md says how "
                "many there can be.",
                unit=COUNT,
                width=4,
                no_value="not scraped",
            ),
            Course(expr="scrape_samples_scraped{@instance}", legend="{{instance}}"),
        ),
        lines(
            Frame(
                title="Duration of a scrape",
                description="How long Prometheus waited for the metrics.",
                unit=SECONDS,
                width=4,
                no_value="not scraped",
            ),
            Course(expr="scrape_duration_seconds{@instance}", legend="{{instance}}"),
        ),
    ]
