"""`grabs`: what was bought, refused or is unclear; pausing; what was spent."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import utc_now
from monitor.grab.grab import Grab, GrabStatus
from monitor.market.instance import Forward, InstanceId
from monitor.market.money import nano
from monitor.rules.alert import RuleName
from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.grabs import Books
from tests.contract.grabs import add
from tests.contract.samples import RULE, at
from tests.integration.commands import Commands, configure

OTHER = RuleName("any-4090")
LIMITS = """\
grab:
  mode: live
  max_instances: 3
  max_total_per_hour: 5
  max_spend_per_day: 50
  max_spend_per_month: 500
  max_creates_per_hour: 5
  stop_file: {folder}/STOP
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Configure live buying on a marketplace that nobody serves."""
    rules = LIMITS.format(folder=tmp_path)
    return configure(tmp_path, "http://127.0.0.1:9", "json://127.0.0.1:9/", rules=rules)


@pytest.fixture
def database(tmp_path: Path, config: Path) -> Iterator[Database]:
    """Open the database that `config` names."""
    del config
    with closing(Database.open(f"sqlite:///{tmp_path / 'data' / 'monitor.db'}")) as opened:
        migrate.upgrade(opened)
        yield opened


def bought(database: Database) -> Grab:
    """Write a grab that went all the way to `running`."""
    grab = add(database, "train-box-gm0a1b2c0123456789", quoted=nano(2.1))
    running = replace(
        grab,
        status=GrabStatus.RUNNING,
        submitted_at=at(1),
        running_at=at(3),
        instance_id=InstanceId("instance-1"),
        address="203.0.113.7",
        forwards=(Forward(internal_port=22, external_port=20456),),
        billed=nano(2.2),
        spent=nano(0.5),
    )
    with Books(database).book() as book:
        sent = book.change(grab, replace(grab, status=GrabStatus.SUBMITTED), "sent", at(1))
        assert sent is not None
        found = book.change(sent, replace(running, version=sent.version), "it runs", at(3))
    assert found is not None
    return found


def test_the_newest_grabs_are_listed_with_the_promised_keys(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = bought(database)
    add(database, "", status=GrabStatus.REFUSED, rule=OTHER, reason="over daily spend")
    refused, running = gpu_monitor("grabs", "list", "-c", config, "--json").json()
    assert {
        **running,
        "id": grab.id,
        "rule": RULE,
        "preset": "train-box",
        "status": "running",
        "hostnode_id": "hn-1",
        "gpu": "h100-sxm5-80gb",
        "instance_id": "instance-1",
        "instance_name": "train-box-gm0a1b2c0123456789",
        "quoted_per_hour": 2.1,
        "billed_per_hour": 2.2,
        "created_at": "2026-03-21T12:00:00Z",
        "reason": "it runs",
    } == running
    assert (refused["status"], refused["reason"]) == ("refused", "over daily spend")
    assert refused["instance_name"] is None


@pytest.mark.parametrize("wanted", [("--status", "running"), ("--rule", RULE), ("--limit", "1")])
def test_the_list_is_as_short_as_asked_for(
    gpu_monitor: Commands, config: Path, database: Database, wanted: tuple[str, str]
) -> None:
    add(database, "", status=GrabStatus.REFUSED, rule=OTHER)
    grab = bought(database)
    found = gpu_monitor("grabs", "list", *wanted, "-c", config, "--json").json()
    assert [each["id"] for each in found] == [grab.id]


def test_the_table_says_what_costs_how_much_and_why(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    bought(database)
    ran = gpu_monitor("grabs", "list", "-c", config)
    assert (ran.status, ran.err) == (0, "")
    row = ran.out.splitlines()[1]
    for told in ("running", RULE, "h100-sxm5-80gb", "2.20", "it runs"):
        assert told in row


def test_one_grab_is_shown_with_every_step(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = bought(database)
    found = gpu_monitor("grabs", "show", str(grab.id), "-c", config, "--json").json()
    assert found["address"] == "203.0.113.7"
    assert found["ports"] == {"22": 20456}
    assert found["ends_at"] == "2026-03-22T00:01:00.000001Z"
    assert found["history"] == [
        {
            "at": "2026-03-21T12:00:00Z",
            "from": None,
            "to": "planned",
            "reason": "cheapest of 2 — 東京",
        },
        {"at": "2026-03-21T12:01:00Z", "from": "planned", "to": "submitted", "reason": "sent"},
        {"at": "2026-03-21T12:03:00Z", "from": "submitted", "to": "running", "reason": "it runs"},
    ]


def test_for_a_person_a_grab_is_told_with_money_place_and_end(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = bought(database)
    ran = gpu_monitor("grabs", "show", str(grab.id), "-c", config)
    assert (ran.status, ran.err) == (0, "")
    for told in (
        f"grab {grab.id}: running, it runs\n",
        "h100-sxm5-80gb on hostnode hn-1 of tensordock\n",
        "train-box-gm0a1b2c0123456789, id instance-1\n",
        "  reached    ssh -p 20456 user@203.0.113.7\n",
        "2.20 $/h billed, 2.10 $/h quoted, 3.00 $/h allowed, ",
        "at 2026-03-22 00:01:00 UTC (time_to_live) or when 20.00 $ are spent (stop_when_spent)\n",
        "2026-03-21 12:03:00 UTC  submitted  running    it runs",
    ):
        assert told in ran.out


def test_what_waits_for_approval_says_how_it_is_given(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = add(database, "a", status=GrabStatus.AWAITING_APPROVAL)
    ran = gpu_monitor("grabs", "show", str(grab.id), "-c", config)
    assert f"`gpu-monitor grabs approve {grab.id}`, until 2026-03-21 12:01:00 UTC\n" in ran.out


def test_a_grab_that_is_not_there_is_told_with_where_to_look(
    gpu_monitor: Commands, config: Path
) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    ran = gpu_monitor("grabs", "show", "7", "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "gpu-monitor: there is no grab 7: `gpu-monitor grabs list` shows their ids\n"


def test_a_pause_is_kept_told_and_ended(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    assert gpu_monitor("grabs", "pause", "--reason", "month's end", "-c", config).status == 0
    with Books(database).reading() as book:
        switch = book.switch()
    assert (switch.paused, switch.reason) == (True, "month's end")
    assert "@" in switch.by
    again = gpu_monitor("grabs", "pause", "--reason", "another", "-c", config)
    assert "buying is paused already" in again.err
    assert f"by {switch.by}: month's end\n" in again.err
    assert "`gpu-monitor grabs resume` ends it" in gpu_monitor("grabs", "list", "-c", config).err
    assert "and no longer is" in gpu_monitor("grabs", "resume", "-c", config).err
    with Books(database).reading() as book:
        assert not book.switch().paused
    assert gpu_monitor("grabs", "resume", "-c", config).err == "buying was not paused\n"


def test_what_else_stops_buying_is_told_too(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    (tmp_path / "STOP").symlink_to(tmp_path / "nowhere")
    config.write_text(config.read_text().replace("mode: live", "mode: dry_run"))
    for command in ("list", "resume"):
        told = gpu_monitor("grabs", command, "-c", config).err
        assert "grab.mode is dry_run: nothing is bought\n" in told
        why = "nothing is bought because of the stop file"
        assert f"{why}: {tmp_path}/STOP exists\n" in told


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("reason", ["two\nlines", "red \x1b[31m", "a\udcff"])
def test_a_reason_is_one_line_that_can_be_shown(
    gpu_monitor: Commands, config: Path, reason: str
) -> None:
    ran = gpu_monitor("grabs", "pause", "--reason", reason, "-c", config)
    assert (ran.status, ran.out) == (2, "")
    assert "must be one line of printable characters" in ran.err
    assert gpu_monitor("grabs", "resume", "-c", config).err == "buying was not paused\n"


TOO_MUCH = str(2**63)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (("show", TOO_MUCH), 2, "less than or equal to"),
        (("approve", TOO_MUCH), 2, "less than or equal to"),
        (("list", "--limit", TOO_MUCH), 2, "less than or equal to"),
        (("list", "--rule", "a\udcff"), 1, "cannot keep a value"),
    ],
)
def test_what_no_database_can_keep_is_refused_in_words(
    gpu_monitor: Commands, config: Path, given: tuple[str, ...], status: int, told: str
) -> None:
    ran = gpu_monitor("grabs", *given, "-c", config)
    assert (ran.status, ran.out) == (status, "")
    assert told in ran.err


@pytest.fixture
def spent(database: Database) -> None:
    """Write what two rules spent today, and one of them a year ago."""
    today = utc_now().date()
    with Books(database).book() as book:
        book.charge(RULE, today, nano(1.25))
        book.charge(OTHER, today, nano(0.5))
        book.charge(RULE, today - timedelta(days=365), nano(10))


@pytest.mark.usefixtures("spent")
def test_spending_is_shown_by_rule_and_day(gpu_monitor: Commands, config: Path) -> None:
    today = utc_now().date().isoformat()
    ran = gpu_monitor("grabs", "spend", "-c", config, "--json")
    assert ran.json() == [
        {"day": today, "rule": OTHER, "spent": 0.5},
        {"day": today, "rule": RULE, "spent": 1.25},
    ]
    by_day = gpu_monitor("grabs", "spend", "--by", "day", "-c", config, "--json").json()
    assert by_day == [{"day": today, "spent": 1.75}]
    by_rule = gpu_monitor("grabs", "spend", "--by", "rule", "--since", "2y", "-c", config, "--json")
    assert by_rule.json() == [{"rule": OTHER, "spent": 0.5}, {"rule": RULE, "spent": 11.25}]


def test_what_runs_costs_money_though_no_daemon_counts_it(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = bought(database)
    today = utc_now()
    with Books(database).book() as book:
        book.touch(grab, replace(grab, spent_until=today - timedelta(hours=2)))
    shown = gpu_monitor("grabs", "show", str(grab.id), "-c", config, "--json").json()
    assert 4.89 < shown["spent"] < 5
    told = gpu_monitor("grabs", "show", str(grab.id), "-c", config).out
    assert " 4.9" in told
    rows = gpu_monitor("grabs", "spend", "--by", "rule", "-c", config, "--json").json()
    assert [4.39 < row["spent"] < 4.5 for row in rows] == [True]


@pytest.mark.usefixtures("spent")
def test_spending_is_told_beside_its_limits(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("grabs", "spend", "-c", config)
    assert "today 1.7500 $ of 50.00 $; this month 1.7500 $ of 500.00 $\n" in ran.err
    assert ran.out.count("\n") == 3


@pytest.mark.usefixtures("database")
def test_nothing_spent_is_said(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("grabs", "spend", "-c", config)
    assert (ran.status, ran.out) == (0, "")
    assert ran.err.startswith("nothing was spent since ")
