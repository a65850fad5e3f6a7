"""`silence` and `alerts ack`: who keeps what from being told, and what becomes of it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import utc_now
from monitor.rules.alert import Alert
from monitor.store import alerts, migrate
from monitor.store.engine import Database
from tests.contract.samples import an_alert
from tests.integration.commands import Commands, configure

RULES = """\
rules:
  - {name: h100-under-2.20, match: {gpu: h100-*}, severity: warning}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configure(tmp_path, "http://127.0.0.1:9", "json://127.0.0.1:9/", rules=RULES)


@pytest.fixture
def database(tmp_path: Path, config: Path) -> Iterator[Database]:
    """Open the database that `config` names, in which one alert fires."""
    del config
    with closing(Database.open(f"sqlite:///{tmp_path / 'data' / 'monitor.db'}")) as opened:
        migrate.upgrade(opened)
        with opened.transaction() as connection:
            alerts.save(connection, [an_alert()], [])
        yield opened


def firing(database: Database) -> Alert:
    with database.read() as connection:
        (found,) = alerts.recent(connection, since=utc_now())
    return found


@pytest.mark.usefixtures("database")
def test_a_silence_is_shown_with_what_it_keeps_from_being_told(
    gpu_monitor: Commands, config: Path
) -> None:
    added = gpu_monitor(
        *("silence", "add", "gpu=~h100-.*", "severity=warning", "--for", "2h", "--by", "ann"),
        *("--comment", "on holiday", "--json", "-c", config),
    )
    assert added.status == 0
    assert "it fits 1 of 1 alert firing now" in added.err
    (listed,) = gpu_monitor("silence", "list", "--json", "-c", config).json()
    assert listed == added.json()
    assert listed["state"] == "active"
    assert (listed["created_by"], listed["comment"]) == ("ann", "on holiday")
    assert listed["matchers"][0] == {"label": "gpu", "operator": "=~", "value": "h100-.*"}
    (alert,) = gpu_monitor("alerts", "--json", "-c", config).json()
    assert alert["silenced_until"] == listed["ends_at"]
    assert "silenced until" in gpu_monitor("alerts", "-c", config).out


@pytest.mark.usefixtures("database")
def test_a_silence_that_is_expired_silences_nothing_and_stays_in_the_record(
    gpu_monitor: Commands, config: Path
) -> None:
    gpu_monitor("silence", "add", "rule=h100-under-2.20", "-c", config)
    assert gpu_monitor("silence", "expire", "1", "-c", config).status == 0
    assert gpu_monitor("alerts", "--json", "-c", config).json()[0]["silenced_until"] is None
    assert gpu_monitor("silence", "list", "-c", config).err == "no silences\n"
    (expired,) = gpu_monitor("silence", "list", "--expired", "1h", "--json", "-c", config).json()
    assert expired["state"] == "expired"
    again = gpu_monitor("silence", "expire", "1", "-c", config)
    assert (again.status, again.err.count("silence list")) == (1, 1)


def test_a_silence_may_begin_later(gpu_monitor: Commands, config: Path) -> None:
    later = (utc_now() + timedelta(hours=1)).isoformat()
    gpu_monitor("silence", "add", "rule=x", "--starts", later, "-c", config)
    assert gpu_monitor("silence", "list", "--json", "-c", config).json()[0]["state"] == "pending"
    assert "in 2 h" in gpu_monitor("silence", "list", "-c", config).out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["gpu=~(a+)+"], "may not, at character 4"),
        (["price=2"], "there is no label price"),
        (["rule=x", "--until", "2020-01-01T00:00Z"], "over before it begins"),
        (["rule=x", "--until", "2020-01-01T00:00"], "needs its offset from UTC"),
        (["rule=x", "--for", "soon"], "a duration is written like"),
        ([], "Missing argument"),
    ],
)
def test_what_is_no_silence_is_refused(
    gpu_monitor: Commands, config: Path, given: list[str], said: str
) -> None:
    refused = gpu_monitor("silence", "add", *given, "-c", config)
    assert (refused.status, said in refused.err, refused.out) == (2, True, "")


def test_an_acknowledgement_is_kept_and_shown(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    said = gpu_monitor(
        "alerts", "ack", "h100-under-2.20", "--by", "ann", "--comment", "mine", "-c", config
    )
    assert said.err == "acknowledged: gpu=h100-sxm5-80gb, marketplace=tensordock\n"
    kept = firing(database).acknowledged
    assert kept is not None
    assert (kept.by, kept.comment) == ("ann", "mine")
    (alert,) = gpu_monitor("alerts", "--json", "-c", config).json()
    assert (alert["acknowledged"]["by"], alert["acknowledged"]["comment"]) == ("ann", "mine")
    assert "acknowledged by ann" in gpu_monitor("alerts", "-c", config).out


def test_an_evaluation_leaves_an_acknowledgement_as_it_is(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    gpu_monitor("alerts", "ack", "h100-under-2.20", "--by", "ann", "-c", config)
    with database.transaction() as connection:
        alerts.save(connection, [an_alert(offers=7)], [])
    after = firing(database)
    assert after.offers == 7
    assert after.acknowledged is not None


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (["nothing"], 1, "no such alert of nothing fires"),
        (["h100-under-2.20", "--labels", "gpu=l4"], 1, "no such alert"),
        (["h100-under-2.20", "--labels", "gpu"], 2, "a label is written like"),
    ],
)
def test_what_cannot_be_acknowledged_says_why(
    gpu_monitor: Commands,
    config: Path,
    database: Database,
    *,
    given: list[str],
    status: int,
    said: str,
) -> None:
    refused = gpu_monitor("alerts", "ack", *given, "-c", config)
    assert (refused.status, said in refused.err) == (status, True)
    assert firing(database).acknowledged is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("silence", "expire", "9" * 20), "9223372036854775807"),
        (("notifications", "show", "9" * 20), "9223372036854775807"),
        (("notifications", "resend", "9" * 20), "9223372036854775807"),
        (("notifications", "list", "--limit", "9" * 20), "9223372036854775807"),
        (("silence", "add", "rule=x", "--until", "9999-12-31T23:59:59-12:00"), "is written like"),
        (("silence", "add", "rule=x", "--starts", "0001-01-01T00:00+12:00"), "is written like"),
        (("backtest", "--interval", "0s"), "must be longer than nothing"),
    ],
)
def test_numbers_and_times_beyond_all_bounds_are_usage_errors(
    gpu_monitor: Commands, config: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = gpu_monitor(*arguments, "-c", config)
    assert (ran.status, ran.out) == (2, "")
    assert said in " ".join(ran.err.replace("│", " ").split())
