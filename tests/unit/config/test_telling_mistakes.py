"""What can be wrong about when and how is told: each with its place in the file."""

from collections.abc import Callable

import pytest

MISTAKES = [
    ("quiet_hours: {from: 25:00, to: 7:00, tz: UTC}", "must be a time of day"),
    ("quiet_hours: {from: 22:00, to: 22:00, tz: UTC}", "to: is `from`"),
    ("quiet_hours: {from: 22:00, to: 7:00, tz: Europe/Berlim}", "did you mean `Europe/Berlin`?"),
    ("quiet_hours: {from: 22:00, to: 7:00, tz: ../etc}", "must be a time zone such as"),
    ("quiet_hours: {from: 22:00, to: 7:00}", "tz: is missing"),
    ("quiet_hours: {from: 22:00, to: 7:00, tz: UTC, days: [mon, tues]}", "did you mean `tue`?"),
    ("quiet_hours: {from: 22:00, to: 7:00, tz: UTC, then: wait}", "must be one of hold, drop"),
    ("quiet_hours: {from: 22:00, to: 7:00, tz: UTC, urgent: [high]}", "must be one of info"),
    ("escalate: {after: 0s, notify: chat}", "must be longer than 0s"),
    ("escalate: {after: 5m, notify: [chatt]}", "notify[0]: there is no `chatt` among the rec"),
    ("escalate: {after: 5m, notify: []}", "must not be an empty list"),
    ("group_by: [rule, city]", "group_by[1]: must be one of rule, marketplace"),
    ("max_repeats: -1", "must be at least 0"),
    ('templates: {title: "{{ rulee }}"}', "title: line 1: there is no rulee"),
    ('templates: {title: "a\\nb"}', "must be one line"),
    ("templates: {body: '{{ range(9) }}'}", "body: line 1: nothing can be called"),
]


@pytest.mark.parametrize(("key", "wrong"), MISTAKES)
@pytest.mark.parametrize("where", ["notifications", "rules[0]"])
def test_a_mistake_is_told_with_its_place(
    mistakes: Callable[[str], list[str]], key: str, wrong: str, where: str
) -> None:
    text = f"receivers:\n  - {{name: chat, urls: a://b}}\nnotifications:\n  {key}\n"
    if where == "rules[0]":
        text = (
            "receivers:\n  - {name: chat, urls: a://b}\n"
            f"rules:\n  - name: r\n    match: {{}}\n    {key}\n"
        )
    (told,) = mistakes(text)
    assert f": {where}." in told
    assert wrong in told
