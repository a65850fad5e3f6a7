"""What is told later, elsewhere or not at all: groups, quiet hours, silences, escalation."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerting.notice import Escalation, Group, GroupLabel, NotifyPolicy, Withheld
from monitor.alerting.outbox import DestinationKey
from monitor.alerting.quiet import QuietHours, QuietThen
from monitor.alerting.silence import Silence, SilenceId, read_matcher
from monitor.market.money import nano
from monitor.plan import Plan
from monitor.rules.alert import Acknowledgement, Alert, AlertState, RuleName, Severity
from monitor.rules.rule import Rule
from monitor.store.encoding import (
    alert_keys_text,
    labels_text,
    read_alert_keys,
    read_labels,
    read_told,
    told_text,
)
from tests.unit.test_telling import MINUTE, NOON, A, B, Memory, an_alert, told

HOUR = 60
QUIET = QuietHours(begin=time(13), end=time(17), zone=UTC)
"""From one to five hours after noon."""
ON_CALL = Escalation(after=15 * MINUTE, notify=("phone",))


def plan(*names: RuleName, severity: Severity = Severity.INFO, **policy: Any) -> Plan:
    return Plan(
        rules={name: Rule(name=name, conditions=(), severity=severity) for name in names},
        policies=dict.fromkeys(names, NotifyPolicy(notify=("chat",), **policy)),
        destinations={"chat": (DestinationKey("json#1"),), "phone": (DestinationKey("json#2"),)},
    )


def end(ledger: Memory, alert: Alert, minutes: float) -> None:
    ended = replace(alert, state=AlertState.RESOLVED, resolved_at=NOON + minutes * MINUTE)
    ledger.save([ended], [])


def begin(ledger: Memory, alert: Alert) -> None:
    ledger.active[alert.rule, alert.labels] = alert


def silence(ledger: Memory, matcher: str, begins: float, ends: float) -> None:
    ledger.silenced.append(
        Silence(
            id=SilenceId(len(ledger.silenced) + 1),
            matchers=(read_matcher(matcher),),
            starts_at=NOON + begins * MINUTE,
            ends_at=NOON + ends * MINUTE,
            created_by="me",
            comment="",
        )
    )


def acknowledge(ledger: Memory, minutes: float) -> None:
    for key, alert in ledger.active.items():
        by = Acknowledgement(at=NOON + minutes * MINUTE, by="me")
        ledger.active[key] = replace(alert, acknowledged=by)


def reasons(ledger: Memory, told_by: Plan, *minutes: float) -> list[str]:
    return [reason for each in minutes for _, reason in told(ledger, told_by, each)]


def withheld(ledger: Memory) -> Withheld | None:
    (group,) = ledger.known.values()
    return group.withheld


# Groups


def test_rules_that_are_told_alike_come_in_one_message_when_grouped_by_severity() -> None:
    ledger = Memory(an_alert(A), an_alert(B, value=nano(1)))
    together = plan(A, B, group_by=(GroupLabel.SEVERITY,))
    assert told(ledger, together) == [(None, "first")]
    assert ledger.queued[0].title.startswith("2 rules: ")
    assert "rule=a, gpu=h100" in ledger.queued[0].body


def test_rules_with_other_receivers_are_not_told_together() -> None:
    ledger = Memory(an_alert(A), an_alert(B))
    together = plan(A, B, group_by=(GroupLabel.SEVERITY,))
    apart = replace(together, policies={**together.policies, B: NotifyPolicy(notify=("phone",))})
    assert len(told(ledger, apart)) == 2


def test_a_rule_grouped_by_gpu_is_told_once_for_each_model() -> None:
    ledger = Memory(an_alert(gpu="h100"), an_alert(gpu="l4"))
    by_gpu = plan(A, group_by=(GroupLabel.RULE, GroupLabel.GPU))
    assert told(ledger, by_gpu) == [(A, "first"), (A, "first")]


def test_another_grouping_repeats_nothing_that_was_told() -> None:
    ledger = Memory(an_alert(A), an_alert(B), an_alert(A, "l4"))
    told(ledger, plan(A, B))
    together = plan(A, B, group_by=(GroupLabel.SEVERITY,))
    assert told(ledger, together, 5) == []
    assert len(ledger.known) == 1
    apart = plan(A, B, group_by=(GroupLabel.RULE, GroupLabel.GPU))
    assert told(ledger, apart, 10) == []
    assert len(ledger.known) == 3
    assert told(ledger, plan(A, B, repeat_interval=5 * MINUTE), 20) == [
        (A, "repeat"),
        (B, "repeat"),
    ]


# Repeats and acknowledgement


def test_repeats_end_after_as_many_as_are_allowed_and_say_so() -> None:
    ledger = Memory(an_alert())
    twice = plan(A, max_repeats=2)
    assert reasons(ledger, twice, 0, 240, 480, 720, 960) == ["first", "repeat", "repeat"]
    assert "repeat 1 of 2)" in ledger.queued[1].body
    assert "repeat 2 of 2, the last one until something changes)" in ledger.queued[2].body
    assert withheld(ledger) is Withheld.REPEATS_SPENT


def test_something_new_begins_the_count_of_repeats_again() -> None:
    ledger = Memory(an_alert())
    once = plan(A, max_repeats=1)
    assert reasons(ledger, once, 0, 240, 480) == ["first", "repeat"]
    begin(ledger, an_alert(gpu="l4"))
    assert reasons(ledger, once, 490, 730, 970) == ["new", "repeat"]


def test_what_is_acknowledged_is_not_repeated_until_something_new_comes() -> None:
    ledger = Memory(an_alert())
    assert reasons(ledger, plan(A), 0) == ["first"]
    acknowledge(ledger, 1)
    assert reasons(ledger, plan(A), 240, 480) == []
    assert withheld(ledger) is Withheld.ACKNOWLEDGED
    begin(ledger, an_alert(gpu="l4"))
    assert reasons(ledger, plan(A), 490, 730) == ["new", "repeat"]


def test_the_end_of_what_is_acknowledged_is_told() -> None:
    ledger = Memory(an_alert())
    told(ledger, plan(A))
    acknowledge(ledger, 1)
    end(ledger, an_alert(), 5)
    assert reasons(ledger, plan(A), 5) == ["resolved"]


# Escalation


def test_the_second_receiver_is_told_once_when_nobody_acknowledges_and_then_of_the_end() -> None:
    ledger = Memory(an_alert())
    called = plan(A, escalate=ON_CALL)
    assert reasons(ledger, called, 0, 14.9, 15, 16, 30) == ["first", "escalated"]
    assert ledger.queued[1].receiver == "phone"
    assert "alerts ack" in ledger.queued[1].body
    end(ledger, an_alert(), 40)
    assert reasons(ledger, called, 40) == ["resolved", "resolved"]
    assert [each.receiver for each in ledger.queued] == ["chat", "phone", "chat", "phone"]


def test_what_is_acknowledged_in_time_is_not_escalated() -> None:
    ledger = Memory(an_alert())
    called = plan(A, escalate=ON_CALL)
    told(ledger, called)
    acknowledge(ledger, 10)
    end_of_wait = reasons(ledger, called, 15, 30)
    end(ledger, an_alert(), 40)
    assert (end_of_wait, reasons(ledger, called, 40)) == ([], ["resolved"])


def test_what_was_silenced_for_a_while_is_escalated_all_the_same() -> None:
    ledger = Memory(an_alert())
    called = plan(A, escalate=ON_CALL)
    silence(ledger, "gpu=h100", 1, 5)
    assert reasons(ledger, called, 0, 1, 4, 5, 14, 15, 16) == ["first", "escalated"]


def test_what_was_away_for_less_than_the_group_interval_is_escalated_all_the_same() -> None:
    ledger = Memory(an_alert())
    called = plan(A, escalate=ON_CALL, group_interval=5 * MINUTE)
    told(ledger, called)
    end(ledger, an_alert(), 1)
    away = reasons(ledger, called, 1)
    begin(ledger, an_alert())
    assert (away, reasons(ledger, called, 2, 14, 15, 16)) == ([], ["escalated"])


def test_what_begins_while_an_older_alert_is_silenced_has_its_own_time_to_be_acknowledged() -> None:
    ledger = Memory(an_alert())
    called = plan(A, escalate=ON_CALL)
    silence(ledger, "gpu=h100", 1, 300)
    told(ledger, called)
    begin(ledger, an_alert(gpu="l4"))
    assert reasons(ledger, called, 60, 74, 75) == ["new", "escalated"]


def test_what_is_acknowledged_before_it_is_told_wakes_nobody() -> None:
    ledger = Memory(an_alert())
    held = plan(A, escalate=ON_CALL, quiet_hours=QUIET)
    assert reasons(ledger, held, 61) == []
    acknowledge(ledger, 62)
    assert reasons(ledger, held, 65, 300, 315, 316, 541) == ["held"]
    begin(ledger, an_alert(gpu="l4"))
    assert reasons(ledger, held, 542, 556, 557) == ["new", "escalated"]


def test_news_after_an_escalation_is_escalated_too() -> None:
    ledger = Memory(an_alert())
    called = plan(A, escalate=ON_CALL)
    told(ledger, called)
    told(ledger, called, 15)
    begin(ledger, an_alert(gpu="l4"))
    assert reasons(ledger, called, 20, 34, 35) == ["new", "escalated"]


def test_an_escalation_waits_for_the_end_of_quiet_hours() -> None:
    ledger = Memory(an_alert())
    called = plan(A, escalate=ON_CALL, quiet_hours=QUIET, repeat_interval=600 * MINUTE)
    assert reasons(ledger, called, 55, 75, 200, 299) == ["first"]
    assert next(iter(ledger.known.values())).due_at == NOON + 300 * MINUTE
    assert reasons(ledger, called, 300) == ["escalated"]


# Quiet hours


def test_what_begins_in_quiet_hours_is_told_when_they_end() -> None:
    ledger = Memory(an_alert())
    quiet = plan(A, quiet_hours=QUIET)
    assert reasons(ledger, quiet, 60, 180) == []
    assert withheld(ledger) is Withheld.QUIET_HOURS
    assert next(iter(ledger.known.values())).due_at == NOON + 300 * MINUTE
    assert reasons(ledger, quiet, 300, 301) == ["held"]
    assert ledger.queued[0].title.startswith("after quiet hours: a: ")


def test_what_came_and_went_in_quiet_hours_is_told_when_they_end() -> None:
    ledger = Memory(an_alert())
    quiet = plan(A, quiet_hours=QUIET)
    told(ledger, quiet, 60)
    end(ledger, an_alert(), 120)
    assert reasons(ledger, quiet, 120, 299, 300, 301) == ["held"]
    assert "came and went after 2 h, last from 2.00 $/h" in ledger.queued[0].body
    assert ledger.known == {}


def test_all_that_quiet_hours_held_comes_in_one_message() -> None:
    told_before = an_alert(RuleName("c"))
    ledger = Memory(told_before)
    quiet = plan(A, B, RuleName("c"), quiet_hours=QUIET)
    assert reasons(ledger, quiet, 0) == ["first"]
    begin(ledger, an_alert(A))
    begin(ledger, an_alert(B))
    told(ledger, quiet, 61)
    end(ledger, an_alert(B), 90)
    end(ledger, told_before, 100)
    assert told(ledger, quiet, 100) == []
    assert told(ledger, quiet, 300) == [(None, "held")]
    title, body = ledger.queued[-1].title, ledger.queued[-1].body
    assert title.startswith("after quiet hours: 3 rules: ")
    assert "came and went after 1 h 30 min" in body
    assert "ended after 1 h 40 min" in body
    assert "rule=a" in body


def test_what_quiet_hours_drop_is_told_only_if_it_still_fires() -> None:
    ledger = Memory(an_alert(A), an_alert(B))
    dropping = plan(A, B, quiet_hours=replace(QUIET, then=QuietThen.DROP))
    told(ledger, dropping, 60)
    end(ledger, an_alert(B), 90)
    assert told(ledger, dropping, 90) == []
    assert told(ledger, dropping, 300) == [(A, "first")]


def test_an_end_in_quiet_hours_that_drop_is_not_told() -> None:
    ledger = Memory(an_alert())
    dropping = plan(A, quiet_hours=replace(QUIET, then=QuietThen.DROP))
    told(ledger, dropping)
    end(ledger, an_alert(), 90)
    assert reasons(ledger, dropping, 90, 300) == []
    assert ledger.known == {}


def test_what_is_urgent_is_told_in_quiet_hours() -> None:
    ledger = Memory(an_alert())
    urgent = plan(A, severity=Severity.CRITICAL, quiet_hours=QUIET)
    assert reasons(ledger, urgent, 60) == ["first"]
    end(ledger, an_alert(), 90)
    assert reasons(ledger, urgent, 90) == ["resolved"]


def test_what_was_held_is_told_at_once_when_quiet_hours_are_no_longer_configured() -> None:
    ledger = Memory(an_alert())
    told(ledger, plan(A, quiet_hours=QUIET), 60)
    end(ledger, an_alert(), 90)
    assert reasons(ledger, plan(A), 100) == ["held"]


# Silences


def test_what_is_silenced_is_told_when_the_silence_ends_if_it_still_fires() -> None:
    ledger = Memory(an_alert(A), an_alert(B))
    silence(ledger, "rule=a", -1, 30)
    assert told(ledger, plan(A, B)) == [(B, "first")]
    group = next(each for each in ledger.known.values() if ("rule", "a") in each.key)
    assert (group.withheld, group.due_at) == (Withheld.SILENCED, NOON + 30 * MINUTE)
    assert told(ledger, plan(A, B), 29) == []
    assert told(ledger, plan(A, B), 30) == [(A, "first")]


def test_what_came_and_went_silenced_is_never_told() -> None:
    ledger = Memory(an_alert())
    silence(ledger, "gpu=~h.*", 0, 30)
    told(ledger, plan(A))
    end(ledger, an_alert(), 10)
    assert reasons(ledger, plan(A), 10, 30) == []
    assert ledger.known == {}


def test_an_end_that_was_silenced_is_told_when_the_silence_ends() -> None:
    """Whoever was told that something fires is told of its end, however late."""
    ledger = Memory(an_alert())
    told(ledger, plan(A))
    silence(ledger, "severity=info", 5, 30)
    end(ledger, an_alert(), 10)
    assert reasons(ledger, plan(A), 10, 29, 30) == ["resolved"]


def test_what_was_told_before_its_silence_is_still_known_when_others_are_told() -> None:
    ledger = Memory(an_alert(gpu="h100"))
    told(ledger, plan(A))
    silence(ledger, "gpu=h100", 5, 30)
    begin(ledger, an_alert(gpu="l4"))
    assert reasons(ledger, plan(A), 10) == ["new"]
    end(ledger, an_alert(gpu="h100"), 20)
    assert reasons(ledger, plan(A), 20, 30) == ["resolved"]


@pytest.mark.parametrize("ends", [0, 20])
def test_a_silence_that_does_not_count_now_changes_nothing(ends: float) -> None:
    ledger = Memory(an_alert())
    silence(ledger, "rule=a", 10 if ends else -10, ends)
    assert reasons(ledger, plan(A), 0) == ["first"]


# Whatever happens


class Restarting(Memory):
    """A ledger whose groups are read back from their stored text, as after a restart."""

    def keep(self, group: Group) -> None:
        self.known[read_labels(labels_text(group.key))] = replace(
            group,
            told=read_told(told_text(group.told)),
            held=read_alert_keys(alert_keys_text(group.held)),
            escalated=read_alert_keys(alert_keys_text(group.escalated)),
        )


steps = st.tuples(
    st.integers(1, 90),
    st.sets(st.sampled_from(["h100", "l4", "t4"])),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.booleans(),
    st.integers(0, 4),
)


@given(
    life=st.lists(steps, max_size=30),
    quiet=st.sampled_from([None, QUIET, replace(QUIET, then=QuietThen.DROP)]),
    group_by=st.sampled_from([(GroupLabel.RULE,), (GroupLabel.GPU,), (GroupLabel.SEVERITY,)]),
    resolved=st.booleans(),
)
@settings(max_examples=150)
def test_nothing_is_lost_or_told_twice_whatever_happens(
    life: list[tuple[int, set[str], float, bool, int]],
    quiet: QuietHours | None,
    group_by: tuple[GroupLabel, ...],
    *,
    resolved: bool,
) -> None:
    """Alerts come and go, silences and acknowledgements too; looked at twice at each instant.

    Once nothing keeps it back, all that fires has been told, and only what was told as firing is
    told as ended; of a held night nothing is missing.
    """
    ledger = Restarting()
    policy = plan(A, quiet_hours=quiet, group_by=group_by, send_resolved=resolved, escalate=ON_CALL)
    minutes, fires, mentioned, held_back = 0.0, set[str](), "", set[str]()
    for passed, gpus, price, is_acknowledged, silent in life:
        minutes += passed
        for gpu in fires - gpus:
            end(ledger, an_alert(gpu=gpu, value=nano(price)), minutes)
        for gpu in gpus:
            begin(ledger, an_alert(gpu=gpu, value=nano(price)))
        fires = gpus
        if is_acknowledged:
            acknowledge(ledger, minutes)
        if silent == 0:
            silence(ledger, "gpu=h100", minutes, minutes + 60)
        before = len(ledger.queued)
        told(ledger, policy, minutes)
        new = ledger.queued[before:]
        assert told(ledger, policy, minutes) == []
        for draft in new:
            _check_ends(draft.body, mentioned)
        mentioned += "".join(draft.body for draft in new)
        held_back |= {
            dict(labels)["gpu"] for group in ledger.known.values() for _, labels in group.held
        }
    noon = (minutes // (24 * HOUR) + 2) * 24 * HOUR
    told(ledger, policy, noon)
    told(ledger, policy, noon + 5)
    mentioned = "".join(draft.body for draft in ledger.queued)
    assert all(f"gpu={gpu}" in mentioned for gpu in fires | held_back)
    assert not any(group.held for group in ledger.known.values())
    known = {dict(labels)["gpu"] for group in ledger.known.values() for _, labels in group.told}
    assert known == fires


def _check_ends(body: str, mentioned: str) -> None:
    for line in body.splitlines():
        if line.startswith("ended "):
            gpu = line.split("gpu=")[1].split(",")[0]
            assert f"gpu={gpu}" in mentioned


def test_the_instants_of_these_tests_are_what_they_seem() -> None:
    assert QUIET.until(NOON + timedelta(hours=1)) == datetime(2026, 3, 21, 17, tzinfo=UTC)
