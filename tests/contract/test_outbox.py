"""No notification is lost, sent by two at a time, or overtaken on its way to one destination."""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from monitor.alerting.outbox import (
    Claimed,
    Draft,
    NotificationId,
    NotificationStatus,
    RateLimit,
    Settlement,
)
from monitor.store import claims, outbox
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from monitor.store.outbox import Notification
from monitor.store.schema import notification_failures, notifications
from tests.contract.samples import NOON, a_draft, at

LEASE = timedelta(seconds=90)
TOKEN = "t"
SENT = Settlement(status=NotificationStatus.SENT, at=at(0.5))


def enqueue(database: Database, drafts: Iterable[Draft], now: datetime = NOON) -> list[int]:
    with database.transaction() as connection:
        return list(outbox.enqueue(connection, drafts, now))


def claim(
    database: Database, now: datetime = NOON, token: str = TOKEN, limit: int = 100, run: int = 1
) -> list[Claimed]:
    return Outbox(database).claim(now, token=token, lease_for=LEASE, limit=limit, run=run)


def settle(database: Database, claimed: Claimed, settlement: Settlement) -> bool:
    return Outbox(database).settle([(claimed, settlement)]) == 1


def listed(database: Database, limit: int = 100) -> list[Notification]:
    with database.read() as connection:
        return outbox.listed(connection, limit=limit)


def one(database: Database) -> Notification:
    (found,) = listed(database)
    return found


def resend(database: Database, notification: int) -> bool:
    with database.transaction() as connection:
        return outbox.resend(connection, NotificationId(notification))


def test_a_queued_notification_waits_to_be_sent(database: Database) -> None:
    (key,) = enqueue(database, [a_draft()])
    assert one(database) == Notification(
        id=NotificationId(key),
        receiver="chat",
        destination=a_draft().destination,
        status=NotificationStatus.QUEUED,
        attempts=0,
        unknown_attempts=0,
        created_at=NOON,
        next_attempt_at=None,
        sent_at=None,
        reason=a_draft().reason,
        rule=a_draft().rule,
        title="H100 für 2,10 $ — 東京",
        error="",
    )


def test_ids_come_in_the_order_of_the_drafts(database: Database) -> None:
    keys = enqueue(database, [a_draft(title=str(number)) for number in range(30)])
    assert [(each.id, each.title) for each in reversed(listed(database))] == [
        (key, str(number)) for number, key in enumerate(keys)
    ]


def test_nothing_queued_is_nothing_claimed(database: Database) -> None:
    assert enqueue(database, []) == []
    assert claim(database) == []


def test_a_claim_counts_as_an_attempt_before_it_is_sent(database: Database) -> None:
    enqueue(database, [a_draft()])
    (claimed,) = claim(database)
    assert (claimed.attempts, claimed.token, claimed.body) == (1, "t", "two offers")
    assert one(database).status is NotificationStatus.SENDING


def test_what_is_claimed_is_not_claimed_again(database: Database) -> None:
    enqueue(database, [a_draft()])
    claim(database)
    assert claim(database, token="other") == []


def test_what_was_sent_is_over(database: Database) -> None:
    enqueue(database, [a_draft()])
    (claimed,) = claim(database)
    assert settle(database, claimed, SENT)
    found = one(database)
    assert (found.status, found.sent_at, found.attempts) == (
        NotificationStatus.SENT,
        SENT.at,
        1,
    )
    assert claim(database, at(1000)) == []


@pytest.mark.parametrize("status", [NotificationStatus.QUEUED, NotificationStatus.UNKNOWN])
def test_a_failed_attempt_is_repeated_when_its_wait_is_over(
    database: Database, status: NotificationStatus
) -> None:
    enqueue(database, [a_draft()])
    (claimed,) = claim(database)
    failed = Settlement(status=status, at=at(0.5), retry_at=at(5), error="no answer in 10 s")
    assert settle(database, claimed, failed)
    found = one(database)
    assert (found.status, found.next_attempt_at, found.error) == (status, at(5), failed.error)
    assert found.unknown_attempts == (status is NotificationStatus.UNKNOWN)
    assert claim(database, at(4.9)) == []
    (again,) = claim(database, at(5))
    assert again.attempts == 2


