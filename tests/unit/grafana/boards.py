"""The dashboards and rules as their files have them, taken apart for tests."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "grafana"
UIDS = sorted(file.stem for file in FOLDER.glob("json/*.json"))
RULES = sorted(FOLDER.glob("prometheus/*.yaml"))
SELECTOR = re.compile(r"\b([a-z_]+(?::[a-z_0-9]+)*)\{([^}]*)\}")
METRIC = re.compile(r"\b(?:gpu_(?:market|monitor)_\w+|\w+:gpu_[\w:]+|up|scrape_\w+)\b")
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One query of one panel, as it stands in the JSON."""

    uid: str
    panel: Json
    target: Json

    @property
    def where(self) -> str:
        return f"{self.uid}: {self.panel['title']}: {self.target['refId']}"


def loaded(uid: str) -> Json:
    """Return a dashboard as Grafana would read it."""
    found: Json = json.loads((FOLDER / "json" / f"{uid}.json").read_text(encoding="utf-8"))
    return found


def panels(uid: str) -> list[Json]:
    """Return the panels of a dashboard without its rows' headings."""
    return [panel for panel in loaded(uid)["panels"] if panel["type"] != "row"]


def asked(*, sql: bool = False) -> list[Asked]:
    """Return each query of all panels: PromQL, or SQL."""
    return [
        Asked(uid=uid, panel=panel, target=target)
        for uid in UIDS
        for panel in panels(uid)
        for target in panel["targets"]
        if ("rawSql" in target) is sql
    ]


def variables(uid: str) -> dict[str, Json]:
    """Return the variables of a dashboard by name."""
    return {each["name"]: each for each in loaded(uid)["templating"]["list"]}


def of_prometheus(uid: str) -> bool:
    """Return whether a dashboard asks Prometheus, and not a database."""
    return any(each.get("query") == "prometheus" for each in variables(uid).values())


def rules() -> list[Json]:
    """Return all Prometheus rules, alerts and recordings."""
    documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in RULES]
    return [
        rule for document in documents for group in document["groups"] for rule in group["rules"]
    ]


def metrics(expr: str) -> set[str]:
    """Return the names of the metrics that a query asks for."""
    return set(METRIC.findall(re.sub(r'"[^"]*"|\bby \([^)]*\)', "", expr)))


def selectors(expr: str) -> list[tuple[str, str]]:
    """Return each metric of a query with its matchers."""
    return SELECTOR.findall(expr)
