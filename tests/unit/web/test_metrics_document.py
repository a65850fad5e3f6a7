"""`docs/metrics.md` is held to the code, and both to the names that were promised."""

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.web.exposition import Format
from tests.unit.web.exposed import families, filled_metrics, promtool, series

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
SUFFIX = {"counter": "_total", "info": "_info"}
HISTOGRAM_LABEL = {"le"}
SECTION = re.compile(
    r"^### `(?P<name>\w+)`\n(?P<type>\w+)(?P<labels>: .*)?\n\n(?P<meaning>[^`\n#].+)\n"
    r"```promql\n(?P<query>.+)\n```$",
    re.MULTILINE,
)
PROMISED = {
    "gpu_market_offer_price_usd_per_hour": "marketplace hostnode gpu",
    "gpu_market_offer_gpus_available": "marketplace hostnode gpu",
    "gpu_market_hostnode_uptime_ratio": "marketplace hostnode",
    "gpu_market_hostnode_info": (
        "marketplace hostnode location city country tier organization engine"
    ),
    "gpu_market_gpus_available": "marketplace gpu",
    "gpu_market_hostnodes_offering": "marketplace gpu",
    "gpu_market_price_min_usd_per_hour": "marketplace gpu",
    "gpu_market_price_median_usd_per_hour": "marketplace gpu",
    "gpu_monitor_polls_total": "marketplace outcome",
    "gpu_monitor_poll_duration_seconds": "marketplace",
    "gpu_monitor_last_successful_poll_timestamp_seconds": "marketplace",
    "gpu_monitor_decode_issues_total": "marketplace reason",
    "gpu_monitor_alerts": "rule state",
    "gpu_monitor_notifications_total": "receiver outcome",
    "gpu_monitor_outbox_length": "receiver",
    "gpu_monitor_grabs_total": "rule outcome",
    "gpu_monitor_committed_spend_usd_per_hour": "",
    "gpu_monitor_config_last_reload_successful": "",
    "gpu_monitor_build_info": "version",
}


@dataclass(frozen=True)
class Documented:
    type: str
    labels: frozenset[str]
    query: str


def documented() -> dict[str, Documented]:
    text = DOCUMENT.read_text(encoding="utf-8")
    sections = list(SECTION.finditer(text))
    assert len(sections) == text.count("\n### "), "a section is not laid out like the others"
    return {
        section["name"]: Documented(
            section["type"],
            frozenset(re.findall(r"`(\w+)`", section["labels"] or "")),
            section["query"],
        )
        for section in sections
    }


def exported() -> dict[str, tuple[str, frozenset[str]]]:
    form = Format.OPENMETRICS
    return {
        family.name + SUFFIX.get(family.type, ""): (
            family.type,
            frozenset(family.samples[0].labels) - HISTOGRAM_LABEL,
        )
        for family in families(filled_metrics().expose(form), form)
    }


def test_the_document_names_every_metric_with_its_type_and_labels() -> None:
    assert {name: (one.type, one.labels) for name, one in documented().items()} == exported()


def test_what_was_promised_is_exported_to_the_letter() -> None:
    labels = {name: labels for name, (_, labels) in exported().items()}
    assert {name: labels[name] for name in PROMISED} == {
        name: frozenset(promised.split()) for name, promised in PROMISED.items()
    }


def test_each_query_asks_for_its_metric_and_for_none_that_does_not_exist() -> None:
    known = {name for name, _ in series(filled_metrics())}
    for name, one in documented().items():
        asked = set(re.findall(r"\bgpu_(?:market|monitor)_\w+", one.query))
        assert any(series_name.startswith(name) for series_name in asked), name
        assert asked <= known


def test_every_query_is_promql(tmp_path: Path) -> None:
    """`promtool` reads the queries as recording rules; YAML is a superset of JSON."""
    rules = [{"record": "x", "expr": one.query} for one in documented().values()]
    groups = [{"name": str(number), "rules": [rule]} for number, rule in enumerate(rules)]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    found = subprocess.run(
        [promtool(), "check", "rules", "--no-lint-fatal", "--lint=none", path],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("hostnode_series", [True, False])
def test_the_number_of_series_is_the_one_told(*, hostnode_series: bool) -> None:
    """`filled_metrics` has one of each: a hostnode, an offer, a model, and so on."""
    text = DOCUMENT.read_text(encoding="utf-8")
    told = Counter(
        {row: int(count) for row, count in re.findall(r"^\| (.+) \| (\d+) \|$", text, re.MULTILINE)}
    )
    if not hostnode_series:
        del told["hostnode"], told["offer"]
    assert len(series(filled_metrics(hostnode_series=hostnode_series))) == told.total()
