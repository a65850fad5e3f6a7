"""What is wrong with a file that cannot be read at all, in words for the one who wrote it."""

import re

import yaml
from yaml.reader import ReaderError

from monitor.config.place import Position
from monitor.errors import ConfigError, Problem

_SENTENCES = (
    ("undefined alias", "a text that begins with `*` must be in quotes"),
    ("duplicate anchor", "a text that begins with `&` must be in quotes"),
    (r"tag handle|while (scanning|parsing) a tag", "a text that begins with `!` must be in quotes"),
    (r"'\\t' that cannot start", "there is a tab; YAML is indented with spaces"),
    ("cannot start any token|directive", "a text that begins with % @ or ` must be in quotes"),
    ("single document", "there is a second document (`---`); only one is read"),
    ("mapping values are not allowed", "a `:` too many, or the line above lacks one"),
    ("sequence entries are not allowed", "a list begins on a line of its own"),
    ("could not find expected ':'", "there is no `:` after this key, or quotes are not closed"),
    ("expected <block end>", "is indented otherwise than the lines that belong to it"),
    ("expected ',' or", "brackets or braces are not closed, or a comma is missing"),
    ("end of stream", "a quote is not closed"),
    ("escape", "an escape that does not exist; in single quotes a `\\` is only a `\\`"),
    ("block scalar", "after `|` or `>` the text begins on the next line"),
)
"""What PyYAML's words mean to the one who wrote the file; the first that fits counts."""


def unreadable(file: str, what: str) -> ConfigError:
    """Return the error for a file of which nothing can be read."""
    return ConfigError((_problem(file, Position(line=1, column=1), "file", what),))


def not_utf8(file: str, content: bytes, error: UnicodeDecodeError) -> ConfigError:
    """Return the error for a file that is not UTF-8, at the first byte that is not."""
    before = content[: error.start].decode("utf-8", "replace")
    return ConfigError((_problem(file, _end(before), "file", "is not UTF-8 from here on"),))


def not_yaml(file: str, text: str, error: Exception) -> ConfigError:
    """Return the error for a text that is not YAML, without any of the text."""
    match error:
        case ReaderError():
            position = _end(text[: error.position])
            what = f"the character U+{ord(text[error.position]):04X} is not allowed"
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
            position = Position(line=mark.line + 1, column=mark.column + 1)
            what = _sentence(text, mark.index, f"{error.context} {error.problem}")
        case _:
            position, what = Position(line=1, column=1), "a number or an escape is out of range"
    return ConfigError((_problem(file, position, "YAML", what),))


def _sentence(text: str, index: int, problem: str) -> str:
    """Return what to do about PyYAML's `problem`, which is not repeated: it may quote a secret."""
    if text[index - 1 : index + 1] == "${":
        return "${…} must be in quotes between brackets or braces"
    fitting = (sentence for telling, sentence in _SENTENCES if re.search(telling, problem))
    return next(fitting, "this cannot stand here")


def _end(text: str) -> Position:
    lines = text.split("\n")
    return Position(line=len(lines), column=len(lines[-1]) + 1)


def _problem(file: str, position: Position, where: str, what: str) -> Problem:
    return Problem(file=file, line=position.line, column=position.column, where=where, what=what)
