"""`backtest` as a user has it, over the four-week recordings."""

import gzip
import json
from pathlib import Path

import pytest

from monitor.simulator.server import SimulatorServer
from tests.integration.commands import Commands, Ran, configure

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "replay"
H100 = RECORDINGS / "h100-pcie-2025-10.jsonl.gz"
RULES = """\
rules:
  - name: h100
    match: {gpu: "h100-*", max_price_per_gpu_hour: 2.49}
    per: hostnode
  - name: h100-calm
    match: {gpu: "h100-*", max_price_per_gpu_hour: 2.49}
    per: hostnode
    for: 1h
    keep_firing_for: 6h
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Configure a marketplace that nobody asks."""
    return configure(tmp_path, "http://127.0.0.1:9", "json://127.0.0.1:9/", rules=RULES)


def test_a_four_week_recording_is_summed_up_for_each_rule(
    gpu_monitor: Commands, config: Path
) -> None:
    ran = gpu_monitor("backtest", "--replay", H100, "-c", config)
    assert ran.status == 0
    heading, plain, calm = (line.split() for line in ran.out.splitlines())
    assert heading == ["rule", "firing", "resolved", "lapsed", "messages", "delay", "worst"]
    assert plain[:4] == ["h100", "129", "125", "0"]
    assert calm[:4] == ["h100-calm", "11", "7", "20"]
    assert ran.err == (
        "957 polls of tensordock from 2025-10-19T21:01:58.727366Z to "
        "2025-11-16T06:47:03.709906Z, every 29m34s; 55 gaps, the longest 5h34m\n"
    )


def test_json_has_the_promised_keys_and_agrees_with_itself(
    gpu_monitor: Commands, config: Path
) -> None:
    ran = gpu_monitor("backtest", "--rule", "h100-calm", "--replay", H100, "-c", config, "--json")
    (rule,) = ran.json()["rules"].values()
    assert (rule["firing"], rule["resolved"]) == (11, 7)
    assert rule["notifications"] == len(rule["messages"])
    assert sum(rule["receivers"]["chat"].values()) == rule["notifications"]
    assert rule["delay_seconds"]["median"] <= rule["delay_seconds"]["worst"]
    states = [change["to"] for change in rule["transitions"]]
    assert (states.count("firing"), states.count("resolved")) == (11, 7)
    assert rule["transitions"][0] == {
        "at": "2025-10-19T21:01:58.727366Z",
        "rule": "h100-calm",
        "labels": {"hostnode": "provider-massedcompute", "marketplace": "tensordock"},
        "from": "inactive",
        "to": "pending",
        "reason": "matched",
        "value": 1.89,
    }


def test_one_rule_is_shown_in_full(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor("backtest", "--rule", "h100-calm", "--replay", H100, "-c", config)
    assert "inactive  pending   matched" in ran.out
    assert "chat      first" in ran.out
    assert ran.out.splitlines()[-1].split()[:2] == ["h100-calm", "11"]


def test_a_sweep_sets_noise_against_delay(gpu_monitor: Commands, config: Path) -> None:
    ran = gpu_monitor(
        *("backtest", "--rule", "h100", "--replay", H100, "-c", config),
        *("--sweep", "for=0s,1h", "keep_firing_for=0s,6h"),
    )
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0][:3] == ["for", "keep_firing_for", "firing"]
    assert [row[:3] for row in rows[1:]] == [
        ["0s", "0s", "129"],
        ["0s", "6h", "14"],
        ["1h", "0s", "53"],
        ["1h", "6h", "11"],
    ]


