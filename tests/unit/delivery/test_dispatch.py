"""Draining the outbox: in order for each destination, held up by none, nothing left claimed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest
from structlog.testing import capture_logs

from monitor.alerting.formats import Format
from monitor.alerting.outbox import (
    Claimed,
    DestinationKey,
    NotificationId,
    NotificationStatus,
    RateLimit,
    Settlement,
)
from monitor.delivery.destination import Destination, destinations
from monitor.delivery.dispatch import (
    LEASE_FOR,
    RUN,
    RUN_FOR,
    Dispatcher,
)
from monitor.delivery.drain import DrainReport
from monitor.delivery.retry import RELOADED_WITHIN, RetryPolicy
from monitor.errors import DeliveryRefusedError, DeliveryUnknownError, StoreBusyError

NOW = datetime(2026, 3, 4, tzinfo=UTC)
URLS = {name: f"json://{name}.example/T0KEN-{name}" for name in ("a", "b", "c")}
BY_NAME = {name: destinations(name, [url])[0] for name, url in URLS.items()}
WITHIN = 10.0
SENDING = NotificationStatus.SENDING
Act = Callable[[], None]


class FakeOutbox:
    """The outbox in memory, with the store's rules: the oldest unended of each destination."""

    def __init__(self, *queued: tuple[str, str]) -> None:
        self.rows: list[Claimed] = []
        self.states: dict[int, Settlement] = {}
        self.leases: dict[int, datetime] = {}
        self.on_claim: Act = lambda: None
        self.on_settle: Act = lambda: None
        self.rates: Mapping[DestinationKey, RateLimit] = {}
        self._lock = threading.Lock()
        for receiver, title in queued:
            self.queue(receiver, title)

    def queue(self, receiver: str, title: str) -> None:
        with self._lock:
            row = Claimed(
                id=NotificationId(len(self.rows)),
                token="",
                receiver=receiver,
                destination=BY_NAME[receiver].key,
                title=title,
                body="",
                attempts=0,
                created_at=NOW,
            )
            self.rows.append(row)
            self.states[row.id] = Settlement(status=NotificationStatus.QUEUED, at=NOW)

    def claim(
        self,
        now: datetime,
        *,
        token: str,
        lease_for: timedelta,
        limit: int,
        run: int,
        rates: Mapping[DestinationKey, RateLimit],
    ) -> list[Claimed]:
        self.on_claim()
        self.rates = rates
        with self._lock:
            runs = [self._run(head, run, now) for head in self._due(now)[:limit]]
            return [self._claim(row, now + lease_for, token) for rows in runs for row in rows]

    def _due(self, now: datetime) -> list[Claimed]:
        heads: dict[str, Claimed] = {}
        for row in self.rows:
            if self.status(row.id) not in {NotificationStatus.SENT, NotificationStatus.DEAD}:
                heads.setdefault(row.destination, row)
        return [row for row in heads.values() if self._is_due(row.id, now)]

    def _run(self, head: Claimed, run: int, now: datetime) -> list[Claimed]:
        queue = [row for row in self.rows if row.destination == head.destination]
        behind = [row for row in queue if row.id >= head.id][:run]
        return list(takewhile(lambda row: self._is_next(row.id, now), behind)) or [head]

    def _is_next(self, key: int, now: datetime) -> bool:
        return self.status(key) is NotificationStatus.QUEUED and self._is_due(key, now)

    def _is_due(self, key: int, now: datetime) -> bool:
        if self.status(key) is SENDING:
            return self.leases[key] <= now
        return (self.states[key].retry_at or now) <= now

    def _claim(self, row: Claimed, until: datetime, token: str) -> Claimed:
        claimed = replace(row, token=token, attempts=row.attempts + 1)
        self.rows[row.id] = claimed
        self.states[row.id] = Settlement(status=SENDING, at=NOW)
        self.leases[row.id] = until
        return claimed

    def settle(self, ended: Sequence[tuple[Claimed, Settlement]]) -> int:
        self.on_settle()
        with self._lock:
            mine = [pair for pair in ended if self._is_mine(pair[0])]
            self.states.update({claimed.id: settlement for claimed, settlement in mine})
            for claimed, settlement in mine:
                unknown = settlement.status is NotificationStatus.UNKNOWN
                self.rows[claimed.id] = replace(
                    claimed, unknown_attempts=claimed.unknown_attempts + unknown
                )
        return len(mine)

    def release(self, unsent: Sequence[Claimed]) -> int:
        with self._lock:
            mine = [claimed.id for claimed in unsent if self._is_mine(claimed)]
            for key in mine:
                self.states[key] = Settlement(status=NotificationStatus.QUEUED, at=NOW)
        return len(mine)

    def _is_mine(self, claimed: Claimed) -> bool:
        return self.rows[claimed.id].token == claimed.token and self.status(claimed.id) is SENDING

    def status(self, key: int) -> NotificationStatus:
        return self.states[key].status

    def statuses(self) -> list[NotificationStatus]:
        return [self.status(row.id) for row in self.rows]


