"""What an Alertmanager is sent, in Prometheus' form."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.delivery.postable import LASTS_FOR, postable, postable_message
from monitor.market.hostnode import HostnodeId
from monitor.market.money import nano
from monitor.market.offer import GpuModel
from monitor.rules.alert import Alert, AlertState, RuleName, Severity, Sighting

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
BEST = Sighting(
    hostnode_id=HostnodeId("hn-1"),
    gpu=GpuModel("h100"),
    available=4,
    price=nano(2.1),
    total=nano(2.4),
    city="東京",
    country="Japan",
)
FIRING = Alert(
    rule=RuleName("cheap"),
    labels=(("gpu", "h100"), ("marketplace", "m")),
    state=AlertState.FIRING,
    active_at=NOON - timedelta(minutes=5),
    pending_since=NOON - timedelta(minutes=5),
    firing_at=NOON,
    value=nano(2.1),
    offers=1,
    best=(BEST,),
)
LATER = NOON + timedelta(minutes=3)


def test_a_firing_alert_is_active_for_a_few_resends_from_now() -> None:
    assert postable(FIRING, Severity.WARNING, LATER) == {
        "labels": {
            "alertname": "cheap",
            "severity": "warning",
            "gpu": "h100",
            "marketplace": "m",
        },
        "annotations": {
            "summary": "cheap: h100 at 2.10 $/h per GPU, 2.40 $/h in total, 4 free, "
            "東京, Japan (hn-1)",
            "description": "h100 at 2.10 $/h per GPU, 2.40 $/h in total, 4 free, "
            "東京, Japan (hn-1)",
            "hostnode": "hn-1",
            "offers": "1",
            "price_per_gpu_hour": "2.10",
            "total_per_hour": "2.40",
        },
        "startsAt": "2026-03-21T12:00:00.000+00:00",
        "endsAt": (LATER + LASTS_FOR).isoformat(timespec="milliseconds"),
    }


def test_a_resolved_alert_ended_when_it_was_resolved() -> None:
    resolved = replace(FIRING, state=AlertState.RESOLVED, resolved_at=LATER)
    sent = postable(resolved, Severity.INFO, LATER + timedelta(minutes=10))
    assert sent["endsAt"] == "2026-03-21T12:03:00.000+00:00"
    assert sent["labels"] == postable(FIRING, Severity.INFO, LATER)["labels"]


def test_nothing_that_changes_is_among_the_labels() -> None:
    dearer = replace(FIRING, value=nano(2.2), best=(replace(BEST, price=nano(2.2)),), offers=2)
    before, after = (postable(each, Severity.INFO, LATER) for each in (FIRING, dearer))
    assert before["labels"] == after["labels"]
    assert before["annotations"] != after["annotations"]


def test_the_generator_url_is_filled_with_labels_and_cannot_be_broken_by_them() -> None:
    odd = replace(FIRING, labels=(("gpu", "a/b?c&d"), ("marketplace", "m")))
    sent = postable(odd, Severity.INFO, LATER, "https://g/d?gpu={gpu}&rule={rule}&x={other}")
    assert sent["generatorURL"] == "https://g/d?gpu=a%2Fb%3Fc%26d&rule=cheap&x={other}"


def test_an_alert_without_offers_or_prices_says_so() -> None:
    bare = replace(FIRING, value=None, best=(replace(BEST, price=None, total=None),))
    assert "no price told" in postable(bare, Severity.INFO, LATER)["annotations"]["summary"]
    gone = replace(FIRING, best=(), offers=0)
    assert postable(gone, Severity.INFO, LATER)["annotations"] == {
        "summary": "cheap: no offer is left",
        "offers": "0",
        "price_per_gpu_hour": "2.10",
    }


def test_a_message_is_the_same_alert_however_often_it_is_sent() -> None:
    first, again, other = (
        postable_message(title, "body", at)["labels"]
        for title, at in (("title", NOON), ("title", LATER), ("another", NOON))
    )
    assert first == again != other
