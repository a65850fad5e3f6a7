"""What pydantic found wrong, in words for the one who wrote the file."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from monitor.config.document import Document
from monitor.config.model import Config, ResourcesConfig, Table
from monitor.config.names import did_you_mean
from monitor.config.place import Place
from monitor.config.shape import keys_of, names_of, table_at
from monitor.config.values import Plain
from monitor.errors import Problem


def schema_problems(
    document: Document, error: ValidationError, root: type[Table] = Config
) -> Iterator[Problem]:
    """Yield a problem for each of pydantic's errors that has not been told yet.

    `root` is the kind of table that the file is.
    """
    for details in error.errors(include_url=False):
        place = details["loc"]
        unknown = details["type"] == "extra_forbidden"
        if unknown or place not in document.unread:
            yield document.problem(place, _sentence(details, root), at_key=unknown)


_EXPECTED = {
    "model_type": "a table (`key: value`)",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
}


_UNQUOTED = re.compile(r"[-+]?[0-9.]+|true|false|yes|no|on|off", re.IGNORECASE)
"""Texts that would be numbers or truth values without their quotes."""


def _sentence(details: ErrorDetails, root: type[Table]) -> str:
    kind, place, value = details["type"], details["loc"], details["input"]
    context = details.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return _unknown_key(place, root)
        case "missing":
            return _missing(place, root)
        case "literal_error" | "enum":
            return _one_of(value, re.findall(r"'([^']*)'", context["expected"]))
        case "greater_than_equal" | "less_than_equal":
            return "must be at " + (
                f"least {context['ge']}" if "ge" in context else f"most {context['le']}"
            )
        case _ if kind in _EXPECTED:
            return f"must be {_EXPECTED[kind]}, not {_kind(value)}"
        case _:
            return str(context.get("error", details["msg"]))


_KINDS = ((dict, "a table"), (list, "a list"), (bool, "true or false"), (type(None), "nothing"))


def _kind(value: Any) -> str:
    """Say what `value` is, without telling it."""
    typed = value.typed if isinstance(value, Plain) else value
    if isinstance(typed, str):
        return "text; leave out the quotes" if _UNQUOTED.fullmatch(typed) else "text"
    return next((name for kind, name in _KINDS if isinstance(typed, kind)), "this number")


def _unknown_key(place: Place, root: type[Table]) -> str:
    table, name = table_at(place[:-1], root), str(place[-1])
    if table is ResourcesConfig and name == "gpu_count":
        return "is not a key here: how many GPUs is told by `gpu_count` beside `resources`"
    allowed = names_of(table)
    hint = did_you_mean(name, allowed)
    return "is not a key" + (hint or f" here; there are {', '.join(allowed)}")


def _missing(place: Place, root: type[Table]) -> str:
    name = str(place[-1])
    secret = keys_of(table_at(place[:-1], root))[name].secret
    return "is missing" + (f"; give it or `{name}_file`" if secret else "")


def _one_of(value: Any, allowed: list[str]) -> str:
    if len(allowed) == 1:
        return f"must be {allowed[0]}, which is all there is so far"
    text = value if isinstance(value, str) else ""
    return f"must be one of {', '.join(allowed)}{did_you_mean(text, allowed)}"
