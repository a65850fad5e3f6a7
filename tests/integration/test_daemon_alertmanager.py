"""The daemon and a real Alertmanager: firing, resolved, and all that is the Alertmanager's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.alertmanagers import RunningAlertmanager, alertmanager
from tests.integration.daemon import CHEAP_H100, MARKET, Site, site, until
from tests.integration.receivers import closed_port, http_receiver

pytestmark = pytest.mark.slow


def receiver(*urls: str, **keys: Any) -> dict[str, Any]:
    return {"name": "am", "kind": "alertmanager", "url": list(urls), **keys}


def tell(place: Site, *urls: str, **keys: Any) -> None:
    """Let the rule tell Alertmanagers beside the usual receiver."""
    hook = {"name": "hook", "urls": [f"json://127.0.0.1:{place.receiver.port}/"]}
    place.write(
        receivers=[hook, receiver(*urls, **keys)],
        notifications={"notify": ["am", "hook"], "group_interval": "1s"},
    )


def names(running: RunningAlertmanager) -> list[str]:
    return [alert["labels"]["alertname"] for alert in running.alerts()]


def test_an_alertmanager_is_told_of_the_beginning_and_the_end(tmp_path: Path) -> None:
    with http_receiver() as hook, site(tmp_path) as place:
        (tmp_path / "am").mkdir()
        with alertmanager(tmp_path / "am", f"http://127.0.0.1:{hook.port}/") as running:
            tell(place, running.url, generator_url="https://grafana/d/model?gpu={gpu}")
            with place.daemon() as daemon:
                (alert,) = until(running.alerts)
                labels = alert["labels"]
                assert labels == {
                    "alertname": CHEAP_H100["name"],
                    "gpu": labels["gpu"],
                    "marketplace": MARKET,
                    "severity": "info",
                }
                assert alert["annotations"]["price_per_gpu_hour"] == "1.79"
                assert "1.79 $/h per GPU" in alert["annotations"]["summary"]
                assert alert["generatorURL"] == f"https://grafana/d/model?gpu={labels['gpu']}"
                assert alert["status"]["state"] == "active"
                place.market.market.set_offer("h100-*", price=5.0)
                until(lambda: not running.alerts())
                place.receiver.wait_for(2)
                daemon.stop()
            told = [json.loads(each.body)["status"] for each in hook.wait_for(2)]
            assert told == ["firing", "resolved"]
        assert [each["reason"] for each in place.notifications()] == ["first", "resolved"]


def test_what_it_silences_is_its_own_business(tmp_path: Path) -> None:
    with site(tmp_path) as place, alertmanager(tmp_path) as running:
        running.silence("severity", "info")
        tell(place, running.url)
        with place.daemon():
            (alert,) = until(running.alerts)
            assert alert["status"]["state"] == "suppressed"
            assert place.receiver.wait_for(1)  # other receivers are told nonetheless


def test_one_that_is_down_keeps_no_other_waiting_and_is_told_when_it_is_back(
    tmp_path: Path,
) -> None:
    dead = closed_port()
    with site(tmp_path) as place, alertmanager(tmp_path) as running:
        tell(place, f"http://127.0.0.1:{dead}", running.url)
        with place.daemon() as daemon:
            assert until(running.alerts)
            refused = daemon.wait_for("alerts not accepted")[0]
            assert refused["error"] == "the connection was refused"
            assert refused["destination"].startswith("alertmanager#")
            assert str(dead) not in daemon.output()


def test_a_restart_tells_all_that_fires_again_and_changes_nothing(tmp_path: Path) -> None:
    with site(tmp_path) as place, alertmanager(tmp_path) as running:
        tell(place, running.url)
        with place.daemon() as daemon:
            (before,) = until(running.alerts)
            daemon.kill()
        with place.daemon() as daemon:
            daemon.wait_for("alerts sent")
            (after,) = running.alerts()
        assert (after["startsAt"], after["fingerprint"]) == (
            before["startsAt"],
            before["fingerprint"],
        )
        assert after["endsAt"] > before["endsAt"]


def test_failed_polls_resolve_nothing(tmp_path: Path) -> None:
    with site(tmp_path) as place, alertmanager(tmp_path) as running:
        tell(place, running.url)
        with place.daemon() as daemon:
            until(running.alerts)
            place.market.faults.on("error-500", endpoint="hostnodes")
            daemon.wait_for("polled", outcome="unreachable")
            assert names(running) == [CHEAP_H100["name"]]


def test_a_test_message_arrives_as_an_alert_of_its_own(tmp_path: Path) -> None:
    with site(tmp_path) as place, alertmanager(tmp_path) as running:
        tell(place, running.url)
        place.ask("notify", "test", "am")
        (alert,) = running.alerts()
        assert alert["labels"]["alertname"] == "GpuMonitorMessage"
        assert alert["annotations"]["summary"] == "test: gpu-monitor reaches am"
