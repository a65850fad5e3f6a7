"""What the log says of a cycle."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from monitor.cycle import CycleReport
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.reporting import log_cycle

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
LATER = NOON.replace(hour=13)


@pytest.mark.parametrize(("behind", "told"), [(LATER, ["2026-03-21 13:00:00Z"]), (None, [])])
def test_a_good_poll_that_is_not_recorded_is_warned_of(
    behind: datetime | None, told: list[str]
) -> None:
    snapshot = Snapshot(marketplace="m", at=NOON, hostnodes=(), offers=())
    poll = Poll(marketplace="m", at=NOON, outcome=Outcome.OK, duration=0, snapshot=snapshot)
    with capture_logs() as lines:
        log_cycle(CycleReport(poll=poll, behind=behind))
    warned = [line for line in lines if line["log_level"] == "warning"]
    assert [line["history_until"] for line in warned] == told
