"""The log of requests."""

from datetime import UTC, datetime, timedelta

from monitor.simulator.requests import KEPT, Request, RequestLog

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)


def _filled(count: int) -> RequestLog:
    log = RequestLog()
    for second in range(count):
        at = NOON + timedelta(seconds=second)
        log.add(Request(at=at, method="GET", path=f"/{second}", body="", authorized=True))
    return log


def test_only_the_last_requests_are_kept_but_all_are_counted() -> None:
    log = _filled(KEPT + 5)
    assert (len(log.last()), log.last()[0].path, log.total) == (KEPT, "/5", KEPT + 5)


def test_the_recent_ones_are_counted() -> None:
    assert _filled(100).since(NOON + timedelta(seconds=89)) == 10
