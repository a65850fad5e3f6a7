"""Commands about grabs beside a daemon that buys: an end is brought about, and all see it."""

import json
from pathlib import Path

import pytest

from tests.integration.daemon import CHEAP_H100, site, until

pytestmark = pytest.mark.slow

RULE = CHEAP_H100["name"]


def test_an_instance_is_deleted_as_asked_and_all_numbers_say_so(tmp_path: Path) -> None:
    with site(tmp_path) as place:
        grab = {"preset": "box", "one_shot": True}
        preset = {"name": "box", "image": "ubuntu2404", "ssh_key_id": "key"}
        resources = {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 100}
        limits = dict.fromkeys(("max_spend_per_day", "max_spend_per_month"), 9000)
        place.write(
            rules=[{**CHEAP_H100, "per": "rule", "grab": grab}],
            presets=[{**preset, "resources": resources}],
            grab={
                **limits,
                "mode": "live",
                "max_instances": 1,
                "max_total_per_hour": 9,
                "max_creates_per_hour": 9,
                "stop_file": str(tmp_path / "STOP"),
            },
        )
        with place.daemon() as daemon:
            daemon.wait_for("grab changed", status="running")
            (instance,) = place.market.market.living()
            place.ask("grabs", "delete", "1")
            assert place.market.market.living() == []
            shown = json.loads(place.ask("grabs", "show", "1", "--json"))
            assert shown["instance_id"] == instance.id
            ways = [step["to"] for step in shown["history"]]
            assert ways == ["planned", "submitted", "created", "running", "deleting", "deleted"]
            (spent,) = json.loads(place.ask("grabs", "spend", "--by", "rule", "--json"))
            assert spent == {"rule": RULE, "spent": shown["spent"]}
            deleted = f'gpu_monitor_grabs_total{{outcome="deleted",rule="{RULE}"}}'
            until(lambda: daemon.metric(deleted) == 1)
            assert daemon.metric("gpu_monitor_committed_spend_usd_per_hour") == 0
            day = f'gpu_monitor_spent_usd{{period="day",rule="{RULE}"}}'
            assert daemon.metric(day) == shown["spent"]
