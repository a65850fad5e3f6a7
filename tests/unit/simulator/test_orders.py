"""The rules a create is checked against."""

import json
from typing import Any

import pytest

from monitor.simulator.orders import Complaint, Order, read_order
from tests.unit.simulator.ordering import GPU, create_body


def _complaints(body: object) -> tuple[Complaint, ...]:
    read = read_order(json.dumps(body).encode())
    assert not isinstance(read, Order)
    return read


def _resources(**changed: object) -> dict[str, Any]:
    usual = {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 300, "gpus": {GPU: {"count": 1}}}
    return {"resources": usual | changed}


def test_the_documented_example_is_an_order() -> None:
    order = read_order(json.dumps(create_body()).encode())
    assert isinstance(order, Order)
    assert (order.image, order.resources.storage_gb, order.hostnode_id) == (
        "ubuntu2404",
        300,
        "hn-uuid-12345",
    )


def test_port_22_must_be_forwarded_for_ubuntu_as_the_marketplace_says_it() -> None:
    (complaint,) = _complaints(create_body(port_forwards=[]))
    assert complaint == Complaint(
        code="custom",
        message="SSH port (22) must be forwarded for Ubuntu VMs",
        path=("data", "attributes", "port_forwards"),
    )


def test_another_image_needs_no_port() -> None:
    body = create_body(image="windows10", port_forwards=[])
    assert isinstance(read_order(json.dumps(body).encode()), Order)


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"ssh_key_id": None}, ("ssh_key_id",)),
        ({"ssh_key": "ssh-ed25519 AAAA me"}, ("ssh_key_id",)),
        (_resources(vcpu_count=3), ("resources", "vcpu_count")),
        (_resources(vcpu_count=0), ("resources", "vcpu_count")),
        (_resources(ram_gb=0), ("resources", "ram_gb")),
        (_resources(storage_gb=99), ("resources", "storage_gb")),
        (_resources(gpus={GPU: {"count": 0}}), ("resources", "gpus")),
        ({"type": "container"}, ("type",)),
        ({"name": ""}, ("name",)),
    ],
)
def test_a_broken_rule_is_complained_about_at_its_path(
    attributes: dict[str, object], path: tuple[str, ...]
) -> None:
    (complaint,) = _complaints(create_body(**attributes))
    assert complaint.path == ("data", "attributes", *path)


def test_every_broken_rule_is_complained_about() -> None:
    body = create_body(port_forwards=[], ssh_key_id=None, **_resources(vcpu_count=1))
    assert len(_complaints(body)) == 3


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (create_body(**_resources(vcpu_count="two")), "resources.vcpu_count"),
        (create_body(port_forwards=[{"internal_port": "ssh"}]), "port_forwards.0.internal_port"),
        (create_body(cloud_init={"package_update": "yes"}), "cloud_init.package_update"),
        (create_body(hostnode_id=None), ""),
    ],
)
def test_a_wrong_type_is_complained_about_at_its_path(body: object, path: str) -> None:
    (complaint,) = _complaints(body)
    assert complaint.code == "invalid_type"
    assert ".".join(map(str, complaint.path)) == f"data.attributes.{path}".rstrip(".")


def test_what_is_no_json_is_complained_about() -> None:
    read = read_order(b"{")
    assert not isinstance(read, Order)
    assert read[0].path == ()
