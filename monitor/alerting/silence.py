"""Silences: matchers that keep the alerts they fit from being told for a while, as Alertmanager's.

A regular expression is compared with the whole value (anchored), and is of a bounded kind, for
what it is compared with comes from outside: without look-around, references and repeats of
groups, and with few repeats and choices, its cost stays small whatever it meets.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NewType

from monitor.market.value import value
from monitor.rules.alert import Labels, RuleName, Severity

SilenceId = NewType("SilenceId", int)

LONGEST_PATTERN = 200
LONGEST_VALUE = 100
"""Longer values fit no regular expression."""
_MOST_REPEATS = 3
_MOST_CHOICES = 5
"""In each of the expression's alternatives: a repeat makes the worst case longer by a factor of
the value's length, a choice inside by a factor of two."""


class MatchOperator(StrEnum):
    """How a matcher compares; the regular ones are anchored at both ends."""

    EQUAL = "="
    NOT_EQUAL = "!="
    FITS = "=~"
    FITS_NOT = "!~"


MATCHED_LABELS = ("rule", "gpu", "marketplace", "location", "hostnode", "severity")
"""What can be matched on. A label that an alert does not have counts as empty."""


@value
class Matcher:
    """One condition on one label."""

    label: str
    operator: MatchOperator
    value: str

    def __str__(self) -> str:
        return f'{self.label}{self.operator.value}"{self.value}"'

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Return whether an alert with these labels meets the condition."""
        found = labels.get(self.label, "")
        match self.operator:
            case MatchOperator.EQUAL:
                return found == self.value
            case MatchOperator.NOT_EQUAL:
                return found != self.value
            case MatchOperator.FITS:
                return self._fits_pattern(found)
            case MatchOperator.FITS_NOT:
                return not self._fits_pattern(found)

    def _fits_pattern(self, found: str) -> bool:
        return len(found) <= LONGEST_VALUE and re.fullmatch(self.value, found) is not None


@value
class NewSilence:
    """A silence that has no id yet: whose alerts are not told from `starts_at` until `ends_at`."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str

    def is_active(self, now: datetime) -> bool:
        """Return whether the silence counts at `now`."""
        return self.starts_at <= now < self.ends_at

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Return whether an alert with these labels is silenced while the silence is active."""
        return all(matcher.fits(labels) for matcher in self.matchers)


@value
class Silence(NewSilence):
    """A silence as it is kept."""

    id: SilenceId


def matched_labels(rule: RuleName, labels: Labels, severity: Severity) -> dict[str, str]:
    """Return what matchers see of an alert."""
    return {**dict(labels), "rule": rule, "severity": severity.value}


def silenced_until(silences: Iterable[Silence], labels: Mapping[str, str]) -> datetime | None:
    """Return until when at least the active `silences` cover an alert, or `None`."""
    return max((each.ends_at for each in silences if each.covers(labels)), default=None)


_MATCHER = re.compile(r"\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)


def read_matcher(text: str) -> Matcher:
    """Read `gpu=~"h100-.*"`; the quotes may be left out.

    Raises:
        ValueError: with a sentence.
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError("a matcher is written like rule=NAME, gpu=~'h100-.*' or severity!=info")
    label, operator, value = found.groups()
    if label not in MATCHED_LABELS:
        raise ValueError(f"there is no label {label}; there are {', '.join(MATCHED_LABELS)}")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if not value.isprintable() or len(value) > LONGEST_PATTERN:
        raise ValueError(f"a value is one line of at most {LONGEST_PATTERN} printable characters")
    matcher = Matcher(label=label, operator=MatchOperator(operator), value=value)
    if "~" in operator:
        _check_pattern(value)
    return matcher


_ESCAPED = r"\\[^0-9ABbZzkgpPNuUx]"
_CLASS = rf"\[\^?(?:{_ESCAPED}|(?!--|&&|~~|\|\|)[^\]\\\[])+\]"
_ATOM = rf"(?:{_ESCAPED}|{_CLASS}|[^\\\[\](){{}}*+?|])"
_TOKEN = re.compile(
    rf"(?P<repeat>{_ATOM}(?:[*+]|\{{\d{{0,3}},\d{{0,3}}\}})\??)"
    rf"|(?P<choice>{_ATOM}\?\??|\)\?\??|\|)"
    rf"|(?P<atom>{_ATOM}(?:\{{\d{{1,3}}\}})?)|(?P<open>\((?:\?:)?)|(?P<close>\)(?![*+{{]))"
)


def _check_pattern(pattern: str) -> None:
    """Refuse a regular expression that is wrong, or may take long."""
    at = depth = repeats = choices = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(
                f"{pattern} holds what a matcher's expression may not, at character {at + 1}: "
                "there may be characters, classes, groups, |, ? and repeats of one character"
            )
        depth += {"open": 1, "close": -1}.get(str(token.lastgroup), -token[0].startswith(")"))
        if token[0] == "|" and depth == 0:
            repeats = choices = 0
        else:
            repeats += token.lastgroup == "repeat"
            choices += token.lastgroup == "choice"
        if repeats > _MOST_REPEATS or choices > _MOST_CHOICES:
            raise ValueError(
                f"{pattern} has too many repeats or choices: at most {_MOST_REPEATS} such as .* "
                f"and {_MOST_CHOICES} such as ? or | in groups, in each alternative"
            )
        at = token.end()
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise ValueError(f"{pattern} is not a regular expression: {error}") from None