class FakeSender:
    """Records what was sent; `acts` says what a receiver does, one call after the other."""

    def __init__(self, acts: Mapping[str, list[Act]] | None = None) -> None:
        self.sent: list[tuple[str, str]] = []
        self.acts = {name: list(those) for name, those in (acts or {}).items()}

    def send(self, destination: Destination, title: str, body: str, form: Format) -> None:
        assert (body, form) == ("", Format.TEXT)
        acts = self.acts.get(destination.receiver)
        if acts:
            acts.pop(0)()
        self.sent.append((destination.receiver, title))


def refuse(retry_after: timedelta | None = None, status: int = 503) -> Act:
    def act() -> None:
        said = f"the receiver answered {status}"
        raise DeliveryRefusedError(said, status=status, retry_after=retry_after)

    return act


def time_out() -> None:
    raise DeliveryUnknownError("no answer in time")


class Bench:
    """A dispatcher among fakes, with a clock to set and outcomes to read."""

    def __init__(self, outbox: FakeOutbox, sender: FakeSender | None = None) -> None:
        self.outbox = outbox
        self.sender = sender or FakeSender()
        self.now = NOW
        self.stop = threading.Event()
        self.outcomes: list[tuple[str, NotificationStatus]] = []
        self.destinations: dict[DestinationKey, Destination] = {
            destination.key: destination for destination in BY_NAME.values()
        }

        self.dispatcher = Dispatcher(
            outbox=self.outbox,
            sender=self.sender,
            destinations=self.destinations,
            now=lambda: self.now,
            jitter=lambda: 1.0,
            on_outcome=lambda receiver, outcome: self.outcomes.append((receiver, outcome)),
        )

    def drain(self, *, after: timedelta = timedelta(0)) -> DrainReport:
        self.now += after
        return self.dispatcher.drain(self.stop)


def test_all_that_is_due_is_sent_in_order_and_settled() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")))
    assert bench.drain() == DrainReport(sent=4)
    assert [title for receiver, title in bench.sender.sent if receiver == "a"] == ["1", "2", "4"]
    assert set(bench.outbox.statuses()) == {NotificationStatus.SENT}
    assert bench.outcomes.count(("a", NotificationStatus.SENT)) == 3


def test_an_empty_outbox_is_no_work() -> None:
    assert Bench(FakeOutbox()).drain() == DrainReport()


def test_a_time_out_is_unknown_and_is_sent_again() -> None:
    bench = Bench(FakeOutbox(("a", "1")), FakeSender({"a": [time_out]}))
    assert bench.drain() == DrainReport(unknown=1)
    assert bench.outbox.status(0) is NotificationStatus.UNKNOWN
    assert bench.drain() == DrainReport()
    assert bench.drain(after=timedelta(seconds=5)) == DrainReport(sent=1)


def test_a_retry_keeps_its_place_before_what_was_queued_later() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("a", "2")), FakeSender({"a": [refuse()]}))
    bench.drain()
    bench.drain(after=timedelta(seconds=5))
    assert bench.sender.sent == [("a", "1"), ("a", "2")]


def test_a_pause_that_a_receiver_asks_for_is_kept() -> None:
    bench = Bench(FakeOutbox(("a", "1")), FakeSender({"a": [refuse(timedelta(seconds=90))]}))
    assert bench.drain() == DrainReport(refused=1)
    assert bench.drain(after=timedelta(seconds=89)) == DrainReport()
    assert bench.drain(after=timedelta(seconds=1)) == DrainReport(sent=1)


