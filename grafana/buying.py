"""The panels about buying: what there is, what it costs, and what needs a person."""

from grafana.frame import (
    COUNT,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RATIO,
    RED,
    USD,
    YELLOW,
    AnyPanel,
    Frame,
    ranges,
)
from grafana.panels import lines, number, stack, timeline
from grafana.queries import Course

_GOOD_OR_BAD = ((None, GREEN), (1, RED))
_NOTHING = "no rule may buy"


def buying() -> list[AnyPanel]:
    """Return the section."""
    return [*_now(), *_courses()]


def _now() -> list[AnyPanel]:
    return [
        number(
            Frame(
                title="Committed per hour",
                description="What everything costs per hour that counts against limits: planned, "
                "being sent, unclear, running, being deleted.",
                unit=USD,
                decimals=2,
                width=4,
                height=4,
            ),
            Course(expr="max(gpu_monitor_committed_spend_usd_per_hour{@instance})"),
        ),
        number(
            Frame(
                title="Unclear purchases",
                description="Requests of which nobody knows whether they bought something.",
                unit=COUNT,
                width=4,
                height=4,
                no_value=_NOTHING,
            ),
            Course(expr='sum(max by (rule) (gpu_monitor_open_grabs{@instance,status="unknown"}))'),
            steps=_GOOD_OR_BAD,
        ),
        number(
            Frame(
                title="Overdue instances",
                description="Instances that should be gone and may still be billed.",
                unit=COUNT,
                width=4,
                height=4,
                no_value=_NOTHING,
            ),
            Course(expr="sum(max by (rule) (gpu_monitor_instances_overdue{@instance}))"),
            steps=((None, GREEN), (1, ORANGE)),
        ),
        timeline(
            Frame(
                title="What keeps anything from being bought",
                description="The mode dry_run, a pause by a person, the stop file.",
                unit="none",
                width=12,
                height=4,
            ),
            Course(expr="max by (by) (gpu_monitor_buying_hindered{@instance})", legend="{{by}}"),
            mappings=ranges((0, 0, "no", GREY), (1, 1, "held back", YELLOW)),
        ),
    ]


def _courses() -> list[AnyPanel]:
    return [
        stack(
            Frame(
                title="Grabs by outcome",
                description="Each status that a grab came to. refused: our own policy; failed: the "
                "marketplace made nothing; unknown: nobody knows yet.",
                unit=COUNT,
                no_value=_NOTHING,
            ),
            Course(
                expr="sum by (outcome) (increase(gpu_monitor_grabs_total{@instance}"
                "[$__rate_interval]))",
                legend="{{outcome}}",
            ),
            colors={"refused": GREY, "failed": ORANGE, "unknown": RED, "running": GREEN},
            bars=True,
        ),
        stack(
            Frame(
                title="Grabs that have not ended",
                description="By status.",
                unit=COUNT,
                no_value=_NOTHING,
            ),
            Course(
                expr="sum by (status) (max by (rule, status) (gpu_monitor_open_grabs{@instance}))",
                legend="{{status}}",
            ),
            colors={"unknown": RED, "created": YELLOW, "running": GREEN, "deleting": PURPLE},
        ),
        lines(
            Frame(
                title="Limits used",
                description="The share of each limit that is used; at 1 nothing more is bought. "
                "Of a day and a month that is what was spent and what everything there is could "
                "still spend.",
                unit=RATIO,
                no_value="no limits are set",
            ),
            Course(
                expr="max by (rule, limit) (gpu_monitor_grab_limit_used{@instance})"
                " / max by (rule, limit) (gpu_monitor_grab_limit{@instance})",
                legend="{{rule}} {{limit}}",
            ),
        ),
        lines(
            Frame(
                title="Spent this month",
                description="By rule, as reckoned here; the marketplace's own bill is what counts.",
                unit=USD,
                no_value=_NOTHING,
            ),
            Course(
                expr='max by (rule) (gpu_monitor_spent_usd{@instance,period="month"})',
                legend="{{rule}}",
            ),
        ),
    ]
