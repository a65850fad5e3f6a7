"""The demonstration: the whole program, with nothing configured."""

import re
import sys
from pathlib import Path

import pytest

from tests.integration.commands import Commands, in_a_process


@pytest.mark.slow
def test_the_demo_shows_a_poll_an_alert_a_purchase_their_messages_and_ends(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    data = tmp_path / "demo"
    ran = in_a_process("demo", "--for", "24s", "--data-dir", data, folder=tmp_path)
    assert ran.status == 0, ran.err
    said = ran.out + ran.err
    assert "polled" in said
    assert re.search(r"alert changed.*after=firing", said)
    assert re.search(r"delivered: h100-under-2\.00: h100-\S+ from 1\.79 \$/h per GPU", said)
    assert re.search(r"alert changed.*after=resolved", said)
    assert "delivered: resolved: h100-under-2.00: " in said
    assert "planned → submitted → created → running → deleting → deleted\n" in ran.out
    assert re.search(r"│ ssh -p \d+ user@203\.0\.113\.\d+\n", ran.out)
    assert f"\n  {sys.executable} -m monitor offers -c {data}" in ran.out  # as it was started
    assert "simulated-token" not in said
    assert "Traceback" not in said
    config = data / "demo.yaml"
    listed = gpu_monitor("notifications", "list", "-c", config, "--json").json()
    assert {each["status"] for each in listed} == {"sent"}
    assert {alert["state"] for alert in gpu_monitor("alerts", "-c", config, "--json").json()} == {
        "resolved"
    }
    (bought,) = gpu_monitor("grabs", "list", "--status", "deleted", "-c", config, "--json").json()
    assert bought["billed_per_hour"] == bought["quoted_per_hour"]
    assert bought["spent"] > 0
    assert gpu_monitor("offers", "-c", config, "--json").json()
