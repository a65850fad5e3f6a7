"""What each key takes, what it does not, and what it is when left out."""

from datetime import timedelta
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from monitor.alerting.notice import NotifyPolicy
from monitor.config.model import (
    Config,
    DatabaseConfig,
    NotificationsConfig,
    RuleConfig,
    ServerConfig,
    Table,
)
from monitor.config.secret import Secret
from monitor.config.values import ListenAddress
from monitor.rules.alert import Severity
from monitor.rules.rule import Per

TOKEN = "tok-0123456789"
MARKETPLACE = f"name: m, kind: tensordock, token: {TOKEN}"
PRESET = (
    "name: p, image: ubuntu2404, ssh_key_id: k, "
    "resources: {vcpu_count: 2, ram_gb: 4, storage_gb: 100}"
)


def test_everything_but_the_marketplace_may_be_left_out(load_text: Any) -> None:
    config = load_text("")
    assert config.marketplaces[0].base_url == "https://dashboard.tensordock.com/api/v2"
    assert config.marketplaces[0].poll_interval == timedelta(seconds=60)
    assert config.database.url.reveal() == "sqlite:///data/monitor.db"
    assert config.server.listen == ListenAddress(host="127.0.0.1", port=9470)
    assert config.notifications.group_wait == timedelta(0)
    assert (config.rules, config.receivers, config.presets) == ((), (), ())
    assert config.grab.mode == "dry_run"
    assert config.warnings == ()


def test_the_defaults_of_notifications_are_those_of_the_policy() -> None:
    rule = RuleConfig.model_validate({"name": "r", "match": {}})
    assert rule.policy(NotificationsConfig()) == NotifyPolicy(notify=())


def test_a_section_with_nothing_behind_it_counts_as_left_out(load_text: Any) -> None:
    config = load_text("rules: [{name: r, match: {}, for: }]\nreceivers: ~\ndatabase:\n")
    assert config.rules[0].for_ == timedelta(0)
    assert config.receivers == ()


def test_a_rule_takes_every_key_of_the_interface(load_text: Any) -> None:
    config = load_text("""\
        receivers: [{name: chat, urls: "json://localhost"}]
        rules:
          - name: h100
            match:
              gpu: [h100-*, a100-*]
              gpu_count: 2
              max_price_per_gpu_hour: 2.20
              min_price_per_gpu_hour: "0.40"
              max_total_per_hour: 3
              resources: {vcpu_count: 8, ram_gb: 64, storage_gb: 200}
              min_uptime: 99.5
              country: NO
              city: [Oslo]
              state: [x]
              location_id: [0123]
              hostnode_id: [x]
              organization: [x]
              engine: [x]
              min_tier: 2
              max_tier: 4
              min_network_gbps: 2.5
              network_storage: true
            per: hostnode
            for: 30s
            keep_firing_for: 10m
            severity: critical
    """)
    rule = config.rules[0]
    assert rule.match.gpu == ("h100-*", "a100-*")
    assert rule.match.max_price_per_gpu_hour == 2_200_000_000
    assert rule.match.min_price_per_gpu_hour == 400_000_000
    assert rule.match.max_total_per_hour == 3_000_000_000
    assert rule.match.country == ("NO",)
    assert rule.match.location_id == ("0123",)
    assert rule.match.min_uptime == 99.5
    assert rule.match.network_storage is True
    assert (rule.per, rule.severity) == (Per.HOSTNODE, Severity.CRITICAL)
    assert rule.for_ == timedelta(seconds=30)


