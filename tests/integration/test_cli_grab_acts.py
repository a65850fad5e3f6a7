"""`grabs approve`, `delete` and `resolve` where no daemon runs: what is written, what refused."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor.cli import grab_acts
from monitor.clock import utc_now
from monitor.grab.grab import Grab, GrabStatus
from monitor.market.instance import InstanceId
from monitor.market.money import NanoDollars, dollars, nano
from monitor.simulator.faults import Endpoint
from monitor.simulator.instances import Instance
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import hostnode
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation
from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.grabs import Books
from tests.contract.grabs import add
from tests.integration.commands import TOKEN, Commands, configure
from tests.unit.grab.buying import a_new_grab
from tests.unit.simulator.ordering import GPU, an_order

NAME = "web-gm0a1b2c0123456789"


@pytest.fixture
def shop() -> Iterator[SimulatorServer]:
    market = SimulatedMarket([hostnode("hn-uuid-12345", GPU, price=0.35)])
    with SimulatorServer(Simulation(market, token=TOKEN)) as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, shop: SimulatorServer) -> Path:
    return configure(tmp_path, shop.base_url, "json://127.0.0.1:9/", rules="")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(f"sqlite:///{tmp_path / 'data' / 'monitor.db'}")) as opened:
        migrate.upgrade(opened)
        yield opened


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no daemon: there is none."""
    monkeypatch.setattr(grab_acts, "_TAKEN_UP_WITHIN", 0.05)
    monkeypatch.setattr(grab_acts, "_LOOK_AGAIN", 0.02)


def waiting(database: Database, status: GrabStatus, **changes: object) -> Grab:
    """Write a grab that may be approved for a while yet."""
    until = utc_now() + timedelta(minutes=5)
    return add(database, NAME, status=status, valid_until=until, **changes)


def now_is(database: Database, grab: Grab) -> tuple[GrabStatus, str]:
    """Return the status and the reason of a grab now."""
    with Books(database).reading() as book:
        found = book.find(grab.id)
    assert found is not None
    return found.status, found.reason


def created(shop: SimulatorServer, name: str = NAME) -> Instance:
    """Create an instance behind the monitor's back."""
    made = shop.market.create(an_order(name=name), now=utc_now())
    assert isinstance(made, Instance)
    return made