def test_what_cannot_be_used_of_a_recording_is_told_and_left_out(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    with gzip.open(H100) as lines:
        first, second = lines.readline(), lines.readline()
    replay = tmp_path / "some.jsonl"
    failed = json.dumps({"at": "2025-10-19T21:40:00Z", "error": "unreachable"}).encode()
    replay.write_bytes(first + b"{\n" + second + first + failed + b"\n")
    ran = gpu_monitor("backtest", "--replay", replay, "-c", config)
    assert ran.status == 0
    assert f"{replay}:2: left out: " in ran.err
    assert "1 poll not later than the one before left out" in ran.err
    assert "3 polls of tensordock" in ran.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--rule", "h1000"), 2, "no rule is named h1000; there are: h100, h100-calm"),
        (("--sweep", "fro=1m"), 2, "'fro=1m' is not an axis: write for=0s,5m,15m"),
        (("--sweep", "for=5"), 2, "for: a duration needs a unit, such as 5s or 5m"),
        (("--sweep", "for=1m", "for=2m"), 2, "is not an axis"),
        (("--replay", "nowhere.jsonl"), 1, "nowhere.jsonl cannot be read: No such file"),
        (("--replay", "/dev/null"), 1, "/dev/null holds no poll"),
    ],
)
def test_a_wrong_call_says_what_to_write(
    gpu_monitor: Commands, config: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    replay = () if "--replay" in arguments else ("--replay", H100)
    ran = gpu_monitor("backtest", *replay, *arguments, "-c", config)
    assert ran.status == status
    assert said in " ".join(ran.err.split())
    assert ran.out == ""


def figures(ran: Ran) -> dict[str, tuple[int, ...]]:
    """Return what each rule came to, without what depends on the instants of polls."""
    keys = ("firing", "resolved", "lapsed")
    return {name: tuple(rule[key] for key in keys) for name, rule in ran.json()["rules"].items()}


def test_the_history_in_the_database_leads_to_the_same_as_its_recording(
    gpu_monitor: Commands, config: Path, tmp_path: Path
) -> None:
    """What is read back has a poll wherever something changed, so that the same comes of it."""
    some = tmp_path / "some.jsonl"
    with gzip.open(H100) as lines:
        some.write_bytes(b"".join(lines.readlines()[300:450]))
    interval = ("--interval", "30m")
    told = gpu_monitor("backtest", "--replay", some, *interval, "-c", config, "--json")
    assert gpu_monitor("import", some, *interval, "-c", config).status == 0
    lived = gpu_monitor("backtest", "--since", "2025-01-01", *interval, "-c", config, "--json")
    assert lived.status == 0
    assert figures(lived) == figures(told)
    assert figures(told)["h100"][0] > 10


def test_rules_that_look_back_are_told_how_much_there_is_before_since(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    """They do what they do in a run over all of it: a low is one only beside what was before."""
    rules = "rules: [{name: low, match: {gpu: h100-*, historical_low: {window: 1d}}}]"
    config = configure(tmp_path, "http://127.0.0.1:9", "json://127.0.0.1:9/", rules=rules)
    some = tmp_path / "some.jsonl"
    with gzip.open(H100) as lines:
        some.write_bytes(b"".join(lines.readlines()[50:220]))
    interval = ("--interval", "30m")
    assert gpu_monitor("import", some, *interval, "-c", config).status == 0
    whole, late = (
        gpu_monitor("backtest", "--since", since, *interval, "-c", config, "--json")
        for since in ("2025-01-01", "2025-10-27T07:00:00Z")
    )
    assert "rules look back 1d before that, of which nothing is recorded" in whole.err
    assert "rules look back 1d before that, of which 59 polls since 2025-10-26T07:00" in late.err
    (fires, ends) = whole.json()["rules"]["low"]["transitions"]
    assert (fires["at"][:16], ends["at"][:13]) == ("2025-10-27T07:13", "2025-10-28T07")
    assert late.json()["rules"]["low"]["transitions"] == [fires, ends]


def test_polls_that_failed_are_part_of_what_is_lived_through(
    gpu_monitor: Commands, market: SimulatorServer, tmp_path: Path
) -> None:
    config = configure(tmp_path, market.base_url, "json://127.0.0.1:9/")
    gpu_monitor("poll", "-c", config)
    market.faults.on("forbidden", endpoint="hostnodes", times=1)
    gpu_monitor("poll", "-c", config)
    gpu_monitor("poll", "-c", config)
    ran = gpu_monitor("backtest", "--since", "1h", "-c", config)
    assert "3 polls of tensordock" in ran.err
    assert "1 of them failed, every 1m" in ran.err
    assert ran.out.splitlines()[1].split()[:2] == ["cheap-3090", "1"]


def test_an_empty_history_says_what_to_do(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("db", "upgrade", "-c", config)
    ran = gpu_monitor("backtest", "-c", config)
    assert ran.status == 1
    assert "give an earlier --since, or --replay FILE" in ran.err


def test_a_threshold_on_the_mean_price_is_crossed_66_times_and_fires_8_times_with_good_clocks(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    """The mean of the four weeks, weighted by GPUs, as one hostnode's price (docs/alerting.md)."""
    replay = tmp_path / "mean.jsonl"
    with gzip.open(H100) as lines:
        replay.write_text("".join(map(mean_price, lines)), encoding="utf-8")
    rules = "rules: [{name: mean, match: {gpu: 'h100-*', max_price_per_gpu_hour: 2.23}}]\n"
    config = configure(tmp_path, "http://127.0.0.1:9", "json://127.0.0.1:9/", rules=rules)
    ran = gpu_monitor(
        *("backtest", "--replay", replay, "-c", config, "--json"),
        *("--sweep", "for=0s,35m", "keep_firing_for=0s,1h30m"),
    )
    firing = {(each["for"], each["keep_firing_for"]): each for each in ran.json()["sweep"]}
    assert firing["0s", "0s"]["firing"] == 66
    assert firing["35m", "1h30m"]["firing"] == 8
    assert firing["35m", "1h30m"]["notifications"] < firing["0s", "0s"]["notifications"] / 2


def mean_price(line: bytes) -> str:
    poll = json.loads(line)
    gpus = [gpu for each in poll["hostnodes"] for gpu in each["available_resources"]["gpus"]]
    count = sum(gpu["availableCount"] for gpu in gpus)
    total = sum(gpu["availableCount"] * gpu["price_per_hr"] for gpu in gpus)
    gpu = {"v0Name": "h100-pcie-80gb", "availableCount": count, "price_per_hr": total / count}
    hostnode = {"id": "market", "available_resources": {"gpus": [gpu]}, "location": {}}
    return json.dumps({"at": poll["at"], "hostnodes": [hostnode]}) + "\n"
