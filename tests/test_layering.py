"""The laws of docs/architecture.md about who may import whom, held by walking the imports.

Each law is data at the top; `violations` reads one file's source against all of them, so that the
same function is tried on small bad examples below.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((*ROOT.glob("monitor/**/*.py"), *ROOT.glob("alembic/**/*.py")))

CORE = {"alerting", "grab", "rules", "history", "market", "errors"}
EDGES = {"marketplaces", "store", "delivery", "provision", "web"}
VERSION = "monitor"  # `from monitor import __version__`

MAY_IMPORT: Mapping[str, set[str]] = {
    "__main__": {"cli", "errors"},
    "cli": {
        *{"app", "setup", "simulator", "cycle", "config", "log", "clock", "listening", VERSION},
        *{"backtest", "letter", "plan", "plots"},
        *EDGES,
        *CORE,
    },
    "app": {"jobs", "setup", "scheduler", "config", "clock", VERSION, *EDGES, *CORE},
    "jobs": {
        *{"setup", "reporting", "cycle", "telling", "ledger", "plan", "scheduler"},
        *{"config", "clock"},
        *EDGES,
        *CORE,
    },
    "setup": {"plan", "config", VERSION, *EDGES, *CORE},
    "simulator": {"config", "marketplaces", "clock", "listening", "market", "errors"},
    "reporting": {"cycle", "letter", *CORE},
    "cycle": {"telling", "ledger", "letter", "plan", *CORE},
    "backtest": {"cycle", "telling", "ledger", "letter", "plan", *CORE},
    "telling": {"ledger", "letter", "plan", *CORE},
    "ledger": {"letter", *CORE},
    "letter": {"plan", *CORE},
    "plan": CORE,
    "scheduler": {"errors"},
    "listening": {"errors"},
    "marketplaces": {"clock", "market", "errors"},  # it measures and pauses its own requests
    "store": {"ledger", "letter", *CORE},
    "delivery": CORE,
    "web": {"listening", *CORE},
    "log": {"config"},  # its Redactor
    "config": CORE,
    "alerting": {"rules", "history", "market", "errors"},
    "grab": {"rules", "market", "errors"},
    "provision": CORE,
    "rules": {"history", "market", "errors"},
    "history": {"market", "errors"},
    "plots": {"history", "market", "errors"},
    "market": {"errors"},
    "errors": set(),
    "clock": set(),
    VERSION: set(),
    "alembic": {"store"},
}

HOMES: Mapping[str, set[str]] = {
    "httpx": {"marketplaces"},
    "msgspec": {"marketplaces", "simulator"},
    "sqlalchemy": {"store", "alembic"},
    "alembic": {"store", "alembic"},
    "sqlite3": {"store"},
    "apprise": {"delivery"},
    "requests": {"delivery"},  # what Apprise sends with, and Alertmanagers are told with
    "urllib3": {"delivery"},  # likewise
    "apscheduler": {"scheduler"},
    "prometheus_client": {"web"},
    "fastapi": {"web", "simulator"},
    "starlette": {"web", "simulator"},
    "uvicorn": {"web", "simulator"},
    "yaml": {"config"},
    "pydantic": {"config", "simulator"},
    "pydantic_core": {"config", "simulator"},
    "annotated_types": {"config"},
    "typer": {"cli"},
    "rich": {"cli"},
    "matplotlib": {"plots"},
    "jinja2": {"alerting"},  # in its sandbox a template reaches nothing, so it stays pure
    "structlog": {"log", "app", "jobs", "reporting", "scheduler", *EDGES},
}

PURE = {"market", "history", "rules", "alerting", "grab", "backtest"}
PURE_MAY_USE = {
    *{"collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools"},
    *{
        "bisect",
        "contextlib",
        "fnmatch",
        "hashlib",
        "heapq",
        "html",
        "itertools",
        "math",
        "operator",
    },
    "re",
    *{"statistics", "string", "textwrap", "types", "typing", "unicodedata"},
}

ASKS_THE_TIME = {
    *{"datetime.now", "datetime.utcnow", "datetime.today", "date.today"},
    *{f"time.{name}" for name in ("time", "monotonic", "perf_counter", "localtime", "gmtime")},
    *{f"time.{name}_ns" for name in ("time", "monotonic", "perf_counter")},
}

EXCEPTIONS: Mapping[tuple[str, str], str] = {}
"""Each with its reason; one that is no longer needed must go."""


def violations(path: str, source: str) -> Iterator[str]:
    """Yield each law that `source` breaks as the file `path`, relative to the checkout."""
    part = _part(path)
    tree = ast.parse(source)
    for name in _imported(tree):
        yield from _import_violations(part, name)
    if part != "clock":
        yield from (f"only clock.py calls {name}" for name in _times_asked(tree))


def _part(path: str) -> str:
    """Return what of the program a file belongs to: `monitor/store/x.py` to `store`."""
    top, below = path.split("/", 1)
    if top == "alembic":
        return top
    part = below.split("/")[0].removesuffix(".py")
    return VERSION if part == "__init__" else part


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of all that is imported; a relative import as its dots and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _import_violations(part: str, name: str) -> Iterator[str]:
    top, *below = name.split(".")
    if not top:
        yield "imports go by full names"
    elif top == "monitor":
        target = below[0] if below and below[0] in MAY_IMPORT else VERSION
        if target not in {part, *MAY_IMPORT[part]}:
            yield f"{part} may not import {target}"
    elif part in PURE:
        if top not in PURE_MAY_USE and part not in HOMES.get(top, set()):
            yield f"{part} is pure and may not use {top}"
    elif top in HOMES:
        if part not in HOMES[top]:
            yield f"{top} has its home in {', '.join(sorted(HOMES[top]))}"
    elif top not in sys.stdlib_module_names:
        yield f"{top} has no home"


def _times_asked(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = ".".join(ast.unparse(node).split(".")[-2:])
            if name in ASKS_THE_TIME:
                yield name
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            names = (f"time.{alias.name}" for alias in node.names)
            yield from (name for name in names if name in ASKS_THE_TIME)


def _found() -> set[tuple[str, str]]:
    return {
        (path, broken)
        for path, source in (
            (file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
            for file in SOURCES
        )
        for broken in violations(path, source)
    }


def test_the_program_keeps_every_law() -> None:
    assert sorted(_found() - EXCEPTIONS.keys()) == []


def test_every_exception_is_still_needed() -> None:
    assert sorted(EXCEPTIONS.keys() - _found()) == []


def test_the_table_names_every_part_of_the_program() -> None:
    parts = {_part(file.relative_to(ROOT).as_posix()) for file in SOURCES}
    assert parts == MAY_IMPORT.keys()


def test_no_part_may_import_one_that_leads_back_to_it() -> None:
    TopologicalSorter(MAY_IMPORT).prepare()


def test_the_edges_never_meet() -> None:
    assert not {(edge, other) for edge in EDGES for other in EDGES & MAY_IMPORT[edge]}


def test_only_those_who_build_and_those_who_ask_see_the_configuration() -> None:
    seeing = {part for part, targets in MAY_IMPORT.items() if "config" in targets}
    assert seeing == {"cli", "app", "jobs", "setup", "simulator", "log"}


def test_the_folder_of_migrations_does_not_shadow_the_library() -> None:
    assert not list(ROOT.glob("alembic/**/__init__.py"))


@pytest.mark.parametrize(
    ("path", "source", "broken"),
    [
        ("monitor/rules/x.py", "from monitor.store import alerts", "rules may not import store"),
        ("monitor/market/x.py", "import monitor.rules.rule", "market may not import rules"),
        ("monitor/store/x.py", "from monitor.web import metrics", "store may not import web"),
        (
            "monitor/web/x.py",
            "from monitor.config.model import Config",
            "web may not import config",
        ),
        ("monitor/cycle.py", "from monitor.store.ledger import X", "cycle may not import store"),
        ("monitor/errors.py", "from monitor import __version__", "errors may not import monitor"),
        (
            "monitor/store/x.py",
            "from . import y",
            "imports go by full names",
        ),
        ("monitor/rules/x.py", "import structlog", "rules is pure and may not use structlog"),
        ("monitor/alerting/x.py", "import socket", "alerting is pure and may not use socket"),
        ("monitor/market/x.py", "from monitor.clock import utc_now", "market may not import clock"),
        ("monitor/web/x.py", "import httpx", "httpx has its home in marketplaces"),
        ("monitor/web/x.py", "def f():\n    import yaml", "yaml has its home in config"),
        ("monitor/store/x.py", "from numpy import array", "numpy has no home"),
        ("monitor/cycle.py", "at = datetime.now(UTC)", "only clock.py calls datetime.now"),
        ("monitor/cycle.py", "at = datetime.datetime.now()", "only clock.py calls datetime.now"),
        ("monitor/app.py", "def f(clock=time.time): ...", "only clock.py calls time.time"),
        ("monitor/app.py", "from time import monotonic", "only clock.py calls time.monotonic"),
        ("alembic/env.py", "from monitor.app import Monitor", "alembic may not import app"),
    ],
)
def test_a_file_that_breaks_a_law_is_found(path: str, source: str, broken: str) -> None:
    assert list(violations(path, source)) == [broken]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("monitor/clock.py", "import time\nat = time.monotonic()"),
        ("monitor/store/x.py", "from monitor.store.engine import Database\nimport sqlite3"),
        ("monitor/store/x.py", "from monitor.rules.alert import Alert"),
        ("monitor/marketplaces/x.py", "import time\nfrom datetime import datetime\ntime.sleep(1)"),
        ("alembic/versions/1.py", "import sqlalchemy as sa\nfrom alembic import op"),
    ],
)
def test_a_file_that_keeps_the_laws_is_left_alone(path: str, source: str) -> None:
    assert list(violations(path, source)) == []
