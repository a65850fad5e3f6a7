"""Mistakes that involve several keys: each row fails if its check is taken away."""

from typing import Any

import pytest

PRESET = "name: p, image: ubuntu2404, resources: {vcpu_count: 2, ram_gb: 4, storage_gb: 100}"
KEY = "ssh_key: ssh-ed25519 AAAAC3Nz me"


def rules(match: str) -> str:
    return f"rules:\n  - name: r\n    match: {match}\n"


MISTAKES = [
    (
        rules("{max_price_per_gpu_hour: 1, min_price_per_gpu_hour: 2.5}"),
        ["5:37: rules[0].match.max_price_per_gpu_hour: is below `min_price_per_gpu_hour`"],
    ),
    (rules("{min_tier: 3, max_tier: 2}"), ["5:36: rules[0].match.max_tier: is below `min_tier`"]),
    (
        rules("{max_total_per_hour: 3}"),
        [
            (
                "5:33: rules[0].match.max_total_per_hour: "
                "needs `resources`: a total is the price of a shape"
            )
        ],
    ),
    (
        "rules:\n  - {name: r, match: {}}\n  - {name: q, match: {}}\n  - {name: r, match: {}}\n",
        ["6:12: rules[2].name: is the name of rules[0] already"],
    ),
    (
        "receivers:\n  - {name: r, urls: a://b}\n  - {name: r, urls: a://b}\n",
        ["5:12: receivers[1].name: is the name of receivers[0] already"],
    ),
    (
        f"presets:\n  - {{{PRESET}, {KEY}}}\n  - {{{PRESET}, {KEY}}}\n",
        ["5:12: presets[1].name: is the name of presets[0] already"],
    ),
    (
        "notifications: {notify: [chat]}\n",
        ["3:26: notifications.notify[0]: there is no `chat` among the receivers"],
    ),
    (
        "receivers: [{name: chat, urls: a://b}]\nrules: [{name: r, match: {}, notify: Chat}]\n",
        ["4:38: rules[0].notify: there is no `Chat` among the receivers; did you mean `chat`?"],
    ),
    (
        "rules: [{name: r, match: {}, notify: ['discord://1/s3cret']}]\n",
        ["3:39: rules[0].notify[0]: there is no `…` among the receivers"],
    ),
    (
        (
            f"presets: [{{{PRESET}, {KEY}}}]\n"
            "rules: [{name: r, match: {}, grab: {preset: q, max_instances: 1}}]\n"
        ),
        ["4:45: rules[0].grab.preset: there is no `q` among the presets"],
    ),
    (
        f"presets: [{{{PRESET}}}]\n",
        ["3:11: presets[0]: has no SSH key: give one of `ssh_key_id`, `ssh_key`, `ssh_key_file`"],
    ),
    (
        f"presets:\n- ssh_key_id: k\n  {KEY}\n  {PRESET.replace(', ', chr(10) + '  ', 2)}\n",
        ["5:12: presets[0].ssh_key: stands beside `ssh_key_id`: give one of them"],
    ),
    (
        f"presets:\n- port_forwards: [80]\n  {KEY}\n  {PRESET.replace(', ', chr(10) + '  ', 2)}\n",
        ["4:18: presets[0].port_forwards: must hold 22: the marketplace refuses Ubuntu without it"],
    ),
    (
        "grab: {mode: live, max_instances: 1, max_total_per_hour: 5, max_creates_per_hour: 5}\n",
        [
            (
                "3:14: grab.mode: live buying needs all five limits; "
                "missing: max_spend_per_day, max_spend_per_month"
            )
        ],
    ),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_keys_that_do_not_go_together_are_told(mistakes: Any, text: str, told: list[str]) -> None:
    assert mistakes(text) == told


FINE = [
    rules("{min_price_per_gpu_hour: 2, max_price_per_gpu_hour: 2, min_tier: 1, max_tier: 1}"),
    rules("{resources: {ram_gb: 64}}"),
    rules("{resources: {}, max_total_per_hour: 3}"),
    f"presets: [{{{PRESET.replace('ubuntu2404', 'windows10')}, {KEY}, port_forwards: [3389]}}]\n",
    f"presets: [{{{PRESET}, {KEY}, port_forwards: [80, 22]}}]\n",
    "grab: {mode: approve}\n",
    (
        "grab: {mode: live, max_instances: 1, max_total_per_hour: 5, max_creates_per_hour: 5,\n"
        "       max_spend_per_day: 50, max_spend_per_month: 500}\n"
    ),
    "receivers: [{name: '080', urls: a://b}]\nnotifications: {notify: 080}\n",
]


@pytest.mark.parametrize("text", FINE)
def test_keys_that_go_together_are_not(load_text: Any, text: str) -> None:
    load_text(text)


def test_they_are_told_although_another_key_of_the_same_table_is_wrong(mistakes: Any) -> None:
    told = mistakes(rules("{min_tier: 3, max_tier: 2, min_uptime: high, max_total_per_hour: 1}"))
    assert [line.partition(": ")[0] for line in told] == ["5:36", "5:51", "5:77"]


def test_a_name_that_cannot_be_read_makes_no_unknown_names(mistakes: Any) -> None:
    told = mistakes(
        "receivers: [{name: '${NOT_SET}', urls: a://b}]\nnotifications: {notify: [chat]}\n"
    )
    assert told == [
        (
            "3:20: receivers[0].name: the environment does not set NOT_SET: "
            "set it, or write ${NOT_SET:-default}"
        )
    ]


def test_a_value_that_cannot_be_read_counts_as_given(mistakes: Any) -> None:
    told = mistakes(f"presets: [{{ssh_key: '${{NOT_SET}}', {PRESET}}}]\n")
    assert [line.partition(" the ")[0] for line in told] == ["3:21: presets[0].ssh_key:"]


def test_marketplaces_have_names_of_their_own(mistakes: Any) -> None:
    one = "{name: m, kind: tensordock, token: tok-0123456789}"
    assert mistakes(f"marketplaces:\n- {one}\n- {one}\n", whole=True) == [
        "3:10: marketplaces[1].name: is the name of marketplaces[0] already"
    ]


ALERTMANAGER = "kind: alertmanager, name: am"


@pytest.mark.parametrize(
    ("receiver", "wrong"),
    [
        (ALERTMANAGER, "receivers[0].url: is missing: the address of Alertmanager"),
        (f"{ALERTMANAGER}, url: [http://a], urls: [json://b]", "receivers[0].urls: is not a key"),
        ("name: chat, urls: [json://b], url: http://a", "receivers[0].url: is not a key"),
        ("name: chat, urls: [json://b], token: t", "receivers[0].token: is not a key"),
        ("name: chat, urls: [json://b], rate_limit: 20", "must be a number and a duration such"),
        ("name: chat, urls: [json://b], rate_limit: 20/0s", "must be longer than 0s"),
        (f"{ALERTMANAGER}, url: http://a, username: me", "receivers[0]: has a username and no"),
        (
            f"{ALERTMANAGER}, url: http://a, username: me, password: x, token: t",
            "receivers[0].token: stands beside `username`",
        ),
        (f"{ALERTMANAGER}, url: http://me:x@a", "receivers[0].url[0]: must not hold a user"),
        ("kind: alertmanger, name: am", "receivers[0].kind: must be one of apprise, alertmanager"),
    ],
)
def test_a_receiver_has_the_keys_of_its_kind(mistakes: Any, receiver: str, wrong: str) -> None:
    told = mistakes(f"receivers:\n  - {{{receiver}}}\n")
    assert any(wrong in each for each in told), told