def test_a_rule_overrides_only_the_keys_it_gives(load_text: Any) -> None:
    config = load_text("""\
        receivers: [{name: chat, urls: "json://localhost"}, {name: mail, urls: "json://localhost"}]
        notifications: {notify: chat, group_wait: 10s, group_interval: 2m, improve_by: 10%}
        rules:
          - {name: a, match: {gpu: h100-*}}
          - {name: b, match: {gpu: h100-*}, notify: [mail], group_wait: 0s, repeat_interval: 1d,
             send_resolved: false, improve_by: 0}
          - {name: c, match: {gpu: h100-*}, notify: []}
    """)
    plain, own, quiet = (rule.policy(config.notifications) for rule in config.rules)
    assert plain == NotifyPolicy(
        notify=("chat",),
        group_wait=timedelta(seconds=10),
        group_interval=timedelta(minutes=2),
        improve_by=0.1,
    )
    assert own == NotifyPolicy(
        notify=("mail",),
        group_wait=timedelta(0),
        group_interval=timedelta(minutes=2),
        repeat_interval=timedelta(days=1),
        send_resolved=False,
        improve_by=0,
    )
    assert quiet.notify == ()


GOOD = [
    ("server", "listen: '[::1]:9470'", ListenAddress(host="::1", port=9470)),
    ("server", "listen: 0.0.0.0:0", ListenAddress(host="0.0.0.0", port=0)),  # noqa: S104 - an address to be read
    ("server", "listen: localhost:65535", ListenAddress(host="localhost", port=65535)),
    ("server", "listen: monitor.local:80", ListenAddress(host="monitor.local", port=80)),
    ("notifications", "improve_by: 2.5%", 0.025),
    ("notifications", "improve_by: 0.05", 0.05),
    ("notifications", "group_wait: 500ms", timedelta(milliseconds=500)),
    ("database", "url: postgresql://u:p@h/db", Secret("postgresql://u:p@h/db")),
    (
        "database",
        "url: postgresql+psycopg:///db?host=/s",
        Secret("postgresql+psycopg:///db?host=/s"),
    ),
    (
        "database",
        "url: 'postgresql://me%40x:a%40b%2Fc@[::1]:5432/db?options=a@b'",
        Secret("postgresql://me%40x:a%40b%2Fc@[::1]:5432/db?options=a@b"),
    ),
    ("database", "url: sqlite:////var/m.db", Secret("sqlite:////var/m.db")),
    ("grab", "max_total_per_hour: 0.000000001", 1),
    ("grab", "max_spend_per_month: 1000000", 1_000_000_000_000_000),
]


@pytest.mark.parametrize(("section", "text", "value"), GOOD)
def test_values_become_what_they_mean(
    load_text: Any, section: str, text: str, value: object
) -> None:
    table = getattr(load_text(f"{section}:\n  {text}\n"), section)
    assert getattr(table, text.partition(":")[0]) == value


def test_an_address_is_shown_as_it_is_written() -> None:
    assert str(ListenAddress(host="::1", port=80)) == "[::1]:80"
    assert str(ListenAddress(host="localhost", port=80)) == "localhost:80"


def test_a_base_url_loses_its_last_slash(load_text: Any) -> None:
    text = f"marketplaces: [{{{MARKETPLACE}, base_url: 'http://127.0.0.1:8000/api/'}}]"
    assert load_text(text, whole=True).marketplaces[0].base_url == "http://127.0.0.1:8000/api"


def test_cloud_init_takes_what_the_marketplace_documents(load_text: Any) -> None:
    config = load_text(f"""\
        presets:
          - {{{PRESET}, cloud_init: {{
              package_update: true, package_upgrade: false, packages: [curl, git],
              runcmd: ["echo $${{HOME}}", " two\\nlines "],
              write_files: [
                {{path: /etc/motd, content: "hi\\n", owner: "a:b", permissions: 0644}}]}}}}
    """)
    init = config.presets[0].cloud_init
    assert init.runcmd == ("echo ${HOME}", " two\nlines ")
    assert (init.package_update, init.packages) == (True, ("curl", "git"))
    assert init.write_files[0].permissions == "0644"


