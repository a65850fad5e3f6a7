"""The order that the documented request makes, and that request."""

import json
from typing import Any

from monitor.market.hostnode import HostnodeId
from monitor.market.instance import CloudInit, Forward, Order
from monitor.market.offer import GpuModel
from monitor.market.quote import Shape
from tests.unit.marketplaces.answers import FIXTURES

REQUEST: dict[str, Any] = json.loads(
    (FIXTURES / "seed" / "create_instance.request.json").read_text(encoding="utf-8")
)
RESPONSE = (FIXTURES / "seed" / "create_instance.response.json").read_bytes()

ORDER = Order(
    name="my-port-forward-instance",
    image="ubuntu2404",
    hostnode=HostnodeId("hn-uuid-12345"),
    gpu=GpuModel("geforcertx4090-pcie-24gb"),
    shape=Shape(gpu_count=1, vcpu_count=2, ram_gb=4, storage_gb=300),
    forwards=(
        Forward(internal_port=22, external_port=20000),
        Forward(internal_port=80, external_port=20001),
    ),
    ssh_key_id="sshkey-uuid-12345",
    cloud_init=CloudInit(
        package_update=True,
        packages=("curl", "git"),
        runcmd=("echo 'Hello World'", "apt-get install -y nginx"),
    ),
)
