"""The Prometheus rules: what promtool says of them, their runbooks, and that each has its test."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.grafana.boards import FOLDER, ROOT, RULES, asked, metrics, rules
from tests.unit.test_docs import anchors
from tests.unit.web.exposed import filled_metrics, promtool, series

TESTS = sorted(FOLDER.glob("prometheus/tests/*.yaml"))
NOT_SHOWN = {
    "gpu_monitor_build_info": "tells the version; the variables `job` and `instance` ask it",
    "gpu_monitor_template_failures_total": "each failure stands at the foot of its message",
}
"""Metrics that no panel and no rule asks for, and why."""
OF_PROMETHEUS = {"up", "scrape_samples_scraped", "scrape_duration_seconds"}


def said(*command: str | Path) -> tuple[int, str]:
    found = subprocess.run(
        [promtool(), *command], capture_output=True, text=True, timeout=60, check=False
    )
    return found.returncode, found.stdout + found.stderr


def alerts() -> list[dict[str, object]]:
    return [rule for rule in rules() if "alert" in rule]


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_promtool_has_nothing_against_the_rules(file: Path) -> None:
    status, output = said("check", "rules", "--lint=all", "--lint-fatal", file)
    assert status == 0, output


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_the_rules_do_what_their_tests_say(file: Path) -> None:
    status, output = said("test", "rules", file)
    assert status == 0, output


def test_every_rule_is_tested_quiet_and_firing() -> None:
    found: dict[str, set[bool]] = {}
    recorded: set[str] = set()
    for file in TESTS:
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for case in test.get("alert_rule_test", ()):
                found.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
            recorded |= {case["expr"] for case in test.get("promql_expr_test", ())}
    assert found == {str(rule["alert"]): {False, True} for rule in alerts()}
    assert recorded == {rule["record"] for rule in rules() if "record" in rule}


def test_every_alert_has_a_runbook_a_summary_and_a_severity() -> None:
    for rule in alerts():
        told, labels = rule["annotations"], rule["labels"]
        assert isinstance(told, dict)
        assert isinstance(labels, dict)
        path, _, anchor = told["runbook_url"].partition("#")
        assert anchor == str(rule["alert"]).lower()
        assert anchor in anchors((ROOT / path).read_text(encoding="utf-8"))
        assert told["summary"]
        assert labels["severity"] in {"warning", "critical"}


def test_every_runbook_is_of_an_alert() -> None:
    paper = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", paper, re.MULTILINE) == [rule["alert"] for rule in alerts()]


def exported() -> set[str]:
    return {name for name, _ in series(filled_metrics())}


def used() -> set[str]:
    """Return the metrics that panels and rules ask for."""
    exprs = [str(rule["expr"]) for rule in rules()] + [each.target["expr"] for each in asked()]
    return {name for expr in exprs for name in metrics(expr)}


def test_no_query_names_a_metric_that_does_not_exist() -> None:
    recorded = {str(rule["record"]) for rule in rules() if "record" in rule}
    assert used() <= exported() | recorded | OF_PROMETHEUS


def test_every_metric_is_shown_or_it_is_said_why_not() -> None:
    assert exported() - used() == set(NOT_SHOWN)


def test_every_recording_is_used() -> None:
    recorded = {str(rule["record"]) for rule in rules() if "record" in rule}
    assert recorded <= used()
