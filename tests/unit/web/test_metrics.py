import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerting.outbox import NotificationStatus
from monitor.errors import MonitorError, StoreBusyError, StoreError, StoreInUseError
from monitor.market.offer import Offer
from monitor.market.snapshot import Issue, IssueReason, Outcome, Poll, Snapshot
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.rules.alert import AlertState, RuleName
from monitor.web.exposition import Format
from monitor.web.metrics import Metrics
from tests.unit.web.exposed import (
    NOON,
    a_bad_poll,
    a_poll,
    a_snapshot,
    an_offer,
    filled_metrics,
    of_model,
    of_offer,
    promtool,
    series,
    some_metrics,
    value,
)

PRICE = "gpu_market_offer_price_usd_per_hour"
POLLS = "gpu_monitor_polls_total"
INTERVAL = "gpu_monitor_poll_interval_seconds"
MINUTE = timedelta(minutes=1)
ISSUES = "gpu_monitor_decode_issues_total"
LAST_GOOD = "gpu_monitor_last_successful_poll_timestamp_seconds"
NOTIFICATIONS = "gpu_monitor_notifications_total"
OUTBOX = "gpu_monitor_outbox_length"
ALERTS = "gpu_monitor_alerts"
JOB_ERRORS = "gpu_monitor_job_errors_total"
OVERDUE = "gpu_monitor_job_overdue"
SEED = Path(__file__).parents[2] / "fixtures" / "seed" / "list_hostnodes.response.json"
RULE = RuleName("h100-under-2.20")
JOB = "poll tensordock"
LATER = NOON.replace(hour=13)


def test_every_outcome_of_every_marketplace_is_there_before_the_first_poll() -> None:
    for outcome in Outcome:
        assert value(some_metrics(), POLLS, marketplace="tensordock", outcome=outcome) == 0


def test_everything_known_in_advance_starts_at_zero() -> None:
    metrics = some_metrics()
    assert value(metrics, LAST_GOOD, marketplace="tensordock") == 0
    assert value(metrics, ISSUES, marketplace="tensordock", reason="unpriced") == 0
    assert value(metrics, NOTIFICATIONS, receiver="chat", outcome="dead") == 0
    assert value(metrics, OUTBOX, receiver="chat") == 0
    assert value(metrics, ALERTS, rule=RULE, state="pending") == 0
    assert value(metrics, ALERTS, rule=RULE, state="firing") == 0
    assert value(metrics, JOB_ERRORS, name=JOB, error="store_busy") == 0
    assert value(metrics, OVERDUE, name=JOB) == 0


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK}))
def test_a_bad_poll_is_counted_and_leaves_the_market_as_it_was(outcome: Outcome) -> None:
    metrics = some_metrics()
    metrics.observe_poll(a_poll(a_snapshot([an_offer(price=2.2)])))
    for _ in range(10):
        metrics.observe_poll(a_bad_poll(outcome))
    assert value(metrics, POLLS, marketplace="tensordock", outcome=outcome) == 10
    assert of_offer(PRICE, metrics) == 2.2


def test_the_age_of_the_market_is_that_of_the_last_good_poll() -> None:
    metrics = some_metrics()
    metrics.observe_poll(a_poll(a_snapshot(), at=NOON))
    metrics.observe_poll(
        Poll(marketplace="tensordock", at=LATER, outcome=Outcome.EMPTY, duration=1)
    )
    assert value(metrics, LAST_GOOD, marketplace="tensordock") == NOON.timestamp()


def test_a_series_disappears_with_its_offer() -> None:
    metrics = some_metrics()
    metrics.observe_poll(a_poll(a_snapshot([an_offer("hn-1"), an_offer("hn-2")])))
    metrics.expose()
    metrics.observe_poll(a_poll(a_snapshot([an_offer("hn-2")])))
    assert of_offer(PRICE, metrics, "hn-1") is None
    assert of_offer(PRICE, metrics, "hn-2") == 2.0


def test_the_documented_answer_shows_its_price() -> None:
    snapshot = decode_hostnodes(SEED.read_bytes(), marketplace="tensordock", at=NOON)
    metrics = some_metrics()
    metrics.observe_poll(a_poll(snapshot))
    assert of_offer(PRICE, metrics, "hostnode-uuid") == 2.2
    assert of_model("gpu_market_gpus_available", metrics) == 8


