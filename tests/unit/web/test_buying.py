"""The metrics of buying: zero before anything was bought, and replaced as a whole."""

from monitor.grab.figures import Hindrance
from monitor.grab.grab import GrabStatus
from monitor.rules.alert import RuleName
from tests.unit.web.exposed import some_figures, some_metrics, value

RULE = RuleName("h100-under-2.20")
TOTAL = "gpu_monitor_grabs_total"
OPEN = "gpu_monitor_open_grabs"


def test_every_outcome_of_a_rule_that_may_buy_starts_at_zero() -> None:
    metrics = some_metrics()
    for status in GrabStatus:
        assert value(metrics, TOTAL, rule=RULE, outcome=status) == 0
    assert value(metrics, OPEN, rule=RULE, status="unknown") == 0
    assert value(metrics, OPEN, rule=RULE, status="deleted") is None
    assert value(metrics, "gpu_monitor_committed_spend_usd_per_hour") == 0
    assert value(metrics, "gpu_monitor_buying_hindered", by="stop_file") == 0


def test_outcomes_add_up() -> None:
    metrics = some_metrics()
    for _ in range(2):
        metrics.buying.count({(RULE, GrabStatus.FAILED): 3})
    assert value(metrics, TOTAL, rule=RULE, outcome="failed") == 6


def test_numbers_of_one_instant_are_replaced_together() -> None:
    metrics = some_metrics()
    metrics.buying.show(some_figures())
    assert value(metrics, "gpu_monitor_committed_spend_usd_per_hour") == 2.1
    assert value(metrics, "gpu_monitor_spent_usd", rule=RULE, period="month") == 42
    assert value(metrics, "gpu_monitor_grab_limit", rule="", limit="max_instances") == 5
    assert value(metrics, "gpu_monitor_grab_limit_used", rule=RULE, limit="max_instances") == 2
    assert value(metrics, "gpu_monitor_buying_hindered", by="paused") == 1
    metrics.buying.show(
        some_figures(
            grabs={(RULE, GrabStatus.UNKNOWN): 2},
            overdue={RULE: 1},
            limits=(),
            hindrances=frozenset({Hindrance.STOP_FILE}),
        )
    )
    assert value(metrics, OPEN, rule=RULE, status="running") == 0
    assert value(metrics, OPEN, rule=RULE, status="unknown") == 2
    assert value(metrics, "gpu_monitor_instances_overdue", rule=RULE) == 1
    assert value(metrics, "gpu_monitor_grab_limit", rule="", limit="max_instances") is None
    assert value(metrics, "gpu_monitor_buying_hindered", by="paused") == 0


def test_a_rule_that_buys_no_more_leaves_no_counter() -> None:
    metrics = some_metrics()
    metrics.buying.configure(["another"])
    assert value(metrics, TOTAL, rule=RULE, outcome="failed") is None
    assert value(metrics, TOTAL, rule="another", outcome="failed") == 0
