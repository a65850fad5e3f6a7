"""`explain` as a user has it, after polls of a recorded market."""

from pathlib import Path
from typing import Any

import pytest

from monitor.simulator.server import SimulatorServer
from tests.integration.commands import Commands, configure

RULES = """\
rules:
  - name: cheap-3090
    match: {gpu: geforcertx3090-*, max_price_per_gpu_hour: 0.20}
  - name: dear-4090
    match: {gpu: geforcertx4090-*, max_price_per_gpu_hour: 0.30, min_tier: 0}
    notify: []
  - name: any-h100
    match: {gpu: h100-*}
    for: 1h
  - name: best-3090
    match: {gpu: geforcertx3090-*, historical_low: {window: 30d}}
    grab: {preset: box, max_total_per_hour: 9}
  - name: buys-h100
    match: {gpu: h100-*}
    grab: {preset: box, max_total_per_hour: 9}
presets:
  - name: box
    image: ubuntu2404
    ssh_key_id: k
    resources: {vcpu_count: 2, ram_gb: 4, storage_gb: 100}
"""


@pytest.fixture
def config(tmp_path: Path, market: SimulatorServer) -> Path:
    return configure(tmp_path, market.base_url, "json://127.0.0.1:9/", rules=RULES)


def paragraphs(out: str) -> dict[str, list[list[str]]]:
    """Return the words of each line under its heading."""
    found: dict[str, list[list[str]]] = {}
    for paragraph in out.split("\n\n"):
        heading, *lines = paragraph.splitlines()
        found[heading] = [line.split() for line in lines]
    return found


def test_a_rule_that_is_not_met_shows_where_the_offers_went_and_what_they_lack(
    gpu_monitor: Commands, config: Path
) -> None:
    gpu_monitor("poll", "-c", config)
    ran = gpu_monitor("explain", "dear-4090", "-c", config)
    assert ran.status == 0
    assert ran.out.startswith("dear-4090 on tensordock: no offer meets it\n")
    shown = paragraphs(ran.out)
    left = [int(line[0]) for line in shown["offers left after each condition"][1:]]
    assert left == sorted(left, reverse=True)
    assert (left[0] > 30, left[-1]) == (True, 0)
    assert "$/h too dear" in ran.out
    assert shown["told"] == [["to", "nobody:", "it", "is", "recorded", "and", "no", "more"]]
    assert "as of the last good poll" in ran.err


def test_a_rule_that_fires_shows_its_alert_and_what_was_told(
    gpu_monitor: Commands, config: Path
) -> None:
    gpu_monitor("poll", "-c", config)
    out = gpu_monitor("explain", "cheap-3090", "-c", config).out
    assert out.startswith("cheap-3090 on tensordock: 1 alert firing\n")
    assert "  gpu=geforcertx3090-pcie-24gb: firing since " in out
    assert ", last told " in out
    assert "  to chat\n  as: cheap-3090: geforcertx3090-pcie-24gb from " in out


def test_a_pending_alert_shows_when_it_fires(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    (found,) = explained(gpu_monitor, "any-h100", config)
    (alert,) = found["alerts"]
    assert alert["state"] == "pending"
    assert 3500 < alert["due_in_seconds"] <= 3600
    out = gpu_monitor("explain", "any-h100", "-c", config).out
    assert "fires in 59m" in out


def test_history_shows_what_is_known_of_it_and_no_purchase_comes_of_too_little(
    gpu_monitor: Commands, config: Path
) -> None:
    gpu_monitor("poll", "-c", config)
    (found,) = explained(gpu_monitor, "best-3090", config)
    (measured,) = found["history"]
    assert (measured["condition"], measured["limit"], measured["met"]) == (
        "historical_low",
        None,
        None,
    )
    assert measured["why"] == "0 % of 30 d is known, wanted 50 %"
    assert found["grab"] is None
    assert found["funnel"][-1] == {"condition": "the lowest of 30 d", "left": 0}


def test_what_would_be_bought_is_told(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    (found,) = explained(gpu_monitor, "buys-h100", config)
    grab = found["grab"]
    assert (grab["gpu"] or grab["refused"]) is not None
    assert "\nbuying\n" in gpu_monitor("explain", "buys-h100", "-c", config).out


def test_a_rule_about_the_program_is_explained_too(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    ran = gpu_monitor("explain", "system:unreachable", "-c", config)
    assert ran.out.startswith("system:unreachable on tensordock: nothing is wrong\n")
    ran = gpu_monitor("explain", "system:disk", "-c", config)
    assert ran.out.startswith("system:disk on gpu-monitor: nothing is wrong\n")


def test_without_a_poll_there_is_nothing_to_explain_by(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    ran = gpu_monitor("explain", "any-h100", "-c", config)
    assert ran.out.startswith("any-h100 on tensordock: never polled\n")
    assert "no good poll is recorded yet" in ran.err


def test_a_market_that_fails_stops_the_clocks_and_says_so(
    gpu_monitor: Commands, config: Path, market: SimulatorServer
) -> None:
    gpu_monitor("poll", "-c", config)
    config.write_text(config.read_text().replace(market.base_url, "http://127.0.0.1:9"))
    gpu_monitor("poll", "-c", config)
    ran = gpu_monitor("explain", "any-h100", "-c", config)
    assert "fires in 1h of good polls unless that changes" in ran.out
    assert "the last poll came to unreachable" in ran.err
    assert "clocks stand still" in ran.err


def test_a_slip_in_the_name_is_pointed_at(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("explain", "any-h10", "-c", config)
    assert ran.status == 2
    assert "there is no rule `any-h10`; did you mean `any-h100`?" in ran.err


def explained(gpu_monitor: Commands, rule: str, config: Path) -> list[dict[str, Any]]:
    found: dict[str, Any] = gpu_monitor("explain", rule, "-c", config, "--json").json()
    assert found["rule"] == rule
    marketplaces: list[dict[str, Any]] = found["marketplaces"]
    return marketplaces


def test_the_title_is_the_one_that_is_sent(
    gpu_monitor: Commands, tmp_path: Path, market: SimulatorServer
) -> None:
    rules = RULES.replace(
        "max_price_per_gpu_hour: 0.20}",
        """max_price_per_gpu_hour: 0.20}
    templates: {title: "cheap: {{ best.gpu }}"}""",
    )
    file = configure(tmp_path, market.base_url, "json://127.0.0.1:9/", rules=rules)
    gpu_monitor("poll", "-c", file)
    assert (
        "  as: cheap: geforcertx3090-pcie-24gb\n"
        in gpu_monitor("explain", "cheap-3090", "-c", file).out
    )
    (told,) = gpu_monitor("explain", "cheap-3090", "--json", "-c", file).json()["marketplaces"]
    assert told["title"] == "cheap: geforcertx3090-pcie-24gb"
