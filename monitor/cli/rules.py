"""`rules`: unit tests of rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.backtest.expect import DETAIL, TOGETHER, Facts, differences
from monitor.backtest.memory import MemoryLedger
from monitor.backtest.run import Backtest
from monitor.cli.common import AsJson, count, err, print_json
from monitor.config.durations import show_duration
from monitor.config.load import load
from monitor.config.rule_test_market import START, polls
from monitor.config.rule_tests import (
    ExpectedAlert,
    ExpectedGrab,
    ExpectedNotification,
    RuleTest,
    RuleTestFile,
    check_rules,
    load_rule_tests,
)
from monitor.errors import ConfigError, Problem
from monitor.grab.grab import Grab, GrabStatus
from monitor.market.money import NanoDollars, show
from monitor.market.snapshot import Poll
from monitor.plan import Plan
from monitor.rules.alert import Alert, RuleName
from monitor.setup import set_up

app = typer.Typer(help="Try rules out before trusting them.", no_args_is_help=True)

_INSTANT = timedelta(microseconds=1)


@app.callback()
def _rules() -> None:
    """Keep `test` a word of its own though it is the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What was expected on a line of a test, and did not come."""

    line: int
    what: str
    lines: tuple[str, ...]


@app.command("test")
def try_out(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of tests, YAML.")],
    as_json: AsJson = False,
) -> None:
    """Test rules: offers over time in, what must come of them out."""
    ran = [(file, number, failures) for file in _read(files) for number, failures in _run(file)]
    failed = [each for each in ran if each[2]]
    if as_json:
        print_json([_json(*each) for each in ran])
    for file, number, failures in failed:
        _tell(file, number, failures)
    err.print(f"{count(len(ran), 'test')}, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


class _Unset(dict[str, str]):
    """An environment in which every variable has a value: tests of rules need no secrets."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "unset"

    def get(self, name: str, default: Any = None) -> Any:
        """Return nothing where nothing is the default: `${NAME:-default}` then takes its own."""
        return None if default is None else self[name]


def _read(paths: Sequence[Path]) -> list[RuleTestFile]:
    """Read all files; every mistake in any of them is told at once."""
    files: list[RuleTestFile] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            files.append(load_rule_tests(path))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(problems))
    return files


def _run(file: RuleTestFile) -> Iterator[tuple[int, list[Failure]]]:
    setup = set_up(load(file.config, _Unset()))
    setup.close()
    check_rules(file, setup.plan.rules, setup.buying.wishes)
    marketplace = next(iter(setup.marketplaces))
    for number, case in enumerate(file.content.tests):
        run = Backtest(
            _tested(setup.plan, case),
            marketplace,
            interval=file.content.interval,
            buying=setup.buying,
        )
        left = list(polls(case, marketplace, file.content.interval))
        yield number, [*_alerts_at(file, number, run, left), *_of_all(file, number, run, left)]


def _tested(plan: Plan, case: RuleTest) -> Plan:
    if not case.rules:
        return plan
    wanted = set(map(RuleName, case.rules))
    return replace(plan, rules={name: plan.rules[name] for name in plan.rules if name in wanted})


def _alerts_at(
    file: RuleTestFile, number: int, run: Backtest, left: list[Poll]
) -> Iterator[Failure]:
    """Live through `left` as far as the alerts of an instant are expected; the rest is left."""
    looks = sorted(enumerate(file.content.tests[number].alerts), key=lambda pair: pair[1].at)
    for index, look in looks:
        until = START + look.at
        run.feed(poll for poll in left if poll.at <= until)
        left[:] = [poll for poll in left if poll.at > until]
        run.wait_until(until + _INSTANT)
        lines = differences([_expected_alert(each) for each in look.expect], _alerts(run.ledger))
        if lines:
            line = file.line(number, "alerts", index)
            yield Failure(line=line, what=f"alerts at {show_duration(look.at)}", lines=tuple(lines))


