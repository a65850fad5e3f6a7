"""The difference between what was expected and what came."""

import pytest

from monitor.backtest.expect import TOGETHER, Facts, differences

FIRST = {"at": "5m", "rule": "a", "reason": "first", "title": "a: 2.10 $/h"}
LAST = {"at": "9m", "rule": "a", "reason": "resolved", "title": "resolved: a"}


@pytest.mark.parametrize(
    "expected",
    [
        [FIRST, LAST],
        [{"at": "5m"}, {"at": "9m"}],
        [{"reason": "resolved"}, {"reason": "first"}],
        [{"at": "5m", "title": "*2.10*"}, {"rule": "a"}],
    ],
)
def test_what_is_not_told_does_not_matter(expected: list[Facts]) -> None:
    assert differences(expected, [FIRST, LAST]) == []


def test_what_is_missing_and_what_is_too_much_stand_side_by_side() -> None:
    assert differences([{"at": "4m", "reason": "first"}, {"at": "9m"}], [FIRST, LAST]) == [
        "- at 4m, reason first",
        "+ at 5m, reason first",
    ]


def test_nothing_but_what_is_expected_may_come() -> None:
    assert differences([], [LAST]) == ["+ at 9m, rule a, reason resolved, title resolved: a"]
    assert differences([FIRST, FIRST], [FIRST]) == [
        "- at 5m, rule a, reason first, title a: 2.10 $/h"
    ]


def test_a_message_about_several_rules_is_expected_by_any_of_them() -> None:
    found = {"at": "5m", "rule": f"cheap{TOGETHER}dear"}
    for rule in ("cheap", "dear", f"cheap{TOGETHER}dear"):
        assert differences([{"at": "5m", "rule": rule}], [found]) == []
    assert differences([{"at": "5m", "rule": "che"}], [found]) != []