def test_the_time_of_a_poll_is_counted_in_buckets() -> None:
    metrics = some_metrics()
    metrics.observe_poll(a_poll(a_snapshot(), duration=0.4))
    bucket = "gpu_monitor_poll_duration_seconds_bucket"
    assert value(metrics, bucket, marketplace="tensordock", le="0.25") == 0
    assert value(metrics, bucket, marketplace="tensordock", le="0.5") == 1


def test_issues_of_a_good_poll_are_counted_even_those_left_out_of_its_list() -> None:
    metrics = some_metrics()
    snapshot = Snapshot(
        marketplace="tensordock",
        at=NOON,
        hostnodes=(),
        offers=(),
        issues=(Issue(reason=IssueReason.FIELD, path="$", detail=""),),
        issues_left_out={IssueReason.FIELD: 5},
    )
    metrics.observe_poll(a_poll(snapshot))
    assert value(metrics, ISSUES, marketplace="tensordock", reason="field") == 6


def test_issues_of_a_bad_poll_are_counted() -> None:
    metrics = some_metrics()
    issue = Issue(reason=IssueReason.OFFER_SHAPE, path="$", detail="")
    poll = Poll(
        marketplace="tensordock", at=NOON, outcome=Outcome.EMPTY, duration=1, issues=(issue,)
    )
    metrics.observe_poll(poll)
    assert value(metrics, ISSUES, marketplace="tensordock", reason="offer_shape") == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StoreBusyError("locked"), "store_busy"),
        (StoreInUseError("owned"), "store"),
        (StoreError("full"), "store"),
        (MonitorError("?"), "other"),
        (ZeroDivisionError(), "other"),
    ],
)
def test_a_run_that_failed_is_counted_by_kind(error: Exception, kind: str) -> None:
    metrics = some_metrics()
    metrics.job_failed(JOB, error)
    assert value(metrics, JOB_ERRORS, name=JOB, error=kind) == 1


def test_a_run_that_ended_well_leaves_its_time() -> None:
    metrics = some_metrics()
    metrics.job_ran(JOB, NOON)
    name = "gpu_monitor_job_last_success_timestamp_seconds"
    assert value(metrics, name, name=JOB) == NOON.timestamp()


@pytest.mark.parametrize("well", [True, False])
def test_a_job_that_hangs_is_overdue_until_it_ends(*, well: bool) -> None:
    metrics = some_metrics()
    metrics.job_hangs(JOB)
    assert value(metrics, OVERDUE, name=JOB) == 1
    if well:
        metrics.job_ran(JOB, NOON)
    else:
        metrics.job_failed(JOB, StoreError("full"))
    assert value(metrics, OVERDUE, name=JOB) == 0


def test_alerts_are_replaced_and_a_rule_without_one_shows_zero() -> None:
    metrics = some_metrics()
    metrics.set_alerts({(RULE, AlertState.PENDING): 2, (RULE, AlertState.RESOLVED): 9})
    assert value(metrics, ALERTS, rule=RULE, state="pending") == 2
    assert value(metrics, ALERTS, rule=RULE, state="firing") == 0
    assert value(metrics, ALERTS, rule=RULE, state="resolved") is None
    metrics.set_alerts({(RULE, AlertState.FIRING): 1})
    assert value(metrics, ALERTS, rule=RULE, state="pending") == 0
    assert value(metrics, ALERTS, rule=RULE, state="firing") == 1


@pytest.mark.parametrize(
    ("settled", "outcome"),
    [
        (NotificationStatus.SENT, "sent"),
        (NotificationStatus.QUEUED, "failed"),
        (NotificationStatus.UNKNOWN, "unknown"),
        (NotificationStatus.DEAD, "dead"),
    ],
)
def test_an_attempt_to_deliver_is_counted_by_how_it_was_settled(
    settled: NotificationStatus, outcome: str
) -> None:
    metrics = some_metrics()
    metrics.count_notification("chat", settled)
    assert value(metrics, NOTIFICATIONS, receiver="chat", outcome=outcome) == 1


def test_the_outbox_is_replaced_and_an_empty_one_shows_zero() -> None:
    metrics = some_metrics()
    metrics.set_outbox({"chat": 3, "removed-receiver": 1})
    assert value(metrics, OUTBOX, receiver="chat") == 3
    assert value(metrics, OUTBOX, receiver="removed-receiver") == 1
    metrics.set_outbox({})
    assert value(metrics, OUTBOX, receiver="chat") == 0
    assert value(metrics, OUTBOX, receiver="removed-receiver") is None