def _of_all(
    file: RuleTestFile, number: int, run: Backtest, left: Sequence[Poll]
) -> Iterator[Failure]:
    """Live through what is `left`, and compare what is expected of the test as a whole."""
    case = file.content.tests[number]
    run.feed(left)
    if case.notifications is not None:
        last = max((each.at for each in case.notifications), default=timedelta(0))
        run.wait_until(START + last + _INSTANT)
        expected = [_expected_notification(each) for each in case.notifications]
        yield from _compared(file, number, "notifications", expected, _notifications(run.ledger))
    if case.grabs is not None and run.purchases is not None:
        found = [_grab(each) for each in run.purchases.grabs]
        yield from _compared(file, number, "grabs", map(_expected_grab, case.grabs), found)


def _compared(
    file: RuleTestFile, number: int, what: str, expected: Iterable[Facts], found: Sequence[Facts]
) -> Iterator[Failure]:
    lines = differences(list(expected), found)
    if lines:
        yield Failure(line=file.line(number, what), what=what, lines=tuple(lines))


def _expected_alert(each: ExpectedAlert) -> Facts:
    facts = {
        "rule": each.rule,
        "state": each.state,
        "gpu": each.gpu,
        "location": each.location,
        "hostnode": each.hostnode,
        "value": _dollars(each.value),
    }
    return _told(facts)


def _alerts(ledger: MemoryLedger) -> list[Facts]:
    active = sorted(ledger.alerts().values(), key=lambda alert: (alert.rule, alert.labels))
    return [_alert(each) for each in active]


def _alert(alert: Alert) -> Facts:
    labels = {name: value for name, value in alert.labels if name != "marketplace"}
    facts = {"rule": alert.rule, "state": alert.state.value, **labels}
    return _told({**facts, "value": _dollars(alert.value)})


def _expected_notification(each: ExpectedNotification) -> Facts:
    facts = {
        "at": show_duration(each.at),
        "rule": each.rule,
        "reason": each.reason.value,
        "to": None if each.to is None else ", ".join(sorted(each.to)),
        "title": each.title,
    }
    return _told(facts)


def _notifications(ledger: MemoryLedger) -> list[Facts]:
    """Return what was told, once for all receivers of it."""
    told: dict[tuple[str, str, str, str], list[str]] = {}
    for at, draft in ledger.queued:
        rules = TOGETHER.join(draft.rules)
        key = (show_duration(at - START), rules, draft.reason.value, draft.title)
        told.setdefault(key, []).append(draft.receiver)
    return [
        {"at": at, "rule": rule, "reason": reason, "to": ", ".join(sorted(to)), "title": title}
        for (at, rule, reason, title), to in told.items()
    ]


def _expected_grab(each: ExpectedGrab) -> Facts:
    facts = {
        "at": show_duration(each.at),
        "rule": each.rule,
        "status": each.status,
        "reason": each.reason,
        "hostnode": each.hostnode,
        "gpu": each.gpu,
        "quoted": _dollars(each.quoted),
    }
    return _told(facts)


def _grab(each: Grab) -> Facts:
    cause, _, detail = each.reason.partition(": ")
    facts = {
        "at": show_duration(each.created_at - START),
        "rule": each.rule,
        "status": each.status.value,
        "reason": cause,
        "hostnode": each.hostnode,
        "gpu": each.gpu,
        "quoted": _dollars(each.quoted),
        DETAIL: detail if each.status is GrabStatus.REFUSED else None,
    }
    return _told(facts)


def _told(facts: dict[str, str | None]) -> dict[str, str]:
    return {name: fact for name, fact in facts.items() if fact is not None}


def _dollars(amount: NanoDollars | None) -> str | None:
    return None if amount is None else show(amount)


def _tell(file: RuleTestFile, number: int, failures: Sequence[Failure]) -> None:
    err.print(f"{file.path}:{file.line(number)}: {file.content.tests[number].name}: failed")
    for failure in failures:
        err.print(f"  {failure.what} ({file.path}:{failure.line})")
        for line in failure.lines:
            err.print(f"    {line}")


def _json(file: RuleTestFile, number: int, failures: Sequence[Failure]) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "line": file.line(number),
        "name": file.content.tests[number].name,
        "passed": not failures,
        "differences": [
            {"line": each.line, "what": each.what, "lines": list(each.lines)} for each in failures
        ],
    }
