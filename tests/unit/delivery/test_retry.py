"""When a failed notification is tried again: later and later, never for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.outbox import NotificationStatus
from monitor.delivery.retry import RetryPolicy
from monitor.errors import DeliveryError, DeliveryRefusedError, DeliveryUnknownError

NOW = datetime(2026, 3, 4, tzinfo=UTC)
POLICY = RetryPolicy()
ATTEMPTS = st.integers(1, 10_000)
JITTER = st.floats(0, 1)


@given(ATTEMPTS)
def test_the_ceiling_grows_and_is_bounded(attempts: int) -> None:
    assert POLICY.base <= POLICY.ceiling(attempts) <= POLICY.ceiling(attempts + 1) <= POLICY.cap


def test_the_ceiling_doubles_from_five_seconds_to_five_minutes() -> None:
    seconds = [POLICY.ceiling(attempts).total_seconds() for attempts in range(1, 11)]
    assert seconds == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300]


@given(st.integers(1, POLICY.attempts - 1), JITTER)
def test_a_retry_is_a_random_part_of_the_ceiling_away(attempts: int, jitter: float) -> None:
    settlement = POLICY.settle(attempts, DeliveryRefusedError("down"), NOW, jitter)
    assert settlement.retry_at == NOW + POLICY.ceiling(attempts) * jitter


def test_a_refusal_waits_in_the_queue() -> None:
    settlement = POLICY.settle(1, DeliveryRefusedError("no", status=500), NOW, 1)
    assert settlement.status is NotificationStatus.QUEUED
    assert settlement.error == "no"


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        (timedelta(minutes=2), timedelta(minutes=2)),
        (timedelta(seconds=1), timedelta(seconds=5)),
        (timedelta(days=365), timedelta(minutes=15)),
    ],
)
def test_a_receiver_that_asks_for_a_longer_pause_gets_it_within_reason(
    asked: timedelta, waits: timedelta
) -> None:
    error = DeliveryRefusedError("slow down", status=429, retry_after=asked)
    assert POLICY.settle(1, error, NOW, 1).retry_at == NOW + waits


def test_a_receiver_may_be_down_for_half_a_day() -> None:
    waits = [POLICY.ceiling(attempts) / 2 for attempts in range(1, POLICY.attempts)]
    assert sum(waits, timedelta()) > timedelta(hours=12)


def test_what_may_have_arrived_is_sent_again_for_half_an_hour_and_more() -> None:
    assert POLICY.settle(1, DeliveryUnknownError("?"), NOW, 1).status is NotificationStatus.UNKNOWN
    attempts = range(1, POLICY.attempts_if_unknown)
    waits = [POLICY.ceiling(each, unknown=True) / 2 for each in attempts]
    assert sum(waits, timedelta()) > timedelta(minutes=30)


@pytest.mark.parametrize(
    ("error", "attempts", "alike"),
    [
        (DeliveryRefusedError("down", status=503), 300, 1),
        (DeliveryRefusedError("who?", status=401), 300, 1),
        (DeliveryUnknownError("no answer"), 40, 12),
        (DeliveryRefusedError("cannot be parsed", status=400), 40, 3),
        (DeliveryRefusedError("too long", status=413), 40, 3),
    ],
)
def test_the_last_attempt_is_the_end(error: DeliveryError, attempts: int, alike: int) -> None:
    before = POLICY.settle(attempts - 1, error, NOW, 1, alike=alike - 1)
    last = POLICY.settle(attempts, error, NOW, 1, alike=alike)
    assert before.retry_at is not None
    assert (last.status, last.retry_at) == (NotificationStatus.DEAD, None)
    assert last.error == str(error)