@pytest.mark.usefixtures("impatient")
def test_what_is_approved_is_planned_and_needs_a_daemon(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = waiting(database, GrabStatus.AWAITING_APPROVAL)
    ran = gpu_monitor("grabs", "approve", str(grab.id), "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert f"grab {grab.id} is approved\n" in ran.err
    assert "nobody has begun with it: start `gpu-monitor run` on this database" in ran.err
    status, reason = now_is(database, grab)
    assert status is GrabStatus.PLANNED
    assert reason.startswith("approved: by ")


@pytest.mark.parametrize("comes_to", ["created", "failed"])
def test_what_is_approved_is_followed_to_the_last_candidate_that_is_tried(
    gpu_monitor: Commands,
    config: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    comes_to: str,
) -> None:
    """A daemon whose first hostnode refuses buys on the next one: that is what was approved."""
    grab = waiting(database, GrabStatus.AWAITING_APPROVAL)

    def go_on() -> None:
        with Books(database).book() as book:
            planned = book.with_status({GrabStatus.PLANNED})[0]
            failed = replace(planned, status=GrabStatus.FAILED)
            book.change(planned, failed, "hostnode: no", utc_now())
            name = f"{NAME[:-1]}a"
            book.add(a_new_grab(chain=grab.chain, instance_name=name, created_at=utc_now()))

    def settle() -> None:
        with Books(database).book() as book:
            (planned,) = book.with_status({GrabStatus.PLANNED})
            after = replace(planned, status=GrabStatus(comes_to))
            book.change(planned, after, comes_to, utc_now())

    acts = iter((go_on, settle))
    monkeypatch.setattr(grab_acts, "time", SimpleNamespace(sleep=lambda _: next(acts)()))
    ran = gpu_monitor("grabs", "approve", str(grab.id), "-c", config)
    assert ran.status == int(comes_to == "failed")
    assert ran.err.splitlines() == [
        f"grab {grab.id} is approved",
        f"grab {grab.id} is failed: hostnode: no",
        f"grab {grab.id + 1} is planned: decided",
        f"grab {grab.id + 1} is {comes_to}: {comes_to}",
    ]


@pytest.mark.parametrize("command", ["approve", "delete"])
def test_what_has_ended_is_left_as_it_is(
    gpu_monitor: Commands, config: Path, database: Database, command: str
) -> None:
    grab = waiting(database, GrabStatus.REFUSED)
    ran = gpu_monitor("grabs", command, str(grab.id), "-c", config)
    assert ran.status == 1
    assert f"grab {grab.id} is left as it is: it is refused" in ran.err
    assert now_is(database, grab)[0] is GrabStatus.REFUSED


@pytest.mark.usefixtures("impatient", "database")
@pytest.mark.parametrize("command", [("approve",), ("delete",), ("resolve", "--as", "failed")])
def test_a_grab_that_is_not_there_is_told(
    gpu_monitor: Commands, config: Path, command: tuple[str, ...]
) -> None:
    ran = gpu_monitor("grabs", *command, "7", "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert "there is no grab 7: `gpu-monitor grabs list` shows their ids" in ran.err


def test_what_was_not_sent_is_never_sent(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = waiting(database, GrabStatus.PLANNED)
    ran = gpu_monitor("grabs", "delete", str(grab.id), "-c", config)
    assert ran.status == 0
    assert f"grab {grab.id} is not sent any more\n" in ran.err
    assert f"its rule {grab.rule} can buy again once its cooldown is over" in ran.err
    assert now_is(database, grab)[0] is GrabStatus.EXPIRED


def test_what_is_unclear_is_deleted_once_it_is_found(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = waiting(database, GrabStatus.UNKNOWN)
    ran = gpu_monitor("grabs", "delete", str(grab.id), "-c", config)
    assert ran.status == 0
    assert f"grab {grab.id} is unknown: its instance is deleted once it is found\n" in ran.err


@pytest.mark.usefixtures("impatient")
def test_a_deletion_is_written_down_though_nobody_does_it_yet(
    gpu_monitor: Commands, config: Path, database: Database
) -> None:
    grab = waiting(database, GrabStatus.RUNNING)
    ran = gpu_monitor("grabs", "delete", str(grab.id), "-c", config)
    assert ran.status == 1
    assert "nobody has begun with it" in ran.err
    assert now_is(database, grab)[0] is GrabStatus.DELETING


def test_a_request_that_made_nothing_is_resolved(
    gpu_monitor: Commands, config: Path, database: Database, shop: SimulatorServer
) -> None:
    grab = waiting(database, GrabStatus.UNKNOWN)
    created(shop, "somebody-elses")
    ran = gpu_monitor("grabs", "resolve", str(grab.id), "--as", "failed", "-c", config)
    assert (ran.status, ran.err) == (0, f"grab {grab.id} is failed\n")
    status, reason = now_is(database, grab)
    assert status is GrabStatus.FAILED
    assert reason.startswith("resolved: nothing was made, says ")


def test_what_the_marketplace_lists_was_not_made_in_vain(
    gpu_monitor: Commands, config: Path, database: Database, shop: SimulatorServer
) -> None:
    grab = waiting(database, GrabStatus.UNKNOWN)
    instance = created(shop)
    resolve = ("grabs", "resolve", str(grab.id), "--as", "failed", "-c", config)
    ran = gpu_monitor(*resolve)
    assert ran.status == 1
    assert f"`--as created --instance {instance.id}`, or add --force" in ran.err
    assert now_is(database, grab)[0] is GrabStatus.UNKNOWN
    assert gpu_monitor(*resolve, "--force").status == 0
    assert now_is(database, grab)[0] is GrabStatus.FAILED


@pytest.mark.parametrize("case", [("unknown", "failed"), ("running", "gone")])
def test_a_marketplace_that_does_not_answer_settles_nothing_unless_forced(
    gpu_monitor: Commands,
    config: Path,
    database: Database,
    shop: SimulatorServer,
    case: tuple[str, str],
) -> None:
    status, as_ = case
    grab = waiting(database, GrabStatus(status))
    shop.faults.on("unauthorized", endpoint=Endpoint.INSTANCES)
    resolve = ("grabs", "resolve", str(grab.id), "--as", as_, "-c", config)
    ran = gpu_monitor(*resolve)
    assert ran.status == 1
    assert "tensordock could not be asked (" in ran.err
    assert TOKEN not in ran.err
    assert gpu_monitor(*resolve, "--force").status == 0


def test_an_instance_with_the_right_name_is_taken_for_what_was_created(
    gpu_monitor: Commands, config: Path, database: Database, shop: SimulatorServer
) -> None:
    grab = waiting(database, GrabStatus.UNKNOWN)
    ours, other = created(shop), created(shop, "web-gm0a1b2cfffffffffff")
    resolve = ("grabs", "resolve", str(grab.id), "-c", config, "--as", "created", "--instance")
    ran = gpu_monitor(*resolve, "i-9")
    assert (ran.status, now_is(database, grab)[0]) == (1, GrabStatus.UNKNOWN)
    assert "tensordock has no instance i-9: look for its id there" in ran.err
    ran = gpu_monitor(*resolve, other.id, "--force")
    assert (ran.status, now_is(database, grab)[0]) == (1, GrabStatus.UNKNOWN)
    assert f"this grab's is to be `{NAME}`: it is another one" in ran.err
    ran = gpu_monitor(*resolve, ours.id)
    assert (ran.status, ran.err) == (0, f"grab {grab.id} is created\n")
    assert now_is(database, grab)[0] is GrabStatus.CREATED


@pytest.mark.parametrize("wrong", [("--as", "created"), ("--as", "failed", "--instance", "i-1")])
def test_an_instance_is_named_where_one_was_created_and_only_there(
    gpu_monitor: Commands, config: Path, wrong: tuple[str, ...]
) -> None:
    ran = gpu_monitor("grabs", "resolve", "1", *wrong, "-c", config)
    assert (ran.status, ran.out) == (2, "")
    assert "goes with --as created, and only with it" in ran.err


def test_only_what_is_unclear_is_resolved(
    gpu_monitor: Commands, config: Path, database: Database, shop: SimulatorServer
) -> None:
    grab = waiting(database, GrabStatus.RUNNING)
    ran = gpu_monitor("grabs", "resolve", str(grab.id), "--as", "failed", "--force", "-c", config)
    assert ran.status == 1
    assert "only what is unknown can be resolved" in ran.err
    assert shop.requests.last() == []


def test_an_instance_that_a_person_knows_to_be_gone_is_resolved_and_charged(
    gpu_monitor: Commands, config: Path, database: Database, shop: SimulatorServer
) -> None:
    made = created(shop)
    since = utc_now() - timedelta(hours=1)
    grab = waiting(database, GrabStatus.PLANNED, quoted=nano(2))
    with Books(database).book() as book:
        ending = replace(grab, instance_id=InstanceId(made.id), submitted_at=since)
        book.change(grab, replace(ending, status=GrabStatus.DELETING), "requested", since)
    resolve = ("grabs", "resolve", str(grab.id), "--as", "gone", "-c", config)
    ran = gpu_monitor(*resolve)
    assert (ran.status, now_is(database, grab)[0]) == (1, GrabStatus.DELETING)
    assert f"tensordock lists its instance {made.id}" in ran.err
    shop.market.delete(made.id, now=utc_now())
    ran = gpu_monitor(*resolve)
    assert (ran.status, ran.err) == (0, f"grab {grab.id} is deleted\n")
    assert now_is(database, grab)[1].startswith("resolved: it is gone, says ")
    with Books(database).reading() as book:
        assert 1.99 < dollars(NanoDollars(sum(book.spent(since.date()).values()))) < 2.1
    ran = gpu_monitor(*resolve)
    assert (ran.status, "can be gone" in ran.err) == (1, True)
