"""Alerts about the program itself, on both databases: from what goes wrong to what is told."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting.outbox import NotificationStatus, Settlement
from monitor.config.load import load
from monitor.jobs.health import Health
from monitor.jobs.shared import Shared
from monitor.market.snapshot import Outcome
from monitor.rules.alert import Alert, AlertState
from monitor.rules.system import Trouble
from monitor.setup import set_up
from monitor.store import alerts, claims, deliveries, outbox
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from monitor.web.metrics import Metrics
from monitor.web.readiness import Polling, readiness
from tests.contract.cycles import CHEAP, LONG_AGO, cycle, stages, written
from tests.contract.samples import MINUTE, NOON, a_draft, a_failure, a_poll, at, selling

CONFIG = """\
marketplaces: [{name: tensordock, kind: tensordock, base_url: "http://127.0.0.1:9", token: t}]
rules: [{name: cheap, match: {max_price_per_gpu_hour: 2}, notify: []}]
receivers:
  - {name: chat, urls: ["json://127.0.0.1:1/"]}
  - {name: mail, urls: ["json://127.0.0.1:2/"]}
"""
TOLD = "notifications: {notify: [chat, mail]}\n"


@pytest.fixture
def monitor(database: Database, tmp_path: Path) -> Callable[..., Shared]:
    """Return what builds all that a job works with, on a configuration with more in it."""

    def build(more: str = "", **marketplace: str) -> Shared:
        told = "" if "notifications:" in more else TOLD
        keys = "".join(f", {key}: {value}" for key, value in marketplace.items())
        config = CONFIG.replace("token: t", f"token: t{keys}")
        (tmp_path / "monitor.yaml").write_text(config + more + told)
        return Shared(
            setup=set_up(load(tmp_path / "monitor.yaml", {})),
            database=database,
            ledgers=Ledgers(database),
            metrics=Metrics(version="1"),
            holder="me",
        )

    return build


def lives(shared: Shared, *outcomes: Outcome | int) -> dict[int, list[str]]:
    """Poll once a minute, a number being the price of one offer; return what changed when."""
    made = {}
    for minute, outcome in enumerate(outcomes):
        answer = (
            a_failure(at(minute), outcome)
            if isinstance(outcome, Outcome)
            else a_poll(selling(at(minute), outcome))
        )
        report = cycle(shared.ledgers, answer, shared.setup.plan)
        if changed := [
            f"{each.rule}: {stage}"
            for each, stage in zip(report.transitions, stages(report.transitions), strict=True)
        ]:
            made[minute] = changed
    return made


def messages(database: Database) -> list[tuple[str, str]]:
    return [(each.receiver, each.title) for each in written(database).notifications]


DOWN, OUT = Outcome.UNREACHABLE, Outcome.THROTTLED


def test_a_marketplace_that_cannot_be_polled_is_told_once_and_its_end_too(
    monitor: Callable[..., Shared], database: Database
) -> None:
    """Whether it cannot be reached or refuses is one trouble; offers' alerts stand still in it."""
    made = lives(monitor(), 1, DOWN, OUT, DOWN, OUT, DOWN, DOWN, DOWN, *[1] * 7)
    assert made == {
        0: ["cheap: inactive → firing: matched"],
        1: ["system:unreachable: inactive → pending: matched"],
        6: ["system:unreachable: pending → firing: held"],
        13: ["system:unreachable: firing → resolved: ended"],
    }
    told = [
        "gpu-monitor: tensordock cannot be polled",
        "gpu-monitor: over: tensordock answers again",
    ]
    assert messages(database) == [(who, what) for what in told for who in ("chat", "mail")]


def test_a_short_trouble_is_told_to_nobody(
    monitor: Callable[..., Shared], database: Database
) -> None:
    made = lives(monitor(), DOWN, DOWN, DOWN, 3, 3)
    assert list(made.items())[-1] == (4, ["system:unreachable: pending → inactive: lapsed"])
    assert messages(database) == []


