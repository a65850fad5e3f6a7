"""What is allowed and looks wrong: each row fails if its warning is taken away."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.config.suspicions import GPU_NAMES

MARKETPLACE = "marketplaces:\n  - {name: m, kind: tensordock, token: tok-0123456789, "
CHAT = "receivers: [{name: chat, urls: a://b}]\nnotifications: {notify: [chat]}\n"
PRESET = (
    "presets: [{name: p, image: ubuntu2404, ssh_key_id: k, "
    "resources: {gpu_count: 2, vcpu_count: 2, ram_gb: 4, storage_gb: 100}}]\n"
)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "replay"


def warnings(config: Any) -> list[str]:
    return [str(problem).partition("monitor.yaml:")[2] for problem in config.warnings]


SUSPICIOUS = [
    (
        CHAT + "rules: [{name: r, match: {gpu: [h100-*, h100-smx5-80gb]}}]\n",
        "5:41: rules[0].match.gpu[1]: fits no GPU seen so far; did you mean `h100-sxm5-80gb`?",
    ),
    (
        CHAT + "rules: [{name: r, match: {gpu: b300}}]\n",
        "5:32: rules[0].match.gpu[0]: fits no GPU seen so far",
    ),
    (CHAT + "rules: [{name: r, match: {}}]\n", "5:26: rules[0].match: matches every offer"),
    (
        "rules: [{name: r, match: {gpu: l4-*}}]\n",
        "3:9: rules[0].notify: this rule notifies nobody: its alerts are recorded and no more",
    ),
    (
        CHAT + "rules: [{name: r, match: {gpu: l4-*}, notify: []}]\n",
        "5:47: rules[0].notify: this rule notifies nobody: its alerts are recorded and no more",
    ),
    (
        "database: {retention: 400m}\n",
        "3:23: database.retention: is under 7d (`d` is days): older history is deleted",
    ),
    (
        CHAT + "rules: [{name: r, match: {min_uptime: 0.99}}]\n",
        "5:39: rules[0].match.min_uptime: is at most 1 %: uptime is in percent, such as 99.5",
    ),
    (
        CHAT + "rules: [{name: r, match: {max_price_per_gpu_hour: 220}}]\n",
        "5:51: rules[0].match.max_price_per_gpu_hour: is over 50 $ for each GPU and hour",
    ),
    (
        CHAT + "rules: [{name: r, match: {gpu_count: 2, max_total_per_hour: 101, "
        "resources: {}}}]\n",
        "5:61: rules[0].match.max_total_per_hour: is over 50 $ for each GPU and hour",
    ),
    (
        CHAT + "rules: [{name: r, match: {country: [Norway, NO]}}]\n",
        "5:45: rules[0].match.country[1]: is no country's name in full, such as `Norway`",
    ),
    (
        "notifications: {group_interval: 2h, repeat_interval: 1h}\n",
        "3:54: notifications.repeat_interval: is shorter than group_interval, which holds it back",
    ),
    (
        CHAT + "rules: [{name: r, match: {gpu: l4-*}, repeat_interval: 30s}]\n",
        "5:56: rules[0].repeat_interval: is shorter than group_interval, which holds it back",
    ),
    (
        CHAT + PRESET + "rules:\n- {name: r, match: {gpu: l4-*, gpu_count: 2}, "
        "grab: {preset: p, max_total_per_hour: 1, mode: live}}\n",
        "7:94: rules[0].grab.mode: is held to `dry_run` by `grab.mode`",
    ),
    (
        CHAT + PRESET + "rules: [{name: r, match: {gpu: l4-*, gpu_count: 2}, grab: {preset: p}}]\n",
        "6:59: rules[0].grab: buys at any price: there is no max_total_per_hour",
    ),
    (
        CHAT + PRESET + "rules: [{name: r, match: {gpu: l4-*, max_price_per_gpu_hour: 1},\n"
        "  grab: {preset: p}}]\n",
        "7:18: rules[0].grab.preset: takes 2 GPUs, but the rule matches offers of 1",
    ),
    (
        PRESET.replace("ubuntu2404", "ubuntu2405"),
        "3:28: presets[0].image: is not an image seen so far; did you mean `ubuntu2404`?",
    ),
]


@pytest.mark.parametrize(("text", "told"), SUSPICIOUS)
def test_what_looks_wrong_is_told_and_the_configuration_is_used(
    load_text: Any, text: str, told: str
) -> None:
    assert warnings(load_text(text)) == [told]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("poll_interval: 4s", ["poll_interval: is under 5s; the marketplace allows about 100"]),
        ("base_url: http://example.com", ["base_url: sends the token unencrypted; use https"]),
        ("base_url: http://10.0.0.1", ["base_url: sends the token unencrypted; use https"]),
        ("poll_interval: 5s", []),
        ("base_url: https://example.com", []),
        ("base_url: http://localhost:8000, poll_interval: 1s", []),
        ("base_url: 'http://127.0.0.1:8000', poll_interval: 1s", []),
        ("base_url: 'http://[::1]:8000', poll_interval: 1s", []),
    ],
)
def test_a_marketplace_that_is_not_on_this_machine_is_looked_at(
    load_text: Any, keys: str, told: list[str]
) -> None:
    found = warnings(load_text(f"{MARKETPLACE}{keys}}}\n", whole=True))
    assert len(found) == len(told)
    assert all(want in line for want, line in zip(told, found, strict=True))


@pytest.mark.parametrize(
    "gpu", ["h100-*", "H100-SXM5-80GB", "*", "rtxa?000-*", "geforcertx[345]090-*"]
)
def test_a_glob_that_fits_a_gpu_is_not_told(load_text: Any, gpu: str) -> None:
    assert load_text(CHAT + f"rules: [{{name: r, match: {{gpu: '{gpu}'}}}}]\n").warnings == ()


FINE = [
    "database: {retention: 7d}\n",
    CHAT + "rules: [{name: r, match: {min_uptime: 0, max_price_per_gpu_hour: 50}}]\n",
    CHAT + "rules: [{name: r, match: {country: ['U*', Oman], uptime_below: 99}}]\n",
    "notifications: {group_interval: 1h, repeat_interval: 1h}\n",
    *(
        f"{CHAT}{PRESET}rules: [{{name: r, match: {{gpu: l4-*, gpu_count: 2, {match}}},\n"
        f"  grab: {{preset: p, {grab}}}}}]\n"
        for match, grab in (
            ("max_price_per_gpu_hour: 1", ""),
            ("max_total_per_hour: 1, resources: {}", ""),
            ("", "max_total_per_hour: 1"),
        )
    ),
]


@pytest.mark.parametrize("text", FINE)
def test_what_is_well_limited_is_not_told(load_text: Any, text: str) -> None:
    assert load_text(text).warnings == ()


def test_what_the_defaults_have_wrong_is_not_told_for_every_rule(load_text: Any) -> None:
    config = load_text(
        "receivers: [{name: chat, urls: a://b}]\n"
        "notifications: {notify: chat, group_interval: 2h, repeat_interval: 1h}\n"
        "rules: [{name: r, match: {gpu: l4-*}}, {name: s, match: {gpu: l4-*},\n"
        "  group_interval: 3h}]\n"
    )
    assert [problem.where for problem in config.warnings] == [
        "notifications.repeat_interval",
        "rules[1].repeat_interval",
    ]


def test_every_gpu_of_the_recordings_is_known() -> None:
    seen = set()
    for recording in FIXTURES.glob("*.jsonl.gz"):
        with gzip.open(recording, "rt", encoding="utf-8") as lines:
            first = json.loads(next(lines))
        seen |= {gpu["v0Name"] for node in first["hostnodes"] for gpu in _gpus(node)}
    assert seen <= set(GPU_NAMES)


def _gpus(node: dict[str, Any]) -> list[dict[str, Any]]:
    gpus: list[dict[str, Any]] = node["available_resources"]["gpus"]
    return gpus