def test_a_failed_reload_shows() -> None:
    metrics = some_metrics()
    assert value(metrics, "gpu_monitor_config_last_reload_successful") == 1
    metrics.set_reload(successful=False)
    assert value(metrics, "gpu_monitor_config_last_reload_successful") == 0


def test_the_version_is_told() -> None:
    assert value(some_metrics(), "gpu_monitor_build_info", version="1.2.3") == 1


def test_what_a_reload_keeps_goes_on_and_what_it_removes_disappears() -> None:
    metrics = filled_metrics()
    metrics.observe_poll(a_poll(a_snapshot([an_offer()], marketplace="gone")))
    metrics.count_notification("gone", NotificationStatus.SENT)
    metrics.job_hangs("gone")
    metrics.configure(
        marketplaces={"tensordock": timedelta(hours=1)},
        rules=["new"],
        receivers=["chat"],
        jobs=[JOB],
    )
    assert value(metrics, INTERVAL, marketplace="tensordock") == 3600
    assert not [labels for _, labels in series(metrics) if "gone" in dict(labels).values()]
    assert value(metrics, POLLS, marketplace="tensordock", outcome="ok") == 1
    assert value(metrics, NOTIFICATIONS, receiver="chat", outcome="sent") == 1
    assert of_offer(PRICE, metrics) == 2.0
    assert value(metrics, ALERTS, rule="new", state="firing") == 0


def test_both_formats_say_the_same_to_strict_readers() -> None:
    metrics = filled_metrics()
    assert series(metrics, Format.TEXT) == series(metrics, Format.OPENMETRICS)


def test_there_is_nothing_that_only_prometheus_client_wanted() -> None:
    """`…_created` would be metrics of their own in the text format."""
    assert not [name for name, _ in series(filled_metrics()) if name.endswith("_created")]


@pytest.mark.parametrize("name", ['h100 "cheap"\n', "\ud83d", "\0"])
def test_names_in_the_configuration_can_hold_anything(name: str) -> None:
    metrics = Metrics(version="1")
    metrics.configure(marketplaces={name: MINUTE}, rules=[name], receivers=[name], jobs=[name])
    metrics.observe_poll(a_poll(a_snapshot([an_offer()], marketplace=name)))
    metrics.count_notification(name, NotificationStatus.SENT)
    metrics.set_alerts({(RuleName(name), AlertState.FIRING): 1})
    metrics.set_outbox({name: 1})
    metrics.job_ran(name, NOON)
    metrics.job_failed(name, StoreError("full"))
    assert series(metrics, Format.TEXT) == series(metrics, Format.OPENMETRICS)


def test_openmetrics_ends_once_before_the_first_poll_too() -> None:
    exposition = some_metrics().expose(Format.OPENMETRICS)
    assert exposition.count(b"# EOF") == 1
    assert exposition.endswith(b"# EOF\n")


@pytest.mark.parametrize("hostnode_series", [True, False])
def test_promtool_has_nothing_to_say(*, hostnode_series: bool) -> None:
    found = subprocess.run(
        [promtool(), "check", "metrics"],
        input=filled_metrics(hostnode_series=hostnode_series).expose(),
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (found.stdout + found.stderr).decode() == ""
    assert found.returncode == 0


def test_a_poll_is_observed_while_a_scrape_renders_the_one_before() -> None:
    metrics = some_metrics()

    class Overtaken(tuple[Offer, ...]):
        """Offers that a poll replaces while a scrape reads them."""

        __slots__ = ()

        def __iter__(self) -> Iterator[Offer]:
            metrics.observe_poll(a_poll(a_snapshot([an_offer(price=3.0)])))
            return super().__iter__()

    offers = Overtaken([an_offer(price=2.0)])
    metrics.observe_poll(a_poll(replace(a_snapshot(), offers=offers)))
    assert of_offer(PRICE, metrics) == 2.0
    assert of_offer(PRICE, metrics) == 3.0


def test_who_stands_by_shows_no_market_until_it_polls_again() -> None:
    """Two processes on one database: the prices of the one that no longer polls grow old."""
    metrics = some_metrics()
    good = a_poll(a_snapshot([an_offer(price=2.2)]))
    metrics.observe_poll(good)
    metrics.stand_by("tensordock")
    assert of_offer(PRICE, metrics) is None
    metrics.observe_poll(good)
    assert of_offer(PRICE, metrics) == 2.2
