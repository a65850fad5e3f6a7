"""Markets to show and metrics filled with them, and what a scrape of these comes to."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import parser
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser

from monitor.alerting.outbox import NotificationStatus
from monitor.grab.figures import ALL_RULES, Figures, Hindrance, LimitFigure, Period
from monitor.grab.grab import GrabStatus
from monitor.grab.wish import Limits
from monitor.market.hostnode import ComponentPrices, Hostnode, HostnodeId, Location, Resources
from monitor.market.money import nano
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import Issue, IssueReason, Outcome, Poll, Snapshot
from monitor.rules.alert import AlertState, RuleName
from monitor.web.exposition import Format
from monitor.web.metrics import Metrics

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
H100 = "h100-sxm5-80gb"
L40 = "l40-pcie-48gb"

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def a_hostnode(
    name: str = "hn-1",
    *,
    location: Location | None = None,
    engine: str | None = None,
    uptime: float | None = None,
) -> Hostnode:
    return Hostnode(
        id=HostnodeId(name),
        location=location or Location(),
        resources=Resources(),
        prices=ComponentPrices(),
        engine=engine,
        uptime=uptime,
    )


def an_offer(
    host: Hostnode | str = "hn-1", gpu: str = H100, *, available: int = 1, price: float | None = 2.0
) -> Offer:
    return Offer(
        hostnode=a_hostnode(host) if isinstance(host, str) else host,
        gpu=GpuModel(gpu),
        available=available,
        price=None if price is None else nano(price),
    )


def a_snapshot(
    offers: Iterable[Offer] = (),
    *,
    marketplace: str = "tensordock",
    bare: Iterable[Hostnode] = (),
    issues: Iterable[IssueReason] = (),
) -> Snapshot:
    """Return a snapshot of `offers` on their hostnodes, and of `bare` ones without an offer."""
    offers = tuple(offers)
    return Snapshot(
        marketplace=marketplace,
        at=NOON,
        hostnodes=(*(offer.hostnode for offer in offers), *bare),
        offers=offers,
        issues=tuple(Issue(reason=reason, path="$", detail="") for reason in issues),
    )


def a_poll(snapshot: Snapshot, *, at: datetime = NOON, duration: float = 0.4) -> Poll:
    return Poll(
        marketplace=snapshot.marketplace,
        at=at,
        outcome=Outcome.OK,
        duration=duration,
        snapshot=snapshot,
    )


def a_bad_poll(outcome: Outcome = Outcome.UNREACHABLE, marketplace: str = "tensordock") -> Poll:
    return Poll(marketplace=marketplace, at=NOON, outcome=outcome, duration=20)


def some_metrics(*, hostnode_series: bool = True) -> Metrics:
    """Return metrics that know what there is, and have been told of nothing yet."""
    metrics = Metrics(version="1.2.3")
    metrics.configure(
        marketplaces={"tensordock": timedelta(minutes=1)},
        rules=["h100-under-2.20"],
        receivers=["chat"],
        jobs=["poll tensordock"],
        buying_rules=["h100-under-2.20"],
        hostnode_series=hostnode_series,
    )
    return metrics


def filled_metrics(*, hostnode_series: bool = True) -> Metrics:
    """Return metrics of which every one has a series."""
    metrics = some_metrics(hostnode_series=hostnode_series)
    place = Location(city="Düsseldorf", country="Germany", organization='"Rhein" \\ Ruhr', tier=3)
    offer = an_offer(a_hostnode(location=place, engine="Narwhal", uptime=99.79), available=8)
    metrics.observe_poll(a_poll(a_snapshot([offer], issues=[IssueReason.UNPRICED])))
    metrics.observe_poll(a_bad_poll())
    metrics.set_alerts({(RuleName("h100-under-2.20"), AlertState.FIRING): 1})
    metrics.count_notification("chat", NotificationStatus.SENT)
    metrics.set_outbox({"chat": 2})
    metrics.job_ran("poll tensordock", NOON)
    metrics.buying.show(some_figures())
    return metrics


def some_figures(**changes: Any) -> Figures:
    """Return numbers of buying in which all five limits are set, of the rule and of all."""
    rule = RuleName("h100-under-2.20")
    limits = tuple(
        LimitFigure(rule=whose, limit=each.name, at_most=5, used=2)
        for whose in (ALL_RULES, rule)
        for each in fields(Limits)
    )
    values: dict[str, Any] = {
        "per_hour": nano(2.1),
        "grabs": {(rule, GrabStatus.RUNNING): 1},
        "overdue": {},
        "spent": {(rule, Period.DAY): nano(4.2), (rule, Period.MONTH): nano(42)},
        "limits": limits,
        "hindrances": frozenset({Hindrance.PAUSED}),
    }
    return Figures(**{**values, **changes})


def families(exposition: bytes, form: Format = Format.TEXT) -> list[Metric]:
    """Return what a strict reader of the format makes of an exposition."""
    text = exposition.decode()
    if form is Format.TEXT:
        return list(parser.text_string_to_metric_families(text))
    read = openmetrics_parser.text_string_to_metric_families
    return list(read(text))  # type: ignore[no-untyped-call]  # the library leaves it untyped


def series(metrics: Metrics, form: Format = Format.TEXT) -> Series:
    """Return the value of each series; none may be there twice."""
    samples = [
        sample for family in families(metrics.expose(form), form) for sample in family.samples
    ]
    values = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(values) == len(samples), "a series is there twice"
    return values


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    """Return the value of one series, or `None` where there is no such series."""
    return series(metrics).get((name, frozenset(labels.items())))


def of_offer(name: str, metrics: Metrics, host: str = "hn-1", gpu: str = H100) -> float | None:
    """Return the value of a series of one offer."""
    return value(metrics, name, marketplace="tensordock", hostnode=host, gpu=gpu)


def of_model(name: str, metrics: Metrics, gpu: str = H100) -> float | None:
    """Return the value of a series of one GPU model."""
    return value(metrics, name, marketplace="tensordock", gpu=gpu)


def names(metrics: Metrics) -> set[str]:
    """Return the names of all series there are."""
    return {name for name, _ in series(metrics)}


def promtool() -> str:
    """Return where promtool is; skip the test where it is missing, and fail it in CI."""
    found = shutil.which("promtool")
    if found is None and "CI" not in os.environ:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    assert found, "CI needs promtool (Debian package prometheus)"
    return found