def test_a_marketplace_of_which_each_second_poll_fails_is_told_and_its_offers_too(
    monitor: Callable[..., Shared],
) -> None:
    """The clocks of offers' alerts go at half the speed, for each good poll covers a minute."""
    shared = monitor()
    patient = replace(shared.setup.plan.rules[CHEAP], hold_for=4 * MINUTE)
    plan = replace(shared.setup.plan, rules={CHEAP: patient})
    outcomes = [each for _ in range(6) for each in (1, OUT)]
    made = lives(replace(shared, setup=replace(shared.setup, plan=plan)), *outcomes, *[1] * 7)
    assert made == {
        0: ["cheap: inactive → pending: matched"],
        1: ["system:unreachable: inactive → pending: matched"],
        7: ["system:unreachable: pending → firing: held"],
        8: ["cheap: pending → firing: held"],
        17: ["system:unreachable: firing → resolved: ended"],
    }


@pytest.mark.parametrize("outcome", [Outcome.EMPTY, Outcome.MALFORMED])
def test_an_empty_and_a_changed_marketplace_have_alerts_of_their_own(
    monitor: Callable[..., Shared], outcome: Outcome
) -> None:
    (made,) = lives(monitor(), outcome).values()
    assert made == [f"system:{outcome}: inactive → pending: matched"]


def test_what_was_seen_is_kept_with_the_alert_and_told(
    monitor: Callable[..., Shared], database: Database
) -> None:
    lives(monitor("system: {unreachable: {for: 0s}}\n"), DOWN)
    (alert,) = written(database).alerts
    assert alert.detail == "unreachable: no answer"
    with database.read() as connection:
        (claimed, *_) = outbox.listed(connection, limit=1)
    assert claimed.title == "gpu-monitor: tensordock cannot be polled"


def test_one_that_is_switched_off_is_not_there_and_ends_if_it_was(
    monitor: Callable[..., Shared],
) -> None:
    assert lives(monitor(), DOWN) != {}
    off = monitor("system: {unreachable: {enabled: false}}\n")
    assert lives(off, DOWN) == {0: ["system:unreachable: pending → inactive: rule_removed"]}
    assert lives(off, DOWN) == {}


def test_while_the_history_ends_after_the_present_that_is_told(
    monitor: Callable[..., Shared], database: Database
) -> None:
    """One poll was recorded while the clock was ahead: until then nothing is, good or not."""
    shared = monitor("system: {clock: {for: 1m, keep_firing_for: 0s}}\n")
    plan = shared.setup.plan
    cycle(shared.ledgers, a_poll(selling(at(60), 3)), plan)
    answers = (a_poll(selling(at(0), 3)), a_failure(at(1)), a_poll(selling(at(61), 3)))
    reports = [cycle(shared.ledgers, answer, plan) for answer in answers]
    assert [report.behind for report in reports] == [at(60), at(60), None]
    clock = [t for report in reports for t in report.transitions if t.rule == "system:clock"]
    assert stages(clock) == [
        "inactive → pending: matched",
        "pending → firing: held",
        "firing → resolved: ended",
    ]
    (alert,) = [each for each in written(database).alerts if each.rule == "system:clock"]
    assert alert.detail == "its history ends at 2026-03-21 13:00 UTC, which is yet to come"
    assert ("chat", "gpu-monitor: the history of tensordock stands still") in messages(database)


def looked(shared: Shared, *minutes: float, untold: Iterable[Trouble] = ()) -> list[Alert]:
    """Look after the program's health at some minutes; return the alerts about it."""
    health = Health(shared, lambda: None, lambda _now: untold)
    health.begin(at(minutes[0]))
    (job,) = health.jobs()
    for minute in minutes:
        job.act(at(minute))
    with shared.database.read() as connection:
        return [each for each in alerts.recent(connection, LONG_AGO) if each.rule != CHEAP]