def test_after_the_last_attempt_a_notification_is_dead_and_the_next_one_has_its_turn() -> None:
    attempts = RetryPolicy().attempts
    bench = Bench(FakeOutbox(("a", "1"), ("a", "2")), FakeSender({"a": [refuse()] * attempts}))
    reports = [bench.drain(after=timedelta(minutes=15)) for _ in range(attempts)]
    assert reports[:-1] == [DrainReport(refused=1, released=1)] * (attempts - 1)
    assert reports[-1] == DrainReport(dead=1, sent=1)
    assert bench.outbox.states[0].error == "the receiver answered 503"


def test_only_answers_about_the_message_count_towards_giving_it_up_for_them() -> None:
    refusals = [refuse(), refuse(), refuse(status=400), refuse(), refuse(status=422)]
    bench = Bench(FakeOutbox(("a", "1")), FakeSender({"a": [*refusals, refuse(status=400)]}))
    reports = [bench.drain(after=timedelta(minutes=15)) for _ in range(6)]
    assert reports == [DrainReport(refused=1)] * 5 + [DrainReport(dead=1)]


def test_what_may_have_arrived_a_dozen_times_is_given_up() -> None:
    """What was refused in between certainly did not arrive, and does not count."""
    most = RetryPolicy().attempts_if_unknown
    acts = [*[time_out] * (most - 1), *[refuse()] * 20, time_out]
    bench = Bench(FakeOutbox(("a", "1")), FakeSender({"a": acts}))
    reports = [bench.drain(after=timedelta(minutes=15)) for _ in acts]
    assert reports[-2:] == [DrainReport(refused=1), DrainReport(dead=1)]
    assert DrainReport(dead=1) not in reports[:-1]


def test_what_another_process_queued_by_a_newer_configuration_waits_for_a_reload() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("b", "2")))
    there = bench.destinations.pop(BY_NAME["a"].key)
    assert bench.drain() == DrainReport(refused=1, sent=1)
    assert bench.outbox.states[0].error == "its destination is not configured here"
    assert bench.drain(after=timedelta(seconds=29)) == DrainReport()
    bench.destinations[there.key] = there
    assert bench.drain(after=timedelta(seconds=1)) == DrainReport(sent=1)


def test_a_destination_that_is_gone_from_the_configuration_is_dead() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("b", "2")))
    del bench.destinations[BY_NAME["a"].key]
    assert bench.drain(after=RELOADED_WITHIN) == DrainReport(dead=1, sent=1)
    assert "no longer configured" in bench.outbox.states[0].error
    assert bench.sender.sent == [("b", "2")]


def test_a_destination_that_a_reload_brings_during_a_drain_is_known_at_once() -> None:
    outbox = FakeOutbox(("a", "1"))
    bench = Bench(outbox)
    everybody = dict(bench.destinations)
    del bench.destinations[BY_NAME["b"].key]

    def reload() -> None:
        bench.dispatcher.destinations = everybody
        outbox.queue("b", "2")

    bench.sender.acts["a"] = [reload]
    assert bench.drain() == DrainReport(sent=2)


def test_a_hanging_destination_holds_up_no_other() -> None:
    """It hangs until all others are told, also of what was queued while it hung."""
    outbox = FakeOutbox(("a", "1"), ("b", "2"), ("b", "3"))
    others_told = threading.Event()
    sender = FakeSender({"a": [lambda: wait_for(others_told)]})
    sender.acts["b"] = [lambda: None, lambda: outbox.queue("c", "4")]
    sender.acts["c"] = [others_told.set]
    assert Bench(outbox, sender).drain() == DrainReport(sent=4)
    assert sender.sent[-1] == ("a", "1") or sender.sent[-2] == ("a", "1")


def wait_for(event: threading.Event) -> None:
    assert event.wait(WITHIN), "held up"


def test_what_was_claimed_when_the_stop_came_is_given_back_unsent() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("b", "2")))
    bench.outbox.on_claim = bench.stop.set
    assert bench.drain() == DrainReport(released=2)
    assert bench.outbox.statuses() == [NotificationStatus.QUEUED] * 2
    assert bench.sender.sent == []


def test_what_is_being_sent_when_the_stop_comes_is_finished_and_settled() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("a", "2")))
    bench.sender.acts["a"] = [bench.stop.set]
    assert bench.drain() == DrainReport(sent=1, released=1)
    assert bench.outbox.statuses() == [NotificationStatus.SENT, NotificationStatus.QUEUED]