def test_a_dead_one_is_not_claimed(database: Database) -> None:
    enqueue(database, [a_draft()])
    (claimed,) = claim(database)
    settle(database, claimed, Settlement(status=NotificationStatus.DEAD, at=NOON))
    assert claim(database, at(1000)) == []


def test_a_crash_between_sending_and_settling_is_repeated_and_recorded(database: Database) -> None:
    enqueue(database, [a_draft()])
    claim(database, token="dead process")
    assert claim(database, NOON + LEASE - timedelta(microseconds=1)) == []
    (again,) = claim(database, NOON + LEASE, token="next")
    assert (again.attempts, again.token) == (2, "next")
    assert one(database).unknown_attempts == 1


def test_who_comes_too_late_settles_nothing(database: Database) -> None:
    """Its lease ran out and another one sends: the late outcome must not end that claim."""
    enqueue(database, [a_draft()])
    (late,) = claim(database, token="slow")
    (again,) = claim(database, NOON + LEASE, token="next")
    assert not settle(database, late, SENT)
    assert one(database).status is NotificationStatus.SENDING
    assert settle(database, again, SENT)
    assert not settle(database, again, SENT)


def test_a_crash_before_the_claim_commits_changes_nothing(database: Database) -> None:
    enqueue(database, [a_draft()])

    def crash() -> None:
        with database.transaction() as connection:
            claims.claim(connection, NOON, token="t", lease_for=LEASE, limit=1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert one(database).status is NotificationStatus.QUEUED
    assert one(database).attempts == 0


def test_a_destination_is_told_in_order(database: Database) -> None:
    enqueue(database, [a_draft(title="first"), a_draft(title="second")])
    (first,) = claim(database)
    assert first.title == "first"
    assert claim(database) == []
    settle(database, first, SENT)
    (second,) = claim(database)
    assert second.title == "second"


def test_one_that_waits_for_its_retry_holds_up_only_its_own_destination(
    database: Database,
) -> None:
    for title in ("first", "second"):
        enqueue(database, [a_draft(name, title) for name in ("down#1", "up#2")])
    down, up = claim(database)
    settle(database, down, Settlement(status=NotificationStatus.QUEUED, at=NOON, retry_at=at(15)))
    settle(database, up, SENT)
    (claimed,) = claim(database, at(1))
    assert (claimed.destination, claimed.title) == ("up#2", "second")


def test_a_dead_one_lets_the_next_pass(database: Database) -> None:
    enqueue(database, [a_draft(title="first"), a_draft(title="second")])
    (first,) = claim(database)
    settle(database, first, Settlement(status=NotificationStatus.DEAD, at=NOON))
    assert [each.title for each in claim(database)] == ["second"]


def test_no_more_are_claimed_than_asked_for_and_the_oldest_first(database: Database) -> None:
    keys = enqueue(database, [a_draft(f"chat#{9 - number}") for number in range(5)])
    assert [each.id for each in claim(database, limit=2)] == keys[:2]
    assert [each.id for each in claim(database, limit=9)] == keys[2:]


def test_queueing_survives_a_clock_set_back(database: Database) -> None:
    enqueue(database, [a_draft()], now=at(60))
    assert len(claim(database, NOON)) == 1


@pytest.mark.parametrize("under_way", [True, False])
def test_a_clock_set_back_an_hour_holds_up_neither_a_retry_nor_a_dead_claim(
    database: Database, *, under_way: bool
) -> None:
    enqueue(database, [a_draft()])
    (claimed,) = claim(database, at(60))
    if not under_way:
        failed = Settlement(status=NotificationStatus.QUEUED, at=at(60), retry_at=at(65))
        settle(database, claimed, failed)
    assert len(claim(database, NOON)) == 1


def test_a_release_gives_back_what_was_not_begun(database: Database) -> None:
    enqueue(database, [a_draft("a#1"), a_draft("b#2")])
    sent, unsent = claim(database, token="stopping")
    box = Outbox(database)
    settle(database, sent, SENT)
    assert box.release([sent, unsent]) == 1
    waiting = listed(database)[0]
    assert (waiting.status, waiting.attempts) == (NotificationStatus.QUEUED, 0)
    assert len(claim(database, token="next")) == 1
    assert box.release([unsent]) == 0


def test_a_release_keeps_that_an_earlier_attempt_is_unknown(database: Database) -> None:
    enqueue(database, [a_draft()])
    claim(database, token="dead process")
    Outbox(database).release(claim(database, NOON + LEASE, token="stopping"))
    found = one(database)
    assert (found.status, found.attempts, found.unknown_attempts) == (
        NotificationStatus.UNKNOWN,
        1,
        1,
    )


@pytest.mark.parametrize(
    "status", [NotificationStatus.DEAD, NotificationStatus.SENT, NotificationStatus.UNKNOWN]
)
def test_an_ended_one_can_be_sent_again(database: Database, status: NotificationStatus) -> None:
    (key,) = enqueue(database, [a_draft()])
    (claimed,) = claim(database)
    settle(database, claimed, Settlement(status=status, at=NOON, retry_at=at(60)))
    assert resend(database, key)
    found = one(database)
    assert (found.status, found.attempts, found.sent_at) == (NotificationStatus.QUEUED, 0, None)
    assert [each.id for each in claim(database)] == [key]


def test_one_that_is_under_way_is_not_queued_again(database: Database) -> None:
    (key,) = enqueue(database, [a_draft()])
    assert not resend(database, key)
    claim(database)
    assert not resend(database, key)
    assert not resend(database, key + 1)


def test_the_list_can_be_narrowed(database: Database) -> None:
    keys = enqueue(database, [a_draft("a#1"), a_draft("b#2")])
    (_, second) = claim(database)
    settle(database, second, SENT)
    with database.read() as connection:
        sent = outbox.listed(connection, limit=9, status=NotificationStatus.SENT)
        assert [each.id for each in sent] == keys[1:]
        assert outbox.listed(connection, limit=9, receiver="mail") == []
        assert [each.id for each in outbox.listed(connection, limit=1)] == keys[1:]


def test_lengths_count_what_is_not_ended(database: Database) -> None:
    enqueue(database, [a_draft("a#1"), a_draft("b#2"), a_draft("b#2")])
    first, second = claim(database)
    settle(database, first, SENT)
    settle(database, second, Settlement(status=NotificationStatus.DEAD, at=NOON))
    with database.read() as connection:
        assert outbox.lengths(connection) == {"chat": 1}


def test_claims_made_at_once_never_share_a_notification(database: Database) -> None:
    keys = enqueue(database, [a_draft(f"chat#{number}") for number in range(40)])
    together = threading.Barrier(4)
    claimed: list[NotificationId] = []

    def work(token: str) -> None:
        together.wait(timeout=10)
        while found := claim(database, token=token, limit=3):
            claimed.extend(each.id for each in found)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(claimed) == keys


def test_many_dispatchers_send_each_once_and_in_order(database: Database) -> None:
    """Three destinations with a queue each, drained by four dispatchers that take turns."""
    drafts = [a_draft(f"chat#{number % 3}", str(number)) for number in range(45)]
    keys = enqueue(database, drafts)
    sent: list[Claimed] = []

    def work(token: str) -> None:
        while len(sent) < len(keys):
            for each in claim(database, token=token, limit=1, run=3):
                sent.append(each)
                assert settle(database, each, SENT)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(each.id for each in sent) == keys
    for name in {each.destination for each in sent}:
        ids = [each.id for each in sent if each.destination == name]
        assert ids == sorted(ids)


def test_a_claim_can_be_kept_to_ones_own(database: Database) -> None:
    """As `notify test` does: others are left to the daemon, and so is what they hold up."""
    enqueue(database, [a_draft("down#1", "older")])
    behind, free = enqueue(database, [a_draft("down#1", "test"), a_draft("up#2", "test")])
    own = Outbox(database, only={NotificationId(behind), NotificationId(free)})
    claimed = own.claim(NOON, token=TOKEN, lease_for=LEASE, limit=100)
    assert [each.id for each in claimed] == [free]
    assert [each.title for each in claim(database)] == ["older"]


def titles(claimed: Iterable[Claimed]) -> list[str]:
    return [each.title for each in claimed]


def test_a_run_is_what_stands_next_in_each_queue(database: Database) -> None:
    enqueue(database, [a_draft(f"chat#{number % 2}", str(number)) for number in range(10)])
    assert titles(claim(database, run=3)) == ["0", "1", "2", "3", "4", "5"]
    assert claim(database, run=3) == []


def test_a_run_ends_before_one_that_waits(database: Database) -> None:
    """The second was tried before its time, as `resend` makes possible, and waits."""
    enqueue(database, [a_draft("a#1", str(number)) for number in range(4)])
    first, second, *others = claim(database, run=4)
    waits = Settlement(status=NotificationStatus.QUEUED, at=NOON, retry_at=at(5))
    settle(database, second, waits)
    Outbox(database).release([first, *others])
    assert titles(claim(database, run=4)) == ["0"]


def test_what_a_run_left_unsent_is_next_and_in_order(database: Database) -> None:
    enqueue(database, [a_draft("a#1", str(number)) for number in range(4)])
    first, *unsent = claim(database, run=3)
    settle(database, first, SENT)
    assert Outbox(database).release(unsent) == 2
    again = claim(database, run=3)
    assert titles(again) == ["1", "2", "3"]
    assert {each.attempts for each in again} == {1}


def test_of_a_run_whose_process_died_each_is_claimed_again_alone(database: Database) -> None:
    enqueue(database, [a_draft("a#1", str(number)) for number in range(3)])
    claim(database, token="dead process", run=3)
    assert claim(database, at(1), run=3) == []
    (again,) = claim(database, NOON + LEASE, run=3)
    assert again.title == "0"
    assert listed(database)[-1].unknown_attempts == 1


RATE = {a_draft().destination: RateLimit(count=3, per=2 * (at(1) - at(0)))}


def claim_paced(database: Database, now: datetime) -> list[Claimed]:
    """Claim at most three in any two minutes, and settle them as sent."""
    found = Outbox(database).claim(now, token=TOKEN, lease_for=LEASE, limit=10, run=10, rates=RATE)
    Outbox(database).settle([(each, SENT) for each in found])
    return found


def test_a_rate_limit_makes_wait_and_drops_nothing(database: Database) -> None:
    enqueue(database, [a_draft(title=str(number)) for number in range(8)])
    told = [titles(claim_paced(database, at(minute))) for minute in (0, 1, 1.99, 2, 3, 4)]
    assert told == [["0", "1", "2"], [], [], ["3", "4", "5"], [], ["6", "7"]]


def test_destinations_whose_rate_is_spent_keep_no_other_waiting(database: Database) -> None:
    rates = {
        a_draft(f"slow#{n}").destination: RateLimit(count=1, per=at(60) - at(0)) for n in range(3)
    }
    enqueue(database, [a_draft(each) for each in [*rates] * 2])

    def claim(minute: float) -> list[str]:
        claimed = Outbox(database).claim(
            at(minute), token=TOKEN, lease_for=LEASE, limit=3, rates=rates
        )
        Outbox(database).settle([(each, SENT) for each in claimed])
        return [each.destination for each in claimed]

    assert claim(0) == [*rates]
    enqueue(database, [a_draft("quick#1")])
    assert claim(1) == ["quick#1"]
    assert claim(60) == [*rates]


def test_a_rate_limit_holds_for_each_stretch_of_time_and_one_destination(
    database: Database,
) -> None:
    enqueue(database, [a_draft(title="0")])
    assert titles(claim_paced(database, at(0))) == ["0"]
    enqueue(database, [a_draft(title=str(number)) for number in (1, 2, 3)])
    enqueue(database, [a_draft("other#1", f"other {number}") for number in range(4)])
    assert titles(claim_paced(database, at(1))) == ["1", "2", *(f"other {n}" for n in range(4))]
    assert titles(claim_paced(database, at(2))) == ["3"]


def test_why_attempts_failed_is_kept_until_the_notification_goes(database: Database) -> None:
    (key,) = enqueue(database, [a_draft()])
    for minute, error in enumerate(("the receiver answered 500", "no answer in time")):
        (claimed,) = claim(database, at(10 * minute))
        failed = Settlement(status=NotificationStatus.UNKNOWN, at=at(10 * minute), error=error)
        settle(database, claimed, failed)
    with database.read() as connection:
        found = outbox.find(connection, NotificationId(key))
        assert outbox.find(connection, NotificationId(key + 1)) is None
    assert found is not None
    assert found.body == a_draft().body
    assert [(each.attempt, each.at, each.error) for each in found.failures] == [
        (1, at(0), "the receiver answered 500"),
        (2, at(10), "no answer in time"),
    ]
    with database.transaction() as connection:
        connection.execute(notifications.delete())
        assert connection.scalar(select(func.count()).select_from(notification_failures)) == 0
