"""`rules test` as a user has it; the examples in config/rules-tests hold."""

from pathlib import Path

import pytest

from tests.integration.commands import Commands

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config" / "rules-tests").glob("*.yaml"))
CONFIG = ROOT / "config" / "monitor.yaml"

HEAD = f"config: {CONFIG}\n"
ONE = """\
tests:
  - name: a 4090 has to stay for five minutes
    rules: any-4090
    offers:
      - {gpu: geforcertx4090-pcie-24gb, price: PRICE, available: COUNT}
    polls: POLLS
    alerts:
      - {at: 5m, expect: [{rule: any-4090, state: STATE}]}
    notifications: [NOTIFICATION]
"""


def a_file(folder: Path, **values: str) -> Path:
    """Write a test that passes unless `values` say otherwise."""
    text = HEAD + ONE
    usual = {"PRICE": "0.35x5", "COUNT": "1", "POLLS": "okx5", "STATE": "firing"}
    told = {"NOTIFICATION": "{at: 5m, rule: any-4090, reason: first, to: chat}"}
    for name, value in {**usual, **told, **values}.items():
        text = text.replace(name, value)
    path = folder / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_our_own_rules_do_what_their_tests_say(gpu_monitor: Commands, path: Path) -> None:
    ran = gpu_monitor("rules", "test", path)
    assert ran.status == 0, ran.err
    assert ran.err.endswith(", 0 failed\n")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"STATE": "pending"}, ["- rule any-4090, state pending", "+ rule any-4090, state firing"]),
        ({"PRICE": "0.45x5"}, ["- rule any-4090, state firing", "- at 5m, rule any-4090"]),
        ({"PRICE": "0.35x3 _ 0.35"}, ["+ rule any-4090, state pending"]),
        ({"COUNT": "1x4 0"}, ["- rule any-4090, state firing"]),
        ({"POLLS": "okx3 unreachable okx1"}, ["+ rule any-4090, state pending"]),
        ({"NOTIFICATION": ""}, ["+ at 5m, rule any-4090, reason first, to chat, title any-4090: "]),
    ],
)
def test_what_comes_otherwise_than_expected_is_shown_line_by_line(
    gpu_monitor: Commands, tmp_path: Path, values: dict[str, str], said: list[str]
) -> None:
    path = a_file(tmp_path, **values)
    ran = gpu_monitor("rules", "test", path)
    assert ran.status == 1
    first, *lines = ran.err.splitlines()
    assert first == f"{path}:3: a 4090 has to stay for five minutes: failed"
    assert all(any(each in line for line in lines) for each in said), ran.err
    assert lines[-1] == "1 test, 1 failed"


def test_json_tells_each_test(gpu_monitor: Commands, tmp_path: Path) -> None:
    path = a_file(tmp_path, STATE="pending")
    ran = gpu_monitor("rules", "test", path, "--json")
    assert ran.status == 1
    (told,) = ran.json()
    assert (told["file"], told["line"], told["passed"]) == (str(path), 3, False)
    assert [(each["line"], each["what"]) for each in told["differences"]] == [(9, "alerts at 5m")]


def test_every_mistake_in_every_file_is_told_with_its_position(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    path = a_file(tmp_path, PRICE="0.35y5", POLLS="okk", STATE="fires")
    ran = gpu_monitor("rules", "test", path, tmp_path / "none.yaml")
    assert ran.status == 2
    assert f"{path}:6:48: tests[0].offers[0].price: '0.35y5' is not a value over time" in ran.err
    assert f"{path}:7:12: tests[0].polls: 'okk' is no outcome" in ran.err
    assert f"{path}:9:51: tests[0].alerts[0].expect[0].state: must be one of" in ran.err
    assert f"{tmp_path / 'none.yaml'}:1:1: file: cannot be read" in ran.err


def test_half_a_gpu_and_polls_years_apart_are_mistakes(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    path = a_file(tmp_path, COUNT="0.5")
    path.write_text(f"interval: 50y\n{path.read_text()}", encoding="utf-8")
    ran = gpu_monitor("rules", "test", path)
    assert ran.status == 2
    assert "interval: must be at most 7 d" in ran.err
    assert "available: 0.5 is not a whole number of GPUs" in ran.err


def test_a_rule_that_does_not_exist_is_a_mistake(gpu_monitor: Commands, tmp_path: Path) -> None:
    path = a_file(tmp_path)
    path.write_text(path.read_text().replace("any-4090", "any-4091"), encoding="utf-8")
    ran = gpu_monitor("rules", "test", path)
    assert ran.status == 2
    assert f"{path}:4:12: tests[0].rules[0]: there is no such rule; did you mean" in ran.err


BUYS = """\
tests:
  - name: one is bought
    rules: h100-under-2.20
    offers:
      - {gpu: h100-sxm5-80gb, price: 2.10x2}
    grabs: [GRABS]
"""
BOUGHT = "{at: 0s, rule: h100-under-2.20, status: dry_run, hostnode: hn-1, quoted: 2.262}"
H100 = "rule h100-under-2.20"
FOUND = "hostnode hn-1, gpu h100-sxm5-80gb, quoted 2.262"
FULL = "1 of 1 instances of the rule"
REFUSED = "{at: 1m, rule: h100-under-2.20, status: refused, reason: over_instances}"


def a_purchase(folder: Path, grabs: str) -> Path:
    path = folder / "some.yaml"
    path.write_text(HEAD + BUYS.replace("GRABS", grabs), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("grabs", "said"),
    [
        (f"{BOUGHT}, {REFUSED}", []),
        (
            REFUSED,
            [f"+ at 0s, {H100}, status dry_run, reason would_buy, {FOUND}"],
        ),
        (
            BOUGHT,
            [f"+ at 1m, {H100}, status refused, reason over_instances ({FULL})"],
        ),
        (
            f"{BOUGHT.replace('2.262', '2.1')}, {REFUSED}",
            [
                "- at 0s, rule h100-under-2.20, status dry_run, hostnode hn-1, quoted 2.10",
                "+ at 0s, rule h100-under-2.20, status dry_run, hostnode hn-1, quoted 2.262",
            ],
        ),
    ],
)
def test_grabs_are_compared_with_what_the_policy_decides(
    gpu_monitor: Commands, tmp_path: Path, grabs: str, said: list[str]
) -> None:
    ran = gpu_monitor("rules", "test", a_purchase(tmp_path, grabs))
    assert ran.status == bool(said)
    assert [line.strip() for line in ran.err.splitlines() if line.startswith("    ")] == said


def test_a_grab_of_a_rule_that_buys_nothing_is_a_mistake(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    path = a_purchase(tmp_path, BOUGHT.replace("h100-under-2.20", "any-4090"))
    ran = gpu_monitor("rules", "test", path)
    assert ran.status == 2
    assert f"{path}:7:28: tests[0].grabs[0].rule: this rule has no `grab`" in ran.err
