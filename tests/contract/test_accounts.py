"""What buying came to shows in the metrics, whoever wrote it."""

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.config.load import load
from monitor.grab.grab import GrabStatus
from monitor.jobs.accounts import Accounts
from monitor.jobs.shared import Shared
from monitor.setup import set_up
from monitor.store.engine import Database
from monitor.store.grabs import Books
from monitor.store.ledger import Ledgers
from monitor.web.metrics import Metrics
from tests.contract.grabs import add
from tests.contract.samples import RULE, at
from tests.unit.web.exposed import value

CONFIG = """\
marketplaces:
  - {name: tensordock, kind: tensordock, token: tok-0123456789}
grab: {mode: live, max_instances: 3, max_total_per_hour: 5, max_spend_per_day: 50,
       max_spend_per_month: 500, max_creates_per_hour: 5, stop_file: STOP}
"""


@pytest.fixture
def shared(database: Database, tmp_path: Path) -> Shared:
    """Return what jobs work with, for a marketplace that is never asked."""
    file = tmp_path / "monitor.yaml"
    file.write_text(CONFIG.replace("STOP", str(tmp_path / "STOP")))
    metrics = Metrics(version="1")
    metrics.configure(marketplaces={}, rules=(), receivers=(), jobs=())
    return Shared(
        setup=set_up(load(file, {})),
        database=database,
        ledgers=Ledgers(database),
        metrics=metrics,
        holder="a",
    )


def test_what_was_bought_before_is_shown_and_not_counted(
    shared: Shared, database: Database, tmp_path: Path
) -> None:
    running = add(database, "a", status=GrabStatus.RUNNING)
    (job,) = Accounts(shared).jobs()
    job.act(at(1))
    metrics = shared.metrics
    assert value(metrics, "gpu_monitor_open_grabs", rule=RULE, status="running") == 1
    assert value(metrics, "gpu_monitor_committed_spend_usd_per_hour") == 2.100000001
    assert value(metrics, "gpu_monitor_grabs_total", rule=RULE, outcome="running") is None
    assert value(metrics, "gpu_monitor_buying_hindered", by="stop_file") == 0
    (tmp_path / "STOP").symlink_to(tmp_path / "nowhere")
    with Books(database).book() as book:
        book.change(running, replace(running, status=GrabStatus.DELETING), "requested", at(2))
    job.act(at(2))
    assert value(metrics, "gpu_monitor_instances_overdue", rule=RULE) == 1
    assert value(metrics, "gpu_monitor_grabs_total", rule=RULE, outcome="deleting") == 1
    assert value(metrics, "gpu_monitor_buying_hindered", by="stop_file") == 1