def test_after_a_stop_nothing_is_claimed() -> None:
    bench = Bench(FakeOutbox(("a", "1")))
    bench.stop.set()
    assert bench.drain() == DrainReport()
    assert bench.outbox.statuses() == [NotificationStatus.QUEUED]


def test_what_a_busy_database_could_not_settle_is_sent_again_when_its_lease_ends() -> None:
    bench = Bench(FakeOutbox(("a", "1")))
    bench.outbox.on_settle = busy
    assert bench.drain() == DrainReport(sent=1)
    bench.outbox.on_settle = lambda: None
    assert bench.drain(after=timedelta(seconds=59)) == DrainReport()
    assert bench.drain(after=timedelta(seconds=1)) == DrainReport(sent=1)


def busy() -> None:
    raise StoreBusyError("the database is locked")


def test_a_busy_database_ends_the_drain_and_no_more() -> None:
    bench = Bench(FakeOutbox(("a", "1")))
    bench.outbox.on_claim = busy
    assert bench.drain() == DrainReport()
    bench.outbox.on_claim = lambda: None
    assert bench.drain() == DrainReport(sent=1)


@pytest.mark.parametrize(
    ("act", "event", "level"),
    [
        (lambda: None, "notification sent", "info"),
        (refuse(), "notification refused", "warning"),
        (time_out, "notification unknown", "warning"),
    ],
)
def test_every_attempt_is_one_line_in_the_log_without_a_secret(
    act: Act, event: str, level: str
) -> None:
    with capture_logs() as lines:
        Bench(FakeOutbox(("a", "1")), FakeSender({"a": [act]})).drain()
    (line,) = lines
    assert (line["event"], line["log_level"]) == (event, level)
    assert (line["receiver"], line["destination"], line["attempt"]) == ("a", BY_NAME["a"].key, 1)
    assert "T0KEN" not in str(lines)


def test_a_mistake_in_a_sender_is_not_swallowed_and_others_are_settled() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("b", "2")))
    bench.sender.acts["a"] = [blunder]
    with pytest.raises(ZeroDivisionError):
        bench.drain()
    assert bench.outbox.status(1) is NotificationStatus.SENT


def blunder() -> None:
    raise ZeroDivisionError


def test_what_stands_behind_a_failure_is_given_back_and_not_sent() -> None:
    bench = Bench(FakeOutbox(*(("a", str(number)) for number in range(4))))
    bench.sender.acts["a"] = [lambda: None, refuse()]
    assert bench.drain() == DrainReport(sent=1, refused=1, released=2)
    assert bench.outbox.statuses()[1:] == [NotificationStatus.QUEUED] * 3
    assert bench.drain(after=timedelta(seconds=5)) == DrainReport(sent=3)
    assert [title for _, title in bench.sender.sent] == ["0", "1", "2", "3"]


def test_a_run_that_takes_long_is_given_back_before_its_lease_can_end() -> None:
    bench = Bench(FakeOutbox(("a", "1"), ("a", "2")))

    def take_long() -> None:
        bench.now += RUN_FOR

    bench.sender.acts["a"] = [take_long]
    assert bench.drain() == DrainReport(sent=2, released=1)
    assert [title for _, title in bench.sender.sent] == ["1", "2"]


def test_what_cannot_be_settled_is_not_overtaken_by_what_follows() -> None:
    """All that was sent before the failure was seen is sent again, in the same order."""
    count = 3 * RUN
    bench = Bench(FakeOutbox(*(("a", str(number)) for number in range(count))))
    bench.outbox.on_settle = busy
    bench.drain()
    bench.outbox.on_settle = lambda: None
    first = [title for _, title in bench.sender.sent]
    assert 1 <= len(first) <= RUN
    bench.drain(after=LEASE_FOR)
    assert bench.sender.sent[len(first) :] == [("a", str(number)) for number in range(count)]


def test_the_rates_of_destinations_are_handed_on() -> None:
    outbox = FakeOutbox(("a", "1"))
    bench = Bench(outbox)
    rate = RateLimit(count=20, per=timedelta(minutes=1))
    bench.destinations[BY_NAME["a"].key] = replace(BY_NAME["a"], rate_limit=rate)
    bench.drain()
    assert outbox.rates == {BY_NAME["a"].key: rate}
