"""`presets`: what would be bought, and the request it would be bought with."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import hostnode
from monitor.simulator.server import SimulatorServer
from monitor.simulator.simulation import Simulation
from tests.integration.commands import TOKEN, Commands, configure
from tests.unit.simulator.ordering import GPU, documented

PRESETS = """\
rules:
  - name: cheap
    match: {gpu: geforcertx4090-*, max_price_per_gpu_hour: 0.40}
    grab: {preset: web, max_total_per_hour: 1}
presets:
  - name: web
    image: ubuntu2404
    resources: {vcpu_count: 2, ram_gb: 4, storage_gb: 300}
    ssh_key_id: sshkey-uuid-12345
    port_forwards: [22, 80]
    cloud_init:
      runcmd: ["echo 'Hello World'", apt-get install -y nginx]
      packages: [curl, git]
      package_update: true
  - name: greedy
    image: ubuntu2404
    resources: {gpu_count: 8, vcpu_count: 2, ram_gb: 4, storage_gb: 300}
    ssh_key: ssh-ed25519 AAAAC3Nz me@here
    port_forwards: [22, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
"""
HOSTNODE = "hn-uuid-12345"


@pytest.fixture
def shop() -> Iterator[SimulatorServer]:
    rows = [hostnode(HOSTNODE, GPU, price=0.35)]
    with SimulatorServer(Simulation(SimulatedMarket(rows), token=TOKEN)) as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, shop: SimulatorServer) -> Path:
    return configure(tmp_path, shop.base_url, "json://127.0.0.1:9/", rules=PRESETS)


def test_the_documented_request_is_shown_to_the_letter(
    gpu_monitor: Commands, config: Path, shop: SimulatorServer
) -> None:
    ran = gpu_monitor("presets", "show", "web", "--hostnode", HOSTNODE, "-c", config, "--json")
    assert (ran.status, ran.err) == (0, "")
    wanted = documented("create_instance.request")
    wanted["data"]["attributes"]["name"] = "web-gm0000000000000000"
    assert ran.json() == wanted
    assert [each.method for each in shop.requests.last()] == ["GET"]


def test_for_a_person_it_is_indented_with_where_it_goes_and_what_it_costs(
    gpu_monitor: Commands, config: Path, shop: SimulatorServer
) -> None:
    ran = gpu_monitor("presets", "show", "web", "--hostnode", HOSTNODE, "-c", config)
    assert (ran.status, json.loads(ran.out)["data"]["type"]) == (0, "virtualmachine")
    assert ran.out.startswith('{\n  "data": {\n')
    assert f"POST {shop.base_url}/instances\n" in ran.err
    assert "$/h in all\n" in ran.err
    assert TOKEN not in ran.out + ran.err


def test_a_hostnode_that_could_not_carry_it_is_told(
    gpu_monitor: Commands, config: Path, shop: SimulatorServer
) -> None:
    shop.market.set_offer(count=0)
    ran = gpu_monitor("presets", "show", "web", "--hostnode", HOSTNODE, "-c", config)
    assert ran.status == 0
    assert "it would be refused now: 0 GPUs free, wanted 1" in ran.err


def test_too_few_free_ports_make_no_request(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("presets", "show", "greedy", "--hostnode", HOSTNODE, "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert "there is no request to make on this hostnode:" in ran.err
    assert "ports free, wanted 21" in ran.err


def test_a_gpu_that_the_hostnode_lacks_is_told_with_those_it_has(
    gpu_monitor: Commands, config: Path
) -> None:
    show = ("presets", "show", "web", "--hostnode", HOSTNODE, "-c", config)
    ran = gpu_monitor(*show, "--gpu", "l4-pcie-24gb")
    assert (ran.status, ran.out) == (1, "")
    assert f"name one of its GPU models with --gpu: the hostnode has {GPU}" in ran.err
    assert gpu_monitor(*show, "--gpu", GPU).status == 0


def test_what_does_not_exist_is_told_with_what_does(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("presets", "show", "wb", "--hostnode", HOSTNODE, "-c", config)
    assert (ran.status, ran.out) == (2, "")
    assert "there is no preset `wb`; configured: web, greedy" in " ".join(ran.err.split())
    ran = gpu_monitor("presets", "show", "web", "--hostnode", "hn-9", "-c", config)
    assert (ran.status, ran.out) == (1, "")
    assert "tensordock has no hostnode `hn-9` now: `gpu-monitor offers --json`" in ran.err


def test_the_presets_are_listed_with_the_rules_that_buy_them(
    gpu_monitor: Commands, config: Path
) -> None:
    web, greedy = gpu_monitor("presets", "list", "-c", config, "--json").json()
    assert web == {
        "preset": "web",
        "image": "ubuntu2404",
        "gpu_count": 1,
        "vcpu_count": 2,
        "ram_gb": 4,
        "storage_gb": 300,
        "port_forwards": [22, 80],
        "rules": ["cheap"],
    }
    assert (greedy["gpu_count"], greedy["rules"]) == (8, [])
    table = gpu_monitor("presets", "list", "-c", config).out
    assert "22, 80" in table
    assert "AAAA" not in table


def test_without_presets_that_is_said(
    gpu_monitor: Commands, shop: SimulatorServer, tmp_path: Path
) -> None:
    config = configure(tmp_path, shop.base_url, "json://127.0.0.1:9/", rules="")
    ran = gpu_monitor("presets", "list", "-c", config)
    assert (ran.status, ran.out, ran.err) == (0, "", "no presets are configured\n")