def test_polls_that_are_late_are_told_and_the_next_poll_ends_it(
    monitor: Callable[..., Shared], database: Database
) -> None:
    shared = monitor("system: {late: {keep_firing_for: 0s}}\n")
    lives(shared, 3)
    assert looked(shared, 0, 3.6) == []
    (alert,) = looked(shared, 0, 3.7, 6, 8.8)
    assert (alert.rule, alert.state) == ("system:late", AlertState.FIRING)
    assert alert.detail == "the last poll was at 2026-03-21 12:00:00 UTC"
    report = cycle(shared.ledgers, a_failure(at(9)), shared.setup.plan)
    assert "firing → resolved: ended" in stages(report.transitions)
    assert messages(database)[0] == ("chat", "gpu-monitor: tensordock is not polled")


@pytest.mark.parametrize(("seconds", "late"), [(3 * 5 + 2 * 30, False), (3 * 5 + 2 * 30 + 1, True)])
def test_polls_that_each_take_the_whole_time_out_are_not_late(
    monitor: Callable[..., Shared], *, seconds: int, late: bool
) -> None:
    """Readiness and the alert go by one measure; one time-out would be over while all polls run."""
    shared = monitor("system: {late: {for: 0s}}\n", poll_interval="5s", timeout="30s")
    lives(shared, 3)
    assert bool(looked(shared, 0, seconds / 60)) is late
    (config, _) = shared.setup.marketplaces["tensordock"]
    polled = Polling(
        marketplace="tensordock",
        interval=config.poll_interval,
        timeout=config.timeout,
        last_at=NOON,
    )
    ready = readiness(now=at(seconds / 60), migrated=True, pollings=[polled]).ready
    assert ready is not late


def test_a_program_that_was_down_is_not_late_when_it_starts(
    monitor: Callable[..., Shared],
) -> None:
    shared = monitor()
    lives(shared, 3)
    assert looked(shared, 600, 602, 603) == []


def queue(shared: Shared, now: datetime) -> None:
    (chat,) = shared.setup.plan.destinations["chat"]
    with shared.database.transaction() as connection:
        outbox.enqueue(connection, [a_draft(destination=chat)], now)


def attempt(database: Database, now: datetime, status: NotificationStatus) -> None:
    """Claim the oldest of each queue and settle it so."""
    with database.transaction() as connection:
        for claimed in claims.claim(connection, now, token="t", lease_for=MINUTE, limit=10):
            retry = None if status is NotificationStatus.SENT else now
            settled = Settlement(status=status, at=now, retry_at=retry, error="answered 500")
            claims.settle(connection, [(claimed, settled)])


def test_a_receiver_that_takes_nothing_is_told_to_the_others(
    monitor: Callable[..., Shared], database: Database
) -> None:
    shared = monitor("system: {receiver: {for: 0s, keep_firing_for: 0s}}\n")
    queue(shared, NOON)
    for _ in range(2):
        attempt(database, NOON, NotificationStatus.QUEUED)
    assert looked(shared, 1) == []
    attempt(database, NOON, NotificationStatus.QUEUED)
    (alert,) = looked(shared, 2)
    assert (alert.rule, alert.state) == ("system:receiver:chat", AlertState.FIRING)
    assert dict(alert.labels)["receiver"] == "chat"
    assert alert.detail == "answered 500"
    told = "gpu-monitor: the receiver chat takes no messages"
    assert [each for each in messages(database) if each[1] == told] == [("mail", told)]
    attempt(database, at(3), NotificationStatus.SENT)
    (alert,) = looked(shared, 4)
    assert alert.state is AlertState.RESOLVED