DURATION = "a duration is written like 30s, 5m, 1h30m, 2w or 500ms"
BAD = [
    # every kind of value, once for each thing that can be wrong with it
    (
        "marketplaces",
        f"[{{{MARKETPLACE}, poll_interval: 60}}]",
        "a duration needs a unit, such as 60s",
    ),
    ("marketplaces", f"[{{{MARKETPLACE}, timeout: 1 hour}}]", DURATION),
    (
        "marketplaces",
        f"[{{{MARKETPLACE}, timeout: [1s]}}]",
        "must be a duration such as 30s or 1h30m",
    ),
    ("marketplaces", f"[{{{MARKETPLACE}, create_timeout: 0s}}]", "must be longer than 0s"),
    ("marketplaces", "[]", "must not be an empty list"),
    ("marketplaces", "{}", "must be a list, not a table"),
    ("marketplaces", "[x]", "must be a table (`key: value`), not text"),
    ("marketplaces", "[~]", "must be a table (`key: value`), not nothing"),
    ("marketplaces", "[{kind: tensordock, token: abc}]", "is missing"),
    ("marketplaces", "[{name: m, kind: tensordock}]", "is missing; give it or `token_file`"),
    (
        "marketplaces",
        "[{name: m, kind: vast, token: a}]",
        "must be tensordock, which is all there is",
    ),
    ("marketplaces", "[{name: m, kind: tensordock, token: [a]}]", "must be text"),
    ("marketplaces", "[{name: m, kind: tensordock, token: ' '}]", "is empty"),
    ("marketplaces", "[{name: m, kind: tensordock, token: a b}]", "must be one word of ASCII"),
    ("marketplaces", f"[{{{MARKETPLACE}, write_token: é}}]", "must be one word of ASCII"),
    ("marketplaces", "[{name: ' m', kind: tensordock, token: a}]", "begins or ends with a space"),
    ("marketplaces", "[{name: '', kind: tensordock, token: a}]", "is empty"),
    (
        "marketplaces",
        '[{name: "a\\nb", kind: tensordock, token: a}]',
        "must be one line of printable",
    ),
    (
        "marketplaces",
        f"[{{{MARKETPLACE}, base_url: example.com/api}}]",
        "must be a URL such as https",
    ),
    (
        "marketplaces",
        f"[{{{MARKETPLACE}, base_url: 'ftp://example.com'}}]",
        "must be a URL such as",
    ),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://x:99999/'}}]", "must be a URL such as"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://x:0/'}}]", "must be a URL such as"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://[x'}}]", "must be a URL such as"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http:///api'}}]", "must be a URL such as"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://u@x/'}}]", "must not hold a user or"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://:p@x/'}}]", "must not hold a user or"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://a b/'}}]", "must be a URL such as"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://u:p@x/'}}]", "must not hold a user or"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://x/?a=1'}}]", "must end with its path"),
    ("marketplaces", f"[{{{MARKETPLACE}, base_url: 'http://x/#a'}}]", "must end with its path"),
    ("metrics", "{hostnode_series: 010}", "must be true or false"),
    ("grab", "{max_total_per_hour: 2_20}", "must be an amount of US dollars such as 2.20"),
    ("grab", "{max_instances: 010}", "is 8 in YAML: write a number without leading 0"),
    ("grab", "{max_instances: 1_0}", "is 10 in YAML"),
    ("grab", "{max_instances: 1:30}", "is 90 in YAML"),
    ("grab", "{max_instances: 0x10}", "is 16 in YAML"),
    ("database", "{url: mysql://h/db}", "must begin with sqlite:/// or postgresql+psycopg://"),
    ("database", "{url: 'sqlite://'}", "must name a file"),
    ("database", "{url: 'sqlite:///'}", "must name a file"),
    ("database", "{url: 'sqlite:///:memory:'}", "must name a file"),
    ("database", "{url: 'sqlite://data/m.db'}", "must name a file"),
    ("database", "{url: 'sqlite:////'}", "must name a file"),
    ("database", "{url: 'sqlite:////var/lib/'}", "must name a file"),
    ("database", "{url: 'postgresql://u:p@ss@h/db'}", "holds a second `@`"),
    ("database", "{url: 'postgresql://u:p@s:s@h/db'}", "holds a second `@`"),
    ("database", "{url: 'postgresql://u:p@s/s@h/db'}", "holds a second `@`"),
    ("database", "{url: 'postgresql://u:p@h:port/db'}", "must be like postgresql+psycopg://user"),
    ("database", "{url: 'postgresql://u:p@h:65536/db'}", "must be like postgresql+psycopg://user"),
    ("database", "{url: 'postgresql://u:p@a:1:2/db'}", "must be like postgresql+psycopg://user"),
    ("database", "{retention: 0s}", "must be longer than 0s"),
    ("server", "{listen: 9470}", "must be an address and a port such as 127.0.0.1:9470"),
    ("server", "{listen: '::1:9470'}", "must be an address and a port"),
    ("server", "{listen: 'localhost:65536'}", "must be an address and a port"),
    ("server", "{listen: [localhost]}", "must be an address and a port"),
    ("metrics", "{hostnode_series: 1}", "must be true or false, not this number"),
    (
        "metrics",
        "{hostnode_series: 'true'}",
        "must be true or false, not text; leave out the quotes",
    ),
    ("metrics", "{hostnode_series: maybe}", "must be true or false, not text"),
    ("receivers", "[{name: r, urls: []}]", "must not be an empty list"),
    ("receivers", "[{name: r, urls: [~]}]", "must be text"),
    ("receivers", "[{name: r}]", "is missing; give it or `urls_file`"),
    ("notifications", "{notify: {}}", "must be a list, not a table"),
    ("notifications", "{notify: [[]]}", "must be text, not a list"),
    ("notifications", "{group_interval: 0s}", "must be longer than 0s"),
    ("notifications", "{repeat_interval: 0s}", "must be longer than 0s"),
    ("notifications", "{improve_by: 5}", "must be a share such as 5% or 0.05, below 100%"),
    ("notifications", "{improve_by: 100%}", "must be a share"),
    ("notifications", "{improve_by: -0.1}", "must be a share"),
    ("notifications", "{improve_by: true}", "must be a share"),
    ("rules", "[{name: r}]", "is missing"),
    (
        "rules",
        "[{name: r, match: {}, per: gpus}]",
        "one of rule, gpu, location, hostnode; did you mean `gpu`?",
    ),
    ("rules", "[{name: r, match: {}, severity: high}]", "must be one of info, warning, critical"),
    ("rules", "[{name: r, match: {}, grab: {}}]", "is missing"),
    ("rules", "[{name: r, match: {gpu: []}}]", "must not be an empty list"),
    ("rules", "[{name: r, match: {gpu: ''}}]", "is empty"),
    ("rules", "[{name: r, match: {gpu_count: 0}}]", "must be at least 1"),
    ("rules", "[{name: r, match: {gpu_count: 1.5}}]", "must be a whole number, not this number"),
    (
        "rules",
        "[{name: r, match: {gpu_count: '1'}}]",
        "must be a whole number, not text; leave out",
    ),
    ("rules", "[{name: r, match: {gpu_count: yes}}]", "must be a whole number, not true or false"),
    ("rules", "[{name: r, match: {min_tier: -1}}]", "must be at least 0"),
    ("rules", "[{name: r, match: {min_tier: 10000000000000}}]", "must be at most 1000000000"),
    ("rules", "[{name: r, match: {min_uptime: 100.5}}]", "must be at most 100"),
    ("rules", "[{name: r, match: {min_uptime: -1}}]", "must be at least 0"),
    ("rules", "[{name: r, match: {min_uptime: .nan}}]", "must be a finite number, not this number"),
    ("rules", "[{name: r, match: {min_uptime: high}}]", "must be a number, not text"),
    ("rules", "[{name: r, match: {min_network_gbps: -1}}]", "must be at least 0"),
    ("rules", "[{name: r, match: {network_storage: [true]}}]", "must be true or false, not a list"),
    (
        "rules",
        "[{name: r, match: {resources: {gpu_count: 1}}}]",
        "how many GPUs is told by `gpu_count` beside",
    ),
    ("rules", "[{name: r, match: {resources: {ram: 1}}}]", "is not a key; did you mean `ram_gb`?"),
    (
        "rules",
        "[{name: r, match: {}, grab: {gpu_count: 1}}]",
        "is not a key here; there are",
    ),
    (
        "rules",
        "[{name: r, match: {max_price: 2}}]",
        "is not a key; did you mean `max_price_per_gpu_hour`?",
    ),
    ("rules", "[{name: r, match: {}, fro: }]", "is not a key; did you mean `for`?"),
    ("rules", "[{name: r, match: {}, fro: '${NOT_SET}'}]", "is not a key; did you mean `for`?"),
    ("rules", "[{name: r, match: {max_price_per_gpu_hour: 0}}]", "must be more than 0"),
    ("rules", "[{name: r, match: {max_price_per_gpu_hour: -1}}]", "must be more than 0"),
    (
        "rules",
        "[{name: r, match: {max_price_per_gpu_hour: .inf}}]",
        "must be an amount of US dollars",
    ),
    ("rules", "[{name: r, match: {max_price_per_gpu_hour: Infinity}}]", "must be more than 0"),
    ("rules", "[{name: r, match: {max_price_per_gpu_hour: NaN}}]", "must be more than 0"),
    (
        "rules",
        "[{name: r, match: {max_price_per_gpu_hour: $2}}]",
        "must be an amount of US dollars",
    ),
    (
        "rules",
        "[{name: r, match: {max_price_per_gpu_hour: true}}]",
        "must be an amount of US dollars",
    ),
    (
        "rules",
        "[{name: r, match: {max_price_per_gpu_hour: [2]}}]",
        "must be an amount of US dollars",
    ),
    (
        "rules",
        "[{name: r, match: {max_price_per_gpu_hour: 1000001}}]",
        "at most 1000000 US dollars",
    ),
    ("rules", "[{name: r, match: {max_price_per_gpu_hour: 1e-10}}]", "at least 0.000000001"),
    ("presets", f"[{{{PRESET}, name2: x}}]", "is not a key; did you mean `name`?"),
    ("presets", "[{name: Train_Box}]", "must be 1 to 40 lower-case letters"),
    ("presets", "[{name: -box}]", "must be 1 to 40 lower-case letters"),
    ("presets", "[{resources: {vcpu_count: 3}}]", "must be even"),
    ("presets", "[{resources: {vcpu_count: 0}}]", "must be at least 1"),
    ("presets", "[{resources: {ram_gb: 0}}]", "must be at least 1"),
    ("presets", "[{resources: {storage_gb: 99}}]", "must be at least 100"),
    ("presets", "[{resources: {gpu_count: 0}}]", "must be at least 1"),
    (
        "presets",
        "[{ssh_key: '-----BEGIN OPENSSH PRIVATE KEY-----'}]",
        "is a private key, which must",
    ),
    ("presets", "[{ssh_key: ~/.ssh/id.pub}]", "must be a public key on one line"),
    ("presets", "[{port_forwards: [22, 22]}]", "names a port twice"),
    ("presets", "[{port_forwards: [0]}]", "must be at least 1"),
    ("presets", "[{port_forwards: [65536]}]", "must be at most 65535"),
    ("presets", "[{port_forwards: 22}]", "must be a list, not this number"),
    ("presets", "[{cloud_init: {runcmd: [[echo]]}}]", "must be text, not a list"),
    ("presets", "[{cloud_init: {runcmd: ['']}}]", "is empty"),
    ("presets", "[{cloud_init: {packages: [' ']}}]", "is empty"),
    ("presets", "[{cloud_init: {package_update: 1}}]", "must be true or false"),
    (
        "presets",
        "[{cloud_init: {bootcmd: [a]}}]",
        "is not a key here; there are package_update, package_upgrade, packages, runcmd",
    ),
    ("presets", "[{cloud_init: {write_files: [{path: a}]}}]", "must be an absolute path"),
    ("presets", "[{cloud_init: {write_files: [{path: /a}]}}]", "is missing"),
    ("presets", "[{cloud_init: {write_files: [{permissions: 0999}]}}]", "must be octal digits"),
    ("presets", "[{cloud_init: {write_files: [{permissions: rwx}]}}]", "must be octal digits"),
    ("presets", "[{cloud_init: {write_files: [{permissions: 64}]}}]", "must be octal digits"),
    ("presets", "[{cloud_init: {write_files: [{permissions: 00644}]}}]", "must be octal digits"),
    ("grab", "{mode: alive}", "must be one of dry_run, approve, live; did you mean `live`?"),
    ("grab", "{max_instances: 0}", "must be at least 1"),
    ("grab", "{stop_file: ''}", "is empty"),
]


