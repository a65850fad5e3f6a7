"""The job that tells Alertmanagers: alerts in a database, and what is posted of them when."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.config.load import load
from monitor.jobs.alertmanagers import Alertmanagers
from monitor.jobs.shared import Shared
from monitor.rules.alert import Alert, AlertState
from monitor.scheduler import Watch
from monitor.setup import set_up
from monitor.store import alerts
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from monitor.store.migrate import upgrade
from monitor.web.metrics import Metrics
from tests.contract.samples import RULE, an_alert, at
from tests.integration.receivers import Answer, HttpReceiver, http_receiver

CONFIG = """\
marketplaces: [{{name: tensordock, kind: tensordock, base_url: "http://127.0.0.1:9", token: t}}]
receivers: [{{name: am, kind: alertmanager, url: "http://127.0.0.1:{port}"}}]
notifications: {{notify: [am]}}
rules: [{{name: {rule}, match: {{max_price_per_gpu_hour: 2}}}}]
"""


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as running:
        yield running


@pytest.fixture
def shared(tmp_path: Path, receiver: HttpReceiver) -> Iterator[Shared]:
    (tmp_path / "monitor.yaml").write_text(CONFIG.format(port=receiver.port, rule=RULE))
    with closing(Database.open(f"sqlite:///{tmp_path / 'monitor.db'}")) as database:
        upgrade(database)
        yield Shared(
            setup=set_up(load(tmp_path / "monitor.yaml", {})),
            database=database,
            ledgers=Ledgers(database),
            metrics=Metrics(version="1"),
            holder="me",
        )


def save(shared: Shared, *changed: Alert) -> None:
    with shared.database.transaction() as connection:
        alerts.save(connection, changed, [])


def telling(shared: Shared) -> tuple[Alertmanagers, Callable[[datetime], None]]:
    watch = Watch(
        clock=lambda: datetime.now(UTC), monotonic=lambda: 0.0, observer=Metrics(version="1")
    )
    job = Alertmanagers(shared, watch)
    return job, job._tell


def posted(receiver: HttpReceiver) -> list[list[dict[str, Any]]]:
    return [json.loads(request.body) for request in receiver.received()]


def test_of_an_alert_that_ended_and_fires_again_only_the_present_life_is_told(
    shared: Shared, receiver: HttpReceiver
) -> None:
    """Both have the same labels, and an Alertmanager takes what comes last for the state."""
    _, tell = telling(shared)
    save(shared, an_alert())
    save(shared, an_alert(state=AlertState.RESOLVED, resolved_at=at(3)))
    tell(at(4))
    save(shared, an_alert(active_at=at(5), pending_since=at(5), firing_at=at(6)))
    tell(at(7))
    tell(at(9))
    starts = [[alert["startsAt"][:16] for alert in body] for body in posted(receiver)]
    assert starts == [["2026-03-21T12:01"], ["2026-03-21T12:06"], ["2026-03-21T12:06"]]


def test_an_alertmanager_that_takes_nothing_is_in_trouble_from_the_third_time_on(
    shared: Shared, receiver: HttpReceiver
) -> None:
    job, tell = telling(shared)
    save(shared, an_alert())
    receiver.answers(*[Answer(status=500)] * 3, Answer())
    known = []
    for minute in range(4):
        tell(at(minute))
        known.append([each.error for each in job.troubles(at(minute))])
    assert known == [[], [], ["the receiver answered 500 Internal Server Error {}"], []]
