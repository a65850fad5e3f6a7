"""`poll`, `offers` and `alerts` against a recorded market over real HTTP."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import utc_now
from monitor.config.load import load
from monitor.cycle import run_cycle
from monitor.setup import set_up
from monitor.simulator.server import SimulatorServer
from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from tests.integration.commands import (
    TOKEN,
    Commands,
    configure,
    in_a_process,
    recorded_hostnodes,
)
from tests.integration.daemon import until

POLL_KEYS = {"at", "marketplace", "outcome", "hostnodes", "offers", "issues", "transitions"}
OFFER_KEYS = {
    "hostnode_id",
    "gpu",
    "available",
    "price_per_gpu_hour",
    "city",
    "country",
    "tier",
    "uptime_percentage",
}
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def recorded_offers() -> list[tuple[object, ...]]:
    return [
        (node["id"], gpu["v0Name"], gpu["availableCount"], gpu["price_per_hr"])
        for node in recorded_hostnodes()
        for gpu in node["available_resources"]["gpus"]
    ]


def test_poll_prints_the_recorded_prices_as_json(config: Path, tmp_path: Path) -> None:
    """As a process of its own: exactly the promised keys, every recorded offer to the cent."""
    ran = in_a_process("poll", "-c", config, "--json", folder=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    found = ran.json()
    assert found.keys() == POLL_KEYS | {"detail", "not_recorded_until", "overtaken"}
    assert (found["not_recorded_until"], found["overtaken"]) == (None, False)
    assert UTC.fullmatch(found["at"])
    assert (found["marketplace"], found["outcome"], found["issues"]) == ("tensordock", "ok", [])
    assert found["hostnodes"] == len(recorded_hostnodes())
    assert all(offer.keys() == OFFER_KEYS for offer in found["offers"])
    keys = ("hostnode_id", "gpu", "available", "price_per_gpu_hour")
    assert [tuple(offer[key] for key in keys) for offer in found["offers"]] == recorded_offers()
    assert found["offers"][0] | {"hostnode_id": ""} == {
        "hostnode_id": "",
        "gpu": "geforcertx4090-pcie-24gb",
        "available": 3,
        "price_per_gpu_hour": 0.396667,
        "city": "Chubbuck",
        "country": "United States",
        "tier": 1,
        "uptime_percentage": None,
    }


def test_poll_tells_what_its_rules_made_of_it(gpu_monitor: Commands, config: Path) -> None:
    transitions = gpu_monitor("poll", "-c", config, "--json").json()["transitions"]
    assert all(UTC.fullmatch(each.pop("at")) for each in transitions)
    assert [(each["rule"], each["to"]) for each in transitions] == [
        ("cheap-3090", "firing"),
        ("any-h100", "pending"),
    ]
    assert transitions[0] == {
        "rule": "cheap-3090",
        "labels": {"gpu": "geforcertx3090-pcie-24gb", "marketplace": "tensordock"},
        "from": "inactive",
        "to": "firing",
        "reason": "matched",
        "value": 0.19,
    }
    assert gpu_monitor("poll", "-c", config, "--json").json()["transitions"] == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("unauthorized", "refused"),
        ("html", "malformed"),
        ("null", "malformed"),
        ("empty", "empty"),
        ("cut-off", "unreachable"),
        ("error-502", "unreachable"),
        ("throttled", "throttled"),
    ],
)
def test_a_poll_that_fails_ends_with_1_and_says_why(
    gpu_monitor: Commands, market: SimulatorServer, config: Path, fault: str, outcome: str
) -> None:
    market.faults.on(fault, endpoint="hostnodes")
    ran = gpu_monitor("poll", "-c", config, "--json")
    assert ran.status == 1
    found = ran.json()
    assert (found["outcome"], found["offers"], found["hostnodes"]) == (outcome, [], 0)
    assert found["detail"]
    assert TOKEN not in ran.out + ran.err


def test_a_poll_that_history_covers_already_says_that_nothing_was_recorded(
    gpu_monitor: Commands, config: Path
) -> None:
    """The clock was an hour ahead at the poll before."""
    ahead = utc_now() + timedelta(hours=1)
    with (
        closing(set_up(load(config, {}))) as setup,
        closing(Database.open(setup.config.database.url.reveal())) as database,
    ):
        migrate.upgrade(database)
        (_, market), interval = setup.marketplaces["tensordock"], timedelta(minutes=1)
        run_cycle(market, setup.plan, Ledgers(database), interval=interval, now=ahead)
    ran = gpu_monitor("poll", "-c", config)
    assert ran.status == 0
    assert f"nothing was recorded: history ends at {ahead:%Y-%m-%d %H:%M:%S} UTC" in ran.err
    found = gpu_monitor("poll", "-c", config, "--json").json()
    assert datetime.fromisoformat(found["not_recorded_until"]) == ahead


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_poll_that_was_overtaken_by_another_one_says_so(
    gpu_monitor: Commands, market: SimulatorServer, config: Path, tmp_path: Path, options: list[str]
) -> None:
    assert gpu_monitor("poll", "-c", config).status == 0
    market.faults.on("late", endpoint="hostnodes", times=1, seconds=3)
    asked = market.requests.total
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(in_a_process, "poll", "-c", config, *options, folder=tmp_path)
        until(lambda: market.requests.total > asked)
        assert gpu_monitor("poll", "-c", config).status == 0
    ran = slow.result()
    assert ran.status == 0
    if options:
        assert ran.json()["overtaken"]
    else:
        assert "another poll was recorded while this one was made" in ran.err


def test_nobody_there_is_unreachable(gpu_monitor: Commands, tmp_path: Path) -> None:
    config = configure(tmp_path, "http://127.0.0.1:1/api/v2", "json://127.0.0.1:9/")
    ran = gpu_monitor("poll", "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert "tensordock: unreachable: " in ran.err


def test_a_poll_for_a_person_is_a_table_with_the_cheapest_first(
    gpu_monitor: Commands, config: Path
) -> None:
    ran = gpu_monitor("poll", "-c", config)
    header, first, *_ = ran.out.splitlines()
    assert header.split() == ["GPU", "free", "$/GPU", "h", "tier", "where", "hostnode"]
    assert first.split()[:3] == ["rtxa4000-pcie-16gb", "2", "0.08"]
    assert "tensordock: ok, 23 hostnodes, 40 offers in" in ran.err
    assert "; 0 issues; 1 notification queued" in ran.err
    assert "inactive → firing, matched" in ran.err


def test_rows_that_cannot_be_read_are_issues(
    gpu_monitor: Commands, market: SimulatorServer, config: Path
) -> None:
    market.faults.on("some-rows-broken")
    found = gpu_monitor("poll", "-c", config, "--json").json()
    assert found["outcome"] == "ok"
    assert found["issues"]
    assert all(issue.keys() == {"reason", "path", "detail"} for issue in found["issues"])


def test_offers_need_a_poll_first(gpu_monitor: Commands, config: Path, tmp_path: Path) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    ran = gpu_monitor("offers", "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        f"gpu-monitor: no good poll is recorded yet in {tmp_path}/data/monitor.db: "
        "run `gpu-monitor poll` or `run` first\n"
    )


def test_offers_are_those_of_the_last_good_poll(
    gpu_monitor: Commands, market: SimulatorServer, config: Path
) -> None:
    polled = gpu_monitor("poll", "-c", config, "--json").json()
    market.faults.on("empty")
    gpu_monitor("poll", "-c", config)
    found = gpu_monitor("offers", "-c", config, "--json").json()
    assert {offer["at"] for offer in found} == {polled["at"]}
    assert len(found) == len(recorded_offers())
    assert all(offer.keys() == OFFER_KEYS | {"marketplace", "at"} for offer in found)


def test_offers_of_some_gpus_cheapest_first(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    found = gpu_monitor("offers", "-c", config, "--gpu", "*3090-*", "--json").json()
    assert {offer["gpu"] for offer in found} == {"geforcertx3090-pcie-24gb"}
    prices = [offer["price_per_gpu_hour"] for offer in found]
    assert prices == sorted(prices)
    assert prices[0] == 0.19


def test_offers_by_what_is_free(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    found = gpu_monitor("offers", "-c", config, "--sort", "available", "--json").json()
    free = [offer["available"] for offer in found]
    assert free == sorted(free, reverse=True)


def test_no_offer_of_a_gpu_is_an_empty_list(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    assert gpu_monitor("offers", "-c", config, "--gpu", "3090", "--json").json() == []
    ran = gpu_monitor("offers", "-c", config, "--gpu", "3090")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err.startswith("no offers\n")


def test_alerts_pending_firing_and_lately_resolved(
    gpu_monitor: Commands, market: SimulatorServer, config: Path
) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    assert gpu_monitor("alerts", "-c", config, "--json").json() == []
    gpu_monitor("poll", "-c", config)
    pending, firing = _alerts(gpu_monitor, config)
    assert firing.keys() == {
        "rule",
        "labels",
        "state",
        "active_at",
        "firing_at",
        "resolved_at",
        "value",
        "offers",
        "silenced_until",
        "acknowledged",
    }
    assert (firing["rule"], firing["state"], firing["value"]) == ("cheap-3090", "firing", 0.19)
    assert UTC.fullmatch(firing["firing_at"])
    assert firing["resolved_at"] is None
    assert (pending["rule"], pending["state"], pending["firing_at"]) == (
        "any-h100",
        "pending",
        None,
    )
    market.market.set_offer("geforcertx3090-*", price=1.0)
    gpu_monitor("poll", "-c", config)
    _, resolved = _alerts(gpu_monitor, config)
    assert (resolved["state"], resolved["value"]) == ("resolved", 0.19)
    assert len(_alerts(gpu_monitor, config, "--resolved", "0s")) == 1


def _alerts(gpu_monitor: Commands, config: Path, *options: str) -> list[dict[str, Any]]:
    found = gpu_monitor("alerts", "-c", config, *options, "--json").json()
    return sorted(found, key=lambda alert: str(alert["rule"]))


def test_alerts_for_a_person(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    header, *alerts = gpu_monitor("alerts", "-c", config).out.splitlines()
    assert header.split() == ["rule", "labels", "state", "$/GPU", "h", "offers", "since"]
    assert ["cheap-3090", "gpu=geforcertx3090-pcie-24gb", "firing", "0.19"] in [
        alert.split()[:4] for alert in alerts
    ]


def test_warnings_do_not_spoil_the_json(
    gpu_monitor: Commands, market: SimulatorServer, tmp_path: Path
) -> None:
    rules = "rules:\n  - {name: odd, match: {gpu: h100}}\n"
    config = configure(tmp_path, market.base_url, "json://127.0.0.1:9/", rules=rules)
    ran = gpu_monitor("poll", "-c", config, "--json")
    assert "warning: " in ran.err
    assert ran.json()["outcome"] == "ok"


def test_one_of_several_marketplaces_must_be_named(
    gpu_monitor: Commands, config: Path, market: SimulatorServer
) -> None:
    more = f'  - {{name: other, kind: tensordock, base_url: "{market.base_url}", token: {TOKEN}}}'
    first, second, *rest = config.read_text().splitlines()
    config.write_text("\n".join([first, second, more, *rest]))
    ran = gpu_monitor("poll", "-c", config)
    assert ran.status == 2
    assert "choose one of tensordock, other" in ran.err
    found = gpu_monitor("poll", "-c", config, "--marketplace", "other", "--json").json()
    assert (found["marketplace"], found["outcome"]) == ("other", "ok")
