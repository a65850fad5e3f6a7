"""`notify drill`: a made-up alert reaches a webhook, mail and an Alertmanager, and ends."""

import json
from pathlib import Path

import pytest

from tests.integration.alertmanagers import alertmanager
from tests.integration.commands import Commands, configure
from tests.integration.receivers import closed_port, http_receiver, smtp_receiver

MAIL = "mailto://127.0.0.1:{port}/?from=gpu@example.org&to=you@example.org&mode=insecure"


@pytest.mark.slow
def test_real_receivers_of_every_kind_are_told_that_it_fires_and_that_it_ended(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    with (
        http_receiver() as hook,
        smtp_receiver() as post,
        http_receiver() as behind,
        alertmanager(tmp_path, f"http://127.0.0.1:{behind.port}/") as running,
    ):
        urls = (f"json://127.0.0.1:{hook.port}/", MAIL.format(port=post.port))
        rules = f"""\
rules: [{{name: night, match: {{gpu: "h100-*"}}, for: 1h, notify: [chat, am], severity: critical,
         quiet_hours: {{from: "00:00", to: "23:59", tz: UTC}}}}]
receivers:
  - {{name: chat, urls: ["{urls[0]}", "{urls[1]}"]}}
  - {{name: am, kind: alertmanager, url: "{running.url}"}}
"""
        config = configure(tmp_path, "http://127.0.0.1:9", *urls, rules="")
        text = config.read_text(encoding="utf-8").split("receivers:")[0]
        config.write_text(text + rules, encoding="utf-8")
        ran = gpu_monitor("notify", "drill", "night", "-c", config)
        assert ran.status == 0, ran.err
        titles = [str(each.json()["title"]) for each in hook.wait_for(2)]
        assert titles[0].startswith("drill of night: drill-gpu from 1.00 $/h")
        assert titles[1].startswith("resolved: drill of night: drill-gpu ended")
        assert [b"drill of night" in mail.data for mail in post.wait_for(2)] == [True, True]
        rows = [line.split()[:2] for line in ran.out.splitlines()[1:]]
        assert [receiver for receiver, _ in rows] == ["chat"] * 4 + ["am"] * 2
        firing, resolved = (json.loads(each.body) for each in behind.wait_for(2))
        assert [firing["status"], resolved["status"]] == ["firing", "resolved"]
        for told in (firing, resolved):  # by the Alertmanager itself, to whom it tells
            (labels,) = [each["labels"] for each in told["alerts"]]
            assert (labels["alertname"], labels["severity"]) == ("drill of night", "critical")
        assert running.alerts() == []  # it has ended


def test_a_receiver_that_is_not_reached_fails_the_drill_and_is_named(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    config = configure(tmp_path, "http://127.0.0.1:9", f"json://127.0.0.1:{closed_port()}/")
    ran = gpu_monitor("notify", "drill", "-c", config)
    assert ran.status == 1
    assert "the connection was refused" in ran.out
    assert "not every message of the drill of cheap-3090 arrived" in ran.err


def test_a_drill_of_a_rule_that_is_not_there_names_those_that_are(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    config = configure(tmp_path, "http://127.0.0.1:9", "json://127.0.0.1:9/")
    ran = gpu_monitor("notify", "drill", "no-such", "-c", config)
    assert ran.status == 2
    assert "no rule is named no-such; there are: cheap-3090, any-h100" in ran.err