@pytest.mark.parametrize(("section", "text", "told"), BAD)
def test_a_wrong_value_is_told_in_words(mistakes: Any, section: str, text: str, told: str) -> None:
    whole = section == "marketplaces"
    messages = mistakes(f"{section}: {text}\n", whole=whole)
    assert any(told in message for message in messages), messages


def test_a_file_without_marketplaces_is_told_what_is_missing(mistakes: Any) -> None:
    assert mistakes("rules: []\n", whole=True) == ["1:1: marketplaces: is missing"]


def test_only_what_would_do_without_quotes_is_told_to_lose_them(mistakes: Any) -> None:
    wrong = "3:28: metrics.hostnode_series: must be true or false, not text"
    assert mistakes("metrics: {hostnode_series: 'yes'}") == [f"{wrong}; leave out the quotes"]
    assert mistakes("metrics: {hostnode_series: maybe}") == [wrong]


def test_a_list_whose_items_are_wrong_is_not_called_empty(mistakes: Any) -> None:
    assert mistakes("receivers: [{name: r, urls: ['']}]\n") == [
        "3:30: receivers[0].urls[0]: is empty"
    ]


def test_nothing_can_be_changed(load_text: Any) -> None:
    config = load_text("")
    with pytest.raises(ValidationError):
        config.grab.mode = "live"