def test_what_the_program_was_down_for_makes_no_alert_about_itself_fire_or_end(
    monitor: Callable[..., Shared], database: Database
) -> None:
    """A receiver that failed for a minute before an hour of downtime has not failed for an hour."""
    shared = monitor("system: {late: {enabled: false}}\n")

    def states(*minutes: int) -> list[AlertState]:
        return [each.state for each in looked(shared, *minutes)]

    lives(shared, 3, 3)
    queue(shared, NOON)
    for _ in range(3):
        attempt(database, NOON, NotificationStatus.QUEUED)
    assert states(1) == [AlertState.PENDING]
    assert states(60, 61, 62, 63, 64) == [AlertState.PENDING]
    cycle(shared.ledgers, a_poll(selling(at(64), 3)), shared.setup.plan)
    assert states(65) == [AlertState.FIRING]
    cycle(shared.ledgers, a_poll(selling(at(69), 3)), shared.setup.plan)
    attempt(database, at(69), NotificationStatus.SENT)
    assert states(69) == [AlertState.FIRING]
    assert states(130, 131, 132, 133, 134) == [AlertState.FIRING]
    cycle(shared.ledgers, a_poll(selling(at(134), 3)), shared.setup.plan)
    assert states(135) == [AlertState.RESOLVED]


def test_an_alertmanager_that_takes_nothing_is_told_to_the_others(
    monitor: Callable[..., Shared], database: Database
) -> None:
    """It is told past the outbox, by a job that says what was not accepted."""
    shared = monitor(
        """\
  - {name: am, kind: alertmanager, url: "http://127.0.0.1:3"}
notifications: {notify: [chat, am]}
system: {receiver: {for: 0s, keep_firing_for: 0s}}
"""
    )
    (key,) = shared.setup.plan.destinations["am"]
    trouble = Trouble(receiver="am", destination=key, error="answered 500")
    (alert,) = looked(shared, 1, untold=[trouble])
    assert (alert.rule, alert.state) == ("system:receiver:am", AlertState.FIRING)
    assert messages(database) == [("chat", "gpu-monitor: the receiver am takes no messages")]
    (alert,) = looked(shared, 2)
    assert alert.state is AlertState.RESOLVED


def test_a_message_that_was_given_up_is_trouble_until_another_one_arrives(
    monitor: Callable[..., Shared], database: Database
) -> None:
    shared = monitor()
    for status, found in ((NotificationStatus.DEAD, 1), (NotificationStatus.SENT, 0)):
        queue(shared, NOON)
        attempt(database, NOON, status)
        with database.read() as connection:
            assert len(deliveries.troubles(connection, at(1))) == found


def test_what_was_given_up_long_ago_is_no_trouble_of_today(
    monitor: Callable[..., Shared], database: Database
) -> None:
    queue(monitor(), NOON)
    attempt(database, NOON, NotificationStatus.DEAD)
    with database.read() as connection:
        assert deliveries.troubles(connection, NOON + timedelta(days=2)) == []


def test_a_disk_that_is_nearly_full_is_told(
    monitor: Callable[..., Shared], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where the database is a file of ours."""
    free: dict[str, Any] = {"total": 100 * 10**9, "used": 0, "free": 4 * 10**9}
    usage = type("usage", (), free)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    found = looked(monitor("system: {disk: {for: 0s}}\n"), 0)
    if database.file is None:
        assert found == []
        return
    (alert,) = found
    assert alert.detail.startswith("4.0 GB of 100.0 GB are free in ")
    assert ("mail", "gpu-monitor: the disk is nearly full") in messages(database)


def test_two_processes_looking_at_once_tell_once(
    monitor: Callable[..., Shared], database: Database
) -> None:
    one, other = monitor("system: {late: {for: 0s}}\n"), monitor("system: {late: {for: 0s}}\n")
    lives(one, 3)
    looked(one, 0, 5)
    looked(other, 0, 5, 5.1)
    assert len(messages(database)) == 2  # to chat and to mail


def test_notifications_are_listed_with_the_rule(
    monitor: Callable[..., Shared], database: Database
) -> None:
    lives(monitor("system: {unreachable: {for: 0s}}\n"), DOWN)
    assert {each.rule for each in written(database).notifications} == {"system:unreachable"}
