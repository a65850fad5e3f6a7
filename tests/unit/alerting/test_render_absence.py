"""What is read about something that is not there: a model that is gone, a program in trouble."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerting.notice import Notice, NotifyReason
from monitor.alerting.render import render
from monitor.rules.alert import Alert, AlertState, Labels, RuleName, Severity
from monitor.rules.system import System, receiver_rule
from tests.unit.alerting.test_render import ALERT, ENDED, NOW, notice

GONE = replace(ALERT, offers=0)
BACK = replace(ENDED, offers=0)


def test_a_model_that_is_gone_is_told_with_what_there_was() -> None:
    message = render(notice(firing=(GONE,)), now=NOW)
    assert message.title == (
        "H100 under 2.20: h100-sxm5-80gb is gone, Frankfurt, Germany, was from 2.10 $/h per GPU"
        " (tensordock)"
    )
    assert message.body.splitlines()[:2] == [
        "there was, until the poll before:",
        "2.10 $/h per GPU, 2.305 $/h in total: 8 × h100-sxm5-80gb free",
    ]


def test_a_model_that_is_there_again_is_back() -> None:
    message = render(notice(NotifyReason.RESOLVED, firing=(), resolved=(BACK,)), now=NOW)
    assert message.title == (
        "resolved: H100 under 2.20: h100-sxm5-80gb is back after 2 h 5 min, "
        "last from 2.10 $/h per GPU (tensordock)"
    )
    assert message.body.startswith("is back after 2 h 5 min")


def trouble(rule: RuleName, labels: Labels, detail: str, **changes: object) -> Alert:
    alert = replace(ALERT, rule=rule, labels=labels, detail=detail, value=None, offers=0, best=())
    return replace(alert, **changes)  # type: ignore[arg-type]  # any field


def about(*alerts: Alert, reason: NotifyReason = NotifyReason.FIRST) -> Notice:
    firing = () if reason is NotifyReason.RESOLVED else alerts
    return Notice(
        rules=tuple({alert.rule for alert in alerts}),
        marketplace="tensordock",
        severity=Severity.WARNING,
        reason=reason,
        at=NOW,
        firing=firing,
        resolved=alerts if reason is NotifyReason.RESOLVED else (),
    )


MARKET: Labels = (("marketplace", "tensordock"),)
CHAT: Labels = (
    ("destination", "json#1"),
    ("marketplace", "gpu-monitor"),
    ("receiver", "chat"),
)


@pytest.mark.parametrize(
    ("rule", "title", "over"),
    [
        (System.UNREACHABLE, "tensordock cannot be polled", "tensordock answers again"),
        (System.EMPTY, "tensordock lists no hostnodes", "tensordock lists hostnodes again"),
        (
            System.MALFORMED,
            "tensordock answers in another shape",
            "tensordock answers in its usual shape again",
        ),
        (System.LATE, "tensordock is not polled", "tensordock is polled again"),
        (
            System.CLOCK,
            "the history of tensordock stands still",
            "the history of tensordock goes on",
        ),
        (System.DISK, "the disk is nearly full", "the disk has room again"),
    ],
)
def test_each_trouble_is_told_in_its_own_words(rule: System, title: str, over: str) -> None:
    alert = trouble(RuleName(rule), MARKET, "what was seen")
    message = render(about(alert), now=NOW)
    assert message.title == f"gpu-monitor: {title}"
    seen, advice, since = message.body.splitlines()
    assert seen == "what was seen"
    assert advice.endswith(".")
    assert since == "since 2026-03-04 03:01 UTC (2 h 5 min)"
    ended = replace(alert, state=AlertState.RESOLVED, resolved_at=NOW + timedelta(minutes=1))
    message = render(about(ended, reason=NotifyReason.RESOLVED), now=NOW)
    assert message.title == f"gpu-monitor: over: {over}"
    assert message.body == "over after 2 h 6 min, at 2026-03-04 05:07 UTC: marketplace=tensordock"


def test_a_receiver_that_takes_nothing_is_named_with_its_destination() -> None:
    alert = trouble(receiver_rule("chat"), CHAT, "answered 500")
    message = render(about(alert, reason=NotifyReason.REPEAT), now=NOW)
    assert message.title == "gpu-monitor: still: the receiver chat takes no messages"
    assert message.body.startswith("json 1: answered 500\nWhat is for it waits")
