"""A real Prometheus (Debian package prometheus) on loopback, and what it answers.

    with prometheus(tmp_path, targets=["127.0.0.1:9470"]) as prom:
        prom.wait_for("up == 1")
        prom.now('gpu_monitor_build_info')

Where it is missing the test is skipped, and in CI it fails.
"""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from monitor.clock import utc_now
from monitor.listening import listen
from tests.integration.daemon import until
from tests.unit.grafana.boards import RULES

JOB = "gpu-monitor"
CHOSEN: Mapping[str, str] = {
    "job": JOB,
    "instance": ".+",
    "marketplace": ".+",
    "model": ".+",
    "country": ".*",
    "__rate_interval": "15s",
    "__interval": "15s",
    "__range": "1h",
}
"""What a reader of a dashboard has chosen: everything."""

Series = dict[str, Any]
_START_WITHIN = 60.0


def with_values(expr: str, chosen: Mapping[str, str] = CHOSEN) -> str:
    """Return a panel's query as Grafana sends it: each variable by what was chosen."""
    for name, value in sorted(chosen.items(), reverse=True):
        expr = expr.replace(f"${name}", value)
    assert "$" not in expr, expr
    return expr


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A running server; all answers are those of its HTTP API, and an error fails the test."""

    url: str
    log: Path

    def now(self, expr: str) -> list[Series]:
        """Return the series of a query at this instant, each with its `metric` and `value`."""
        return self._result("query", query=expr)

    def over_time(self, expr: str, *, seconds: float = 60, step: float = 1) -> list[Series]:
        """Return the series of a query over the last `seconds`, each with its `values`."""
        at = utc_now().timestamp()
        return self._result(
            "query_range", query=expr, start=str(at - seconds), end=str(at), step=str(step)
        )

    def values_of(self, label: str, selector: str) -> list[str]:
        """Return the values of a label among the series that a selector picks."""
        found: list[str] = self._asked(f"label/{label}/values", {"match[]": selector})
        return found

    def wait_for(self, expr: str, within: float = 20) -> list[Series]:
        """Return the series of a query as soon as there are any."""
        return until(lambda: self.now(expr), within)

    def _result(self, path: str, **parameters: str) -> list[Series]:
        found: list[Series] = self._asked(path, parameters)["result"]
        return found

    def _asked(self, path: str, parameters: Mapping[str, str]) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=dict(parameters), timeout=60)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        document = answer.json()
        assert "warnings" not in document, document["warnings"]
        return document["data"]


@contextlib.contextmanager
def prometheus(
    folder: Path,
    *,
    targets: Sequence[str] = (),
    others: Sequence[str] = (),
    every: str = "1s",
    options: Sequence[str] = (),
) -> Iterator[Prometheus]:
    """Run a Prometheus in `folder` that scrapes `targets` and evaluates this project's rules.

    `others` are scraped too, as the job `other`.
    """
    program = installed("prometheus")
    config = folder / "prometheus.json"
    document = {
        "global": {"scrape_interval": every, "evaluation_interval": every},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(found)}]}
            for job, found in ((JOB, targets), ("other", others))
        ],
        "rule_files": [str(file) for file in _hurried(folder, every)],
    }
    config.write_text(json.dumps(document), encoding="utf-8")
    port = _free_port()
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        *options,
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as stream, subprocess.Popen(command, stderr=stream) as running:
        made = Prometheus(url=f"http://127.0.0.1:{port}", log=log)
        try:
            until(lambda: _ready(made.url, running), _START_WITHIN)
            yield made
        finally:
            running.terminate()
            running.wait(30)


def installed(name: str) -> str:
    """Return where a program is; skip the test where it is missing, and fail it in CI."""
    found = shutil.which(name)
    if found is None and "CI" not in os.environ:
        pytest.skip(f"{name} is not installed (Debian package prometheus)")
    assert found, f"CI needs {name} (Debian package prometheus)"
    return found


def _hurried(folder: Path, every: str) -> Iterator[Path]:
    """Copy the rules, evaluated as often as it is scraped: a test cannot wait for five minutes."""
    for file in RULES:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in document["groups"]:
            group["interval"] = every
        copy = folder / file.name
        copy.write_text(yaml.safe_dump(document), encoding="utf-8")
        yield copy


def _free_port() -> int:
    with contextlib.closing(listen("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _ready(url: str, running: subprocess.Popen[bytes]) -> bool:
    assert running.poll() is None, "Prometheus has ended: see prometheus.log"
    try:
        return httpx.get(f"{url}/-/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
