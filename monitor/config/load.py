"""From a file to a `Config`, or to every mistake in it at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from pydantic import ValidationError

from monitor.config.checks import check
from monitor.config.document import Document, read_document
from monitor.config.model import Config
from monitor.config.place import Finding, Place
from monitor.config.schema import schema_problems
from monitor.config.secret import Redactor
from monitor.config.secret_files import read_secret_files
from monitor.config.shape import keys_of, tables
from monitor.config.suspicions import suspicions
from monitor.config.syntax import not_utf8, unreadable
from monitor.errors import ConfigError, Problem

CheckUrl = Callable[[str], str | None]
"""Says what is wrong with a receiver's URL, or `None`."""


def load(path: Path, environ: Mapping[str, str], check_url: CheckUrl | None = None) -> Config:
    """Return the configuration in `path`, with what looks wrong in its `warnings`.

    `${NAME}` is taken from `environ`. Paths of secrets (`…_file`) start at the folder of `path`;
    all other paths in the configuration start at the working folder. Receivers' URLs are given
    to `check_url`, if there is one. Reads no network.

    Raises:
        ConfigError: with every mistake, in file order, and without any secret.
    """
    document = read_document(str(path), read_text(path), environ)
    if document.root is None:
        raise unreadable(str(path), "is empty")
    findings = [*read_secret_files(document, path.parent), *check(document.root)]
    findings += _bad_urls(document, check_url) if check_url else ()
    problems = [*document.problems, *(document.problem(*finding) for finding in findings)]
    try:
        config = Config.model_validate(document.root)
    except ValidationError as error:
        problems += schema_problems(document, error)
    else:
        if not problems:
            warnings = (document.problem(*finding) for finding in suspicions(config))
            return config.warned(_tidy(document, warnings))
    raise ConfigError(_tidy(document, problems))


def read_text(path: Path) -> str:
    """Return what the file `path` holds.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        what = "is a folder" if path.is_dir() else f"cannot be read: {error.strerror}"
        raise unreadable(str(path), what) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(str(path), content, error) from None


def _bad_urls(document: Document, check_url: CheckUrl) -> Iterator[Finding]:
    for place, secret in _raw_secrets(document):
        if (
            place[0] == "receivers"
            and place[2] == "urls"
            and secret.strip()
            and (wrong := check_url(secret))
        ):
            yield place, wrong


def _raw_secrets(document: Document) -> Iterator[tuple[Place, str]]:
    """Yield every text that stands where a secret does, whether it is a good one or not."""
    for place, table, raw in tables(document.root):
        for name in (name for name, key in keys_of(table).items() if key.secret):
            match raw.get(name):
                case str() as secret:
                    yield (*place, name), secret
                case list() as items:
                    yield from (
                        ((*place, name, index), secret)
                        for index, secret in enumerate(items)
                        if isinstance(secret, str)
                    )


def _tidy(document: Document, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems in file order, without any secret that stands in the file."""
    redact = Redactor(secret for _, secret in _raw_secrets(document))
    clean = {
        replace(problem, where=redact(problem.where), what=redact(problem.what))
        for problem in problems
    }
    return tuple(sorted(clean, key=attrgetter("line", "column", "where", "what")))
