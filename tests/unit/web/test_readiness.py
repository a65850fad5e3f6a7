from datetime import UTC, datetime, timedelta

from monitor.web.readiness import Polling, readiness

NOW = datetime(2026, 3, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def polled(ago: timedelta | None, *, marketplace: str = "tensordock") -> Polling:
    last_at = None if ago is None else NOW - ago
    timeout = timedelta(seconds=20)
    return Polling(marketplace=marketplace, interval=MINUTE, timeout=timeout, last_at=last_at)


def reasons(*pollings: Polling, migrated: bool = True) -> tuple[str, ...]:
    found = readiness(now=NOW, migrated=migrated, pollings=pollings)
    assert found.ready is (not found.reasons)
    return found.reasons


def test_it_is_ready_when_it_has_polled_lately() -> None:
    assert reasons(polled(MINUTE)) == ()


def test_it_is_not_ready_before_the_first_poll() -> None:
    assert reasons(polled(None)) == ("tensordock: no poll yet",)


def test_it_is_not_ready_when_three_intervals_and_two_time_outs_have_gone_by() -> None:
    """A marketplace that hangs until the time-out is no fault of the monitor."""
    assert reasons(polled(timedelta(seconds=220))) == ()
    assert reasons(polled(timedelta(seconds=221))) != ()
    assert reasons(polled(timedelta(seconds=412))) == (
        "tensordock: last poll 412 s ago, expected every 60 s",
    )


def test_it_is_not_ready_before_the_database_is_migrated() -> None:
    assert reasons(polled(MINUTE), migrated=False) == ("the database is not migrated",)


def test_every_marketplace_that_is_late_is_named() -> None:
    late = polled(timedelta(hours=1), marketplace="a")
    never = polled(None, marketplace="b")
    fine = polled(MINUTE, marketplace="c")
    assert reasons(late, never, fine) == (
        "a: last poll 3600 s ago, expected every 60 s",
        "b: no poll yet",
    )


def test_a_clock_that_was_set_back_makes_nothing_late() -> None:
    assert reasons(polled(timedelta(hours=-1))) == ()


def test_fractions_of_a_second_are_told() -> None:
    half = timedelta(seconds=0.5)
    polling = Polling(marketplace="m", interval=half, timeout=half, last_at=NOW - MINUTE)
    assert reasons(polling) == ("m: last poll 60 s ago, expected every 0.5 s",)
