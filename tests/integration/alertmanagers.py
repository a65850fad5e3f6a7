"""A real Alertmanager on loopback, for tests; Debian's package prometheus-alertmanager has it.

Where it is not installed such tests are skipped, and fail in CI.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.daemon import until
from tests.integration.receivers import closed_port

_NAMES = ("prometheus-alertmanager", "alertmanager")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAlertmanager:
    """Where it serves, and what it knows."""

    url: str

    def alerts(self, **query: str) -> list[dict[str, Any]]:
        """Return the alerts that it holds active, oldest first."""
        found = httpx.get(f"{self.url}/api/v2/alerts", params=query, trust_env=False)
        listed: list[dict[str, Any]] = found.raise_for_status().json()
        return sorted(listed, key=lambda alert: str(alert["startsAt"]))

    def silence(self, name: str, value: str) -> None:
        """Silence the alerts with a label, as its own users do."""
        matcher = {"name": name, "value": value, "isRegex": False, "isEqual": True}
        body = {
            "matchers": [matcher],
            "startsAt": "2020-01-01T00:00:00Z",
            "endsAt": "2100-01-01T00:00:00Z",
            "createdBy": "a person",
            "comment": "not now",
        }
        httpx.post(f"{self.url}/api/v2/silences", json=body, trust_env=False).raise_for_status()


@contextlib.contextmanager
def alertmanager(folder: Path, webhook: str | None = None) -> Iterator[RunningAlertmanager]:
    """Run an Alertmanager that tells `webhook` of each group at once."""
    program = next(filter(None, map(shutil.which, _NAMES)), "")
    if not program and not os.environ.get("CI"):
        pytest.skip("Alertmanager is not installed (Debian package prometheus-alertmanager)")
    assert program, "CI needs Alertmanager (Debian package prometheus-alertmanager)"
    config = folder / "alertmanager.yml"
    hooks = f"[{{url: '{webhook}', send_resolved: true}}]" if webhook else "[]"
    config.write_text(
        f"""\
route: {{receiver: all, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: all, webhook_configs: {hooks}}}]
""",
        encoding="utf-8",
    )
    port = closed_port()
    running = subprocess.Popen(
        (
            *(program, f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _is_ready(port))
        yield RunningAlertmanager(url=f"http://127.0.0.1:{port}")
    finally:
        running.kill()
        running.wait()


def _is_ready(port: int) -> bool:
    try:
        found = httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False)
    except httpx.TransportError:
        return False
    return found.is_success
