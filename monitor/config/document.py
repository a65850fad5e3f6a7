"""From the text of a file to plain values, and where in the file each of them stands."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml

from monitor.config.environment import InterpolationError, interpolate
from monitor.config.place import Place, Position, show_place
from monitor.config.syntax import not_yaml, unreadable
from monitor.config.values import Plain, Typed
from monitor.errors import Problem

MOST_VALUES = 100_000
"""Aliases of aliases can make a small file expand without end; no configuration is this large."""

_TAG = "tag:yaml.org,2002:"
_TAGGED = "must not have a YAML tag (`!…`); a text that begins with `!` must be in quotes"
_SURROGATE = re.compile("[\ud800-\udfff]")
_RESOLVER = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_CONSTRUCT: Mapping[str, Callable[[yaml.constructor.SafeConstructor, yaml.ScalarNode], Typed]] = {
    f"{_TAG}int": yaml.constructor.SafeConstructor.construct_yaml_int,
    f"{_TAG}float": yaml.constructor.SafeConstructor.construct_yaml_float,
    f"{_TAG}bool": yaml.constructor.SafeConstructor.construct_yaml_bool,
}
_READABLE = {*_CONSTRUCT, *(_TAG + kind for kind in ("null", "str", "timestamp", "value", "merge"))}


class Unread:
    """Stands for a value that could not be read; what is wrong with it has been told already."""


UNREAD: Final = Unread()


@dataclass(slots=True, kw_only=True)
class Document:
    """A file as tables (`dict`), lists and texts, with the position of every key and value.

    `problems` are those found while reading; `unread` is where `UNREAD` stands for a value.
    """

    file: str
    root: object = None
    keys: dict[Place, Position] = field(default_factory=dict)
    values: dict[Place, Position] = field(default_factory=lambda: {(): Position(line=1, column=1)})
    problems: list[Problem] = field(default_factory=list)
    unread: set[Place] = field(default_factory=set)

    def problem(self, place: Place, what: str, *, at_key: bool = False) -> Problem:
        """Return a problem at `place`, positioned at its key or value, or at what encloses it."""
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        position = first.get(place) or second.get(place)
        enclosing = place
        while position is None:
            enclosing = enclosing[:-1]
            position = self.values.get(enclosing)
        return self.problem_at(position, place, what)

    def problem_at(self, position: Position, place: Place, what: str) -> Problem:
        """Return a problem at exactly this position."""
        return Problem(
            file=self.file,
            line=position.line,
            column=position.column,
            where=show_place(place),
            what=what,
        )


def read_document(file: str, text: str, environ: Mapping[str, str]) -> Document:
    """Return what `text`, the YAML in `file`, holds, with variables of `environ` put in.

    Raises:
        ConfigError: `text` is not YAML, so that nothing of it can be read.
    """
    document = Document(file=file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            document.root = _Walk(document, environ).read(root, ())
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise not_yaml(file, text, error) from None
    except RecursionError:
        raise unreadable(file, "is nested too deeply, or refers to itself") from None
    return document


class _Walk:
    """One pass over the nodes of a file."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self._left = MOST_VALUES

    def read(self, node: yaml.Node, place: Place) -> object:
        """Return the value of `node`, which stands at `place`, and note its position."""
        self._count()
        self._document.values[place] = _position(node)
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, place)
            case yaml.SequenceNode() if node.tag == f"{_TAG}seq":
                return [self.read(item, (*place, i)) for i, item in enumerate(node.value)]
            case yaml.MappingNode() if node.tag == f"{_TAG}map":
                return self._table(node, place)
            case _:
                return self._unreadable(place, _TAGGED)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise unreadable(self._document.file, f"holds more than {MOST_VALUES} values")

    def _table(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        table: dict[str, object] = {}
        self._fill(table, node, place)
        return table

    def _fill(self, table: dict[str, object], node: yaml.MappingNode, place: Place) -> None:
        """Add to `table` the keys of `node` it lacks, then those that `node` merges in (`<<`)."""
        lines: dict[str, int] = {}
        bases: list[yaml.MappingNode] = []
        for key, value in node.value:
            position = _position(key)
            if key.tag == f"{_TAG}merge":
                bases.extend(self._bases(value, place))
            elif not isinstance(key, yaml.ScalarNode):
                self._tell(position, place, "a key must be text")
            elif key.value in lines:
                what = f"is given twice; the first one is on line {lines[key.value]}"
                self._tell(position, (*place, key.value), what)
            else:
                lines[key.value] = position.line
                if key.value not in table:
                    self._document.keys[*place, key.value] = position
                    table[key.value] = self.read(value, (*place, key.value))
        for base in bases:
            self._count()
            self._fill(table, base, place)

    def _bases(self, node: yaml.Node, place: Place) -> list[yaml.MappingNode]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        bases = [base for base in nodes if isinstance(base, yaml.MappingNode)]
        if len(bases) < len(nodes):
            self._tell(_position(node), place, "`<<` takes a table, or a list of tables")
        return bases

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> object:
        """Return a text, a `Plain`, or `None` for nothing."""
        text, tag = node.value, node.tag
        if tag not in _READABLE:
            return self._unreadable(place, _TAGGED)
        if "${" in text:
            try:
                text = interpolate(text, self._environ)
            except InterpolationError as error:
                return self._unreadable(place, str(error))
            if node.style is None:
                tag = _resolve(text)
        if _SURROGATE.search(text):
            return self._unreadable(place, "holds bytes or escapes that are not a character")
        return None if tag == f"{_TAG}null" else _typed(text, tag)

    def _unreadable(self, place: Place, what: str) -> Unread:
        self._tell(self._document.values[place], place, what)
        self._document.unread.add(place)
        return UNREAD

    def _tell(self, position: Position, place: Place, what: str) -> None:
        self._document.problems.append(self._document.problem_at(position, place, what))


def _position(node: yaml.Node) -> Position:
    return Position(line=node.start_mark.line + 1, column=node.start_mark.column + 1)


def _resolve(text: str) -> str:
    """Return the tag YAML gives to `text` where it stands without quotes."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]  # PyYAML's stubs


def _typed(text: str, tag: str) -> str:
    """Return `text`, with what YAML makes of it if that is a number or a truth value."""
    if tag not in _CONSTRUCT:
        return text
    try:
        return Plain(text, _CONSTRUCT[tag](_CONSTRUCTOR, yaml.ScalarNode(tag, text)))
    except (ValueError, KeyError, OverflowError):  # `!!int five`, or more digits than Python reads
        return text