def test_no_secret_is_shown_or_dumped(load_text: Any) -> None:
    config: Config = load_text("receivers: [{name: r, urls: ['json://u:passw0rd@h/T0KEN12345']}]\n")
    for shown in (repr(config), str(config), config.model_dump_json(), str(config.model_dump())):
        assert TOKEN not in shown
        assert "passw0rd" not in shown
        assert "***" in shown
    assert config.secrets() == {
        TOKEN,
        "json://u:passw0rd@h/T0KEN12345",
        "sqlite:///data/monitor.db",
    }


def test_every_table_is_frozen_and_knows_its_keys() -> None:
    for table in Table.__subclasses__():
        assert table.model_config["frozen"], table
        assert table.model_config["extra"] == "forbid", table


def test_values_that_are_what_they_mean_already_are_taken() -> None:
    listen, retention = ListenAddress(host="::1", port=80), timedelta(days=1)
    assert ServerConfig.model_validate({"listen": listen}).listen is listen
    assert DatabaseConfig.model_validate({"retention": retention}).retention == retention


def test_plain_yaml_values_do_as_well_as_read_ones() -> None:
    raw = yaml.safe_load(
        f"marketplaces: [{{{MARKETPLACE}}}]\nrules: [{{name: r, match: {{min_tier: 2}}}}]"
    )
    assert Config.model_validate(raw).rules[0].match.min_tier == 2
