"""What the log says of a cycle."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from monitor.cycle import CycleReport
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.reporting import log_cycle

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
LATER = NOON.replace(hour=13)


@pytest.mark.parametrize(("behind", "levels"), [(LATER, ["info", "warning"]), (None, ["info"])])
def test_a_good_poll_that_is_not_recorded_is_warned_of(
    behind: datetime | None, levels: list[str]
) -> None:
    snapshot = Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=())
    poll = Poll(marketplace="m", at=NOON, outcome=Outcome.OK, duration=0, snapshot=snapshot)
    with capture_logs() as lines:
        log_cycle(CycleReport(poll=poll, behind=behind))
    assert [line["log_level"] for line in lines] == levels
    assert behind is None or lines[-1]["history_until"] == "2026-03-21 13:00:00Z"
