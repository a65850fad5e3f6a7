"""Presets as they are written: from the file to the request, and what is wrong with one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.config.presets import preset
from monitor.grab.preset import order
from monitor.market.instance import Order, WriteFile
from monitor.marketplaces.tensordock.decode import decode_hostnode
from monitor.marketplaces.tensordock.orders import request_body

SEED = Path(__file__).parents[2] / "fixtures" / "seed"
DOCUMENTED = """\
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
          package_upgrade: false
"""


def test_the_documented_preset_makes_the_documented_request(load_text: Any) -> None:
    """From YAML by way of the documented hostnode, key by key."""
    (config,) = load_text(DOCUMENTED).presets
    request = json.loads((SEED / "create_instance.request.json").read_text(encoding="utf-8"))
    wanted = request["data"]["attributes"]
    (gpu,) = wanted["resources"]["gpus"]
    node = decode_hostnode((SEED / "get_hostnode.response.json").read_bytes()).hostnode
    node = replace(node, id=wanted["hostnode_id"])
    made = order(preset(config), name=wanted["name"], hostnode=node, gpu=gpu)
    assert isinstance(made, Order)
    assert json.loads(request_body(made)) == request


def test_a_key_is_taken_out_of_its_hiding_and_files_are_kept(load_text: Any) -> None:
    (config,) = load_text("""\
        presets:
          - name: web
            image: ubuntu2404
            resources: {vcpu_count: 2, ram_gb: 4, storage_gb: 100}
            ssh_key: ssh-ed25519 AAAAC3Nz me@here
            cloud_init:
              write_files: [{path: /etc/motd, content: "hi\\n", owner: "a:b", append: true}]
    """).presets
    found = preset(config)
    assert (found.ssh_key_id, found.ssh_key) == (None, "ssh-ed25519 AAAAC3Nz me@here")
    assert found.ports == (22,)
    assert found.cloud_init is not None
    assert found.cloud_init.write_files == (
        WriteFile(path="/etc/motd", content="hi\n", owner="a:b", append=True),
    )


def test_without_cloud_init_there_is_none(load_text: Any) -> None:
    text = DOCUMENTED.partition("        cloud_init:")[0]
    assert preset(load_text(text).presets[0]).cloud_init is None


WRONG = """\
presets:
  - name: two-keys
    image: ubuntu2404
    resources: {vcpu_count: 3, ram_gb: 4, storage_gb: 50}
    ssh_key_id: sshkey-uuid-12345
    ssh_key: ssh-ed25519 AAAAC3Nz me@here
    port_forwards: [80, 443]
  - name: no-key
    image: ubuntu2404
    resources: {vcpu_count: 2, ram_gb: 4, storage_gb: 100}
    port_forwards: [22, 80, 22]
    cloud_init:
      package_update: "yes"
      package_upgrade: 1
      packages: {git: true}
      runcmd:
        - [echo, a]
        - 7.5: b
      write_files:
        - {path: etc/motd, content: [a]}
"""


def test_each_mistake_of_a_preset_is_told_with_its_line(mistakes: Any) -> None:
    told = [line.split(":", maxsplit=3) for line in mistakes(WRONG)]
    assert [(int(line), where.strip()) for line, _, where, _ in told] == [
        (6, "presets[0].resources.vcpu_count"),
        (6, "presets[0].resources.storage_gb"),
        (8, "presets[0].ssh_key"),
        (9, "presets[0].port_forwards"),
        (10, "presets[1]"),
        (13, "presets[1].port_forwards"),
        (15, "presets[1].cloud_init.package_update"),
        (16, "presets[1].cloud_init.package_upgrade"),
        (17, "presets[1].cloud_init.packages"),
        (19, "presets[1].cloud_init.runcmd[0]"),
        (20, "presets[1].cloud_init.runcmd[1]"),
        (22, "presets[1].cloud_init.write_files[0].path"),
        (22, "presets[1].cloud_init.write_files[0].content"),
    ]


@pytest.mark.parametrize("image", ["ubuntu2604", "debian13"])
def test_an_image_that_nobody_has_seen_is_a_warning_with_its_line(
    load_text: Any, image: str
) -> None:
    config = load_text(DOCUMENTED.replace("image: ubuntu2404", f"image: {image}"))
    (warning,) = config.warnings
    assert (warning.line, warning.where) == (5, "presets[0].image")
    assert "is not an image seen so far" in warning.what
    assert config.presets[0].image == image
