"""Messages by templates: a small, bounded part of Jinja2, in its sandbox.

A template may show variables, choose and loop over what it is given. It calls nothing, defines
nothing and imports nothing, so that it cannot run for long or reach outside; that is checked when
it is read. What it makes is plain text, and is escaped for its destination as any other message.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.filters import do_round
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from monitor.alerting.formats import BODY_LENGTH, TITLE_LENGTH, clip
from monitor.alerting.notice import Message, Notice, TemplateTexts
from monitor.alerting.render import render
from monitor.alerting.samples import samples
from monitor.alerting.views import LISTS, MOST, VARIABLES, context
from monitor.errors import TemplateFailedError
from monitor.market.money import nano, show

LONGEST = 4_000
"""Characters of a template, and of what it makes before that is fitted to its destination."""
_DEEPEST_LOOP = 2
_MOST_STEPS = 100_000
"""Steps of a template where every list is full: some tenths of a second at worst."""
_FILTER_STEPS = 10
_MOST_DIGITS = 9
_LARGEST = 10.0**15
_UNKNOWN = "–"

_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple),
    *(nodes.Getattr, nodes.Getitem, nodes.List, nodes.For, nodes.If, nodes.CondExpr, nodes.Filter),
    *(nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Neg, nodes.Pos),
)
_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "dollars", "first", "float", "int", "join"),
    *("last", "length", "lower", "round", "title", "trim", "truncate", "upper"),
)
_TESTS = ("defined", "none", "undefined", "in", "eq", "ne", "lt", "le", "gt", "ge")


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, in which arithmetic is on numbers of a bounded size."""

    intercepted_binops = frozenset({"*", "+", "-", "/"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return the result; `"x" * 10**9` is refused."""
        for value in (left, right):
            if not isinstance(value, int | float) or abs(value) > _LARGEST:
                raise TemplateError(f"{operator} is for numbers, not for {_kind(value)}")
        return super().call_binop(context, operator, left, right)


def _kind(value: object) -> str:
    if value is None:
        return "what is not known: see `is none` and `default`"
    return "text" if isinstance(value, str) else "one like this"


def _dollars(value: object) -> str:
    if not isinstance(value, int | float):
        return _UNKNOWN
    return show(nano(value))


def _join(values: Iterable[object], between: str = ", ") -> str:
    if isinstance(values, str):
        raise TemplateError("join is for lists, not for text")
    made: list[str] = []
    length = 0
    for text in map(str, values):
        made.append(text)
        length += len(text)
        if length > LONGEST:
            break
    return between.join(made)[:LONGEST]


def _round(value: float, precision: object = 0, method: str = "common") -> float:
    if not isinstance(precision, int) or abs(precision) > _MOST_DIGITS:
        raise TemplateError(f"round is to {_MOST_DIGITS} digits at most")
    return do_round(value, precision, method)  # type: ignore[arg-type]  # it checks the method


def _make_environment() -> _Environment:
    made = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: _UNKNOWN if value is None else value,
    )
    filters: dict[str, Callable[..., Any]] = {
        name: each for name, each in made.filters.items() if name in _FILTERS
    }
    made.filters = {**filters, "dollars": _dollars, "join": _join, "round": _round}
    made.tests = {name: each for name, each in made.tests.items() if name in _TESTS}
    made.globals = {}
    return made


_ENVIRONMENT = _make_environment()


def wrong_with(text: str) -> str | None:
    """Return what is wrong with a template in a sentence, or `None`: it is tried on samples."""
    try:
        template = _compiled(text)
    except TemplateFailedError as error:
        return str(error)
    for notice in samples():
        try:
            _fill(template, context(notice, render(notice, now=notice.at), notice.at))
        except TemplateFailedError as error:
            return f"{error}, where the reason is `{notice.reason.value}`"
    return None


def render_by(
    texts: TemplateTexts, notice: Notice, message: Message, now: datetime
) -> tuple[Message, str]:
    """Return `notice` by templates, and why it is told plainly after all, if it is.

    `message` is the notice told plainly; it is told, with a word about why, if a template fails.
    """
    if texts.title is None and texts.body is None:
        return message, ""
    try:
        return _render(texts, context(notice, message, now), message), ""
    except TemplateFailedError as error:
        foot = f"\nThe template failed, so this is told plainly: {error}"
        room = BODY_LENGTH - len(foot)
        told = Message(
            title=message.title,
            body=clip(message.body, room) + foot,
            strong=message.strong,
            lead=message.lead,
        )
        return told, str(error)


def _render(texts: TemplateTexts, values: Mapping[str, object], plainly: Message) -> Message:
    title = plainly.title
    if texts.title is not None:
        title = clip(" ".join(_fill(_compiled(texts.title), values).split()), TITLE_LENGTH)
    if texts.body is None:
        return Message(title=title, body=plainly.body, strong=plainly.strong, lead=plainly.lead)
    lines = _fill(_compiled(texts.body), values).strip().split("\n")
    body = clip("\n".join(map(_line, lines)), BODY_LENGTH)
    if not title or not body:
        raise TemplateFailedError("it says nothing")
    return Message(title=title, body=body)


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).rstrip()


def _fill(template: Template, values: Mapping[str, object]) -> str:
    """Return what the template makes of `values`, the first `LONGEST` characters of it."""
    made: list[str] = []
    length = 0
    with _failing():
        for part in template.generate(values):
            made.append(part)
            length += len(part)
            if length > LONGEST:
                break
    return "".join(made)[:LONGEST]


@contextlib.contextmanager
def _failing(*nested: type[Exception]) -> Iterator[None]:
    """Let whatever is raised be a failure of the template: Jinja's filters raise what they like.

    `nested` are the errors that come of what is nested too deeply.
    """
    try:
        yield
    except TemplateFailedError:
        raise
    except nested:
        raise TemplateFailedError("is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - a message must be told, whatever its template does
        raise TemplateFailedError(_sentence(error)) from None


@lru_cache(maxsize=1_000)
def _compiled(text: str) -> Template:
    if len(text) > LONGEST:
        raise TemplateFailedError(f"is longer than {LONGEST} characters")
    with _failing(RecursionError, OverflowError, SyntaxError, MemoryError):
        tree = _ENVIRONMENT.parse(text)
        for line, what in chain(_refused(tree, 0), _unknown(tree)):
            raise TemplateFailedError(f"line {line}: {what}")
        if _steps(tree) > _MOST_STEPS:
            raise TemplateFailedError("does too much in its loops")
        return _ENVIRONMENT.from_string(tree)


def _refused(node: nodes.Node, depth: int) -> Iterator[tuple[int, str]]:
    """Yield what a template may not hold, with its line."""
    if isinstance(node, nodes.For):
        depth += 1
        if depth > _DEEPEST_LOOP:
            yield node.lineno, f"loops may stand in {_DEEPEST_LOOP - 1} other at most"
        if node.recursive:
            yield node.lineno, "a loop may not be recursive"
        if not isinstance(node.iter, nodes.Name) or node.iter.name not in LISTS:
            yield node.lineno, f"a loop is over one of {', '.join(sorted(LISTS))}"
    if isinstance(node, nodes.Call):
        yield node.lineno, "nothing can be called; there are filters: " + ", ".join(_FILTERS)
    elif not isinstance(node, _ALLOWED):
        yield node.lineno, f"there may be no {type(node).__name__.lower()} here"
    elif isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        yield node.lineno, f"there is no filter {node.name}; there are {', '.join(_FILTERS)}"
    elif isinstance(node, nodes.Test) and node.name not in _TESTS:
        yield node.lineno, f"there is no test {node.name}; there are {', '.join(_TESTS)}"
    for child in node.iter_child_nodes():
        yield from _refused(child, depth)


def _steps(node: nodes.Node) -> int:
    """Return how much a template does at most: each part once for every turn of its loops."""
    own = _FILTER_STEPS if isinstance(node, nodes.Filter) else 1
    turns = MOST if isinstance(node, nodes.For) else 1
    return own + turns * sum(map(_steps, node.iter_child_nodes()))


def _unknown(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Yield the variables that there are not, each with its line."""
    unknown = find_undeclared_variables(tree) - VARIABLES
    for node in tree.find_all(nodes.Name):
        if node.name in unknown:
            yield node.lineno, f"there is no {node.name}; there are {', '.join(sorted(VARIABLES))}"


def _sentence(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    what = " ".join(str(error).split()) or type(error).__name__
    return f"line {line}: {what}" if line else what
