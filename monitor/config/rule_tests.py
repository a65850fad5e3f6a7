"""A file of unit tests of rules: offers over time, and what must come of them.

In the spirit of promtool's: `docs/rules-test.md` has every key. A file is checked whole, with the
position of each mistake, as the configuration is.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ValidationError

from monitor.alerting.notice import NotifyReason
from monitor.config.document import Document, read_document
from monitor.config.load import read_text
from monitor.config.model import Table
from monitor.config.names import did_you_mean
from monitor.config.schema import schema_problems
from monitor.config.syntax import unreadable
from monitor.config.values import Dollars, Duration, Percentage, Some, SomeTime, Text, Texts, Whole
from monitor.errors import ConfigError, Problem
from monitor.grab.reasons import Cause
from monitor.market.money import NanoDollars
from monitor.market.series import numbers, words
from monitor.market.snapshot import Outcome


def _outcomes(value: object) -> object:
    found = words(str(value))
    known = [outcome.value for outcome in Outcome]
    for word in found:
        if word is not None and word not in known:
            hint = did_you_mean(word, known)
            raise ValueError(f"{word!r} is no outcome; there are {', '.join(known)}{hint}")
    return tuple(None if word is None else Outcome(word) for word in found)


def _counts(value: object) -> object:
    found = numbers(str(value))
    for each in found:
        if each is not None and each != each.to_integral_value():
            raise ValueError(f"{each} is not a whole number of GPUs")
    return found


def _often(value: timedelta) -> timedelta:
    if value > LONGEST_INTERVAL:
        raise ValueError(f"must be at most {LONGEST_INTERVAL.days} d")
    return value


LONGEST_INTERVAL = timedelta(days=7)
"""Between the polls of a test; so its times can be reckoned however many there are."""
Numbers = Annotated[tuple[Decimal | None, ...], BeforeValidator(lambda value: numbers(str(value)))]
Outcomes = Annotated[tuple[Outcome | None, ...], BeforeValidator(_outcomes)]
Counts = Annotated[tuple[Decimal | None, ...], BeforeValidator(_counts)]
ONE = (Decimal(1),)


class OfferSeries(Table):
    """An offer over time, a value for each poll; its price and its count end where they end.

    What is not said is what few rules object to. Prices are dollars per hour.
    """

    gpu: Text
    hostnode: Text = "hn-1"
    price: Numbers
    available: Counts = ONE
    country: Text | None = "United States"
    state: Text | None = None
    city: Text | None = None
    location: Text | None = "loc-1"
    organization: Text | None = None
    engine: Text | None = None
    tier: Whole | None = 4
    uptime: Percentage | None = 99.9
    network_gbps: Whole | None = 10
    vcpu_count: Whole = 128
    ram_gb: Whole = 1024
    storage_gb: Whole = 10_000
    per_vcpu: Dollars = NanoDollars(3_000_000)
    per_gb_ram: Dollars = NanoDollars(2_000_000)
    per_gb_storage: Dollars = NanoDollars(50_000)


class ExpectedAlert(Table):
    """An alert that must be there; what is not said does not matter."""

    rule: Text
    state: Literal["pending", "firing"]
    gpu: Text | None = None
    location: Text | None = None
    hostnode: Text | None = None
    value: Dollars | None = None


class AlertsAt(Table):
    """All alerts of the tested rules at an instant: these, and no others."""

    at: Duration
    expect: tuple[ExpectedAlert, ...]


class ExpectedNotification(Table):
    """A notification; `title` is a glob, `to` the receivers."""

    at: Duration
    rule: Text
    reason: NotifyReason
    to: Texts | None = None
    title: Text | None = None


class ExpectedGrab(Table):
    """A purchase as a dry run decides it, or the refusal of one; `quoted` is of all parts."""

    at: Duration
    rule: Text
    status: Literal["dry_run", "refused"]
    reason: Cause | None = None
    hostnode: Text | None = None
    gpu: Text | None = None
    quoted: Dollars | None = None


class RuleTest(Table):
    """One test: a market of its own, and what must come of it.

    `rules` are those tested, all of the configuration if none is named. `polls` are outcomes, one
    for each instant; `_` is none, for the program was down.
    """

    name: Text
    rules: Texts = ()
    offers: Annotated[tuple[OfferSeries, ...], Some]
    polls: Outcomes | None = None
    alerts: tuple[AlertsAt, ...] = ()
    notifications: tuple[ExpectedNotification, ...] | None = None
    grabs: tuple[ExpectedGrab, ...] | None = None


class RuleTests(Table):
    """A file of tests; the path of `config` starts at the file's folder."""

    config: Text
    interval: Annotated[SomeTime, AfterValidator(_often)] = timedelta(minutes=1)
    tests: Annotated[tuple[RuleTest, ...], Some]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTestFile:
    """A file of tests that was read, and where in it things stand."""

    path: Path
    content: RuleTests
    document: Document

    @property
    def config(self) -> Path:
        """The configuration whose rules are tested."""
        return self.path.parent / self.content.config

    def line(self, test: int, *place: str | int) -> int:
        """Return the line on which something of a test stands."""
        return self.document.values["tests", test, *place].line


def load_rule_tests(path: Path) -> RuleTestFile:
    """Return the tests in the file `path`.

    Raises:
        ConfigError: with every mistake in it, in file order.
    """
    document = read_document(str(path), read_text(path), {})
    if document.root is None:
        raise unreadable(str(path), "is empty")
    try:
        content = RuleTests.model_validate(document.root)
    except ValidationError as error:
        document.problems += schema_problems(document, error, RuleTests)
    else:
        if not document.problems:
            return RuleTestFile(path=path, content=content, document=document)
    raise ConfigError(_sorted(document.problems))


def check_rules(file: RuleTestFile, known: Collection[str], buying: Collection[str]) -> None:
    """Check that every rule that is named is one of `known`, and of `buying` where it must buy.

    Raises:
        ConfigError: with every one that is not.
    """
    problems = [
        file.document.problem(place, f"there is no such rule{did_you_mean(name, known)}")
        for place, name in (*_named(file.content), *_buying(file.content))
        if name not in known
    ]
    problems += [
        file.document.problem(place, "this rule has no `grab`, so it decides none")
        for place, name in _buying(file.content)
        if name in known and name not in buying
    ]
    if problems:
        raise ConfigError(_sorted(problems))


def _named(content: RuleTests) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the name of each rule that is named, and where."""
    for number, test in enumerate(content.tests):
        here = ("tests", number)
        yield from (((*here, "rules", i), name) for i, name in enumerate(test.rules))
        for i, look in enumerate(test.alerts):
            for j, alert in enumerate(look.expect):
                yield (*here, "alerts", i, "expect", j, "rule"), alert.rule
        for i, told in enumerate(test.notifications or ()):
            yield (*here, "notifications", i, "rule"), told.rule


def _buying(content: RuleTests) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield likewise the name of each rule of which a grab is expected."""
    for number, test in enumerate(content.tests):
        for i, grab in enumerate(test.grabs or ()):
            yield ("tests", number, "grabs", i, "rule"), grab.rule


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda each: (each.line, each.column)))
