"""The shape of the model: which keys a table has, and which tables they hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from monitor.config.model import Config, Table
from monitor.config.place import Place
from monitor.config.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a table: the type of what it holds, and whether it holds a list of them."""

    field: FieldInfo
    leaf: Any
    many: bool

    @property
    def table(self) -> type[Table] | None:
        """The kind of table the key holds, if it holds tables."""
        return self.leaf if isinstance(self.leaf, type) and issubclass(self.leaf, Table) else None

    @property
    def secret(self) -> bool:
        """Whether the key may be given as a file too."""
        return self.leaf is Secret


@cache
def keys_of(table: type[Table]) -> Mapping[str, Key]:
    """Return the keys of a kind of table, by the names they have in the file."""
    return {field.alias or name: _key(field) for name, field in table.model_fields.items()}


@cache
def names_of(table: type[Table]) -> tuple[str, ...]:
    """Return every key that may stand in a kind of table, the `…_file` ones too."""
    names = (
        (name, f"{name}_file") if key.secret else (name,) for name, key in keys_of(table).items()
    )
    return tuple(name for pair in names for name in pair)


def table_at(place: Place, root: type[Table] = Config) -> type[Table]:
    """Return what kind of table stands at `place` in a file of the kind `root`."""
    table = root
    for step in place:
        if isinstance(step, str):
            table = keys_of(table)[step].table or table
    return table


def tables(
    raw: object, table: type[Table] = Config, place: Place = ()
) -> Iterator[tuple[Place, type[Table], dict[str, Any]]]:
    """Yield every table found in `raw` where the model has one, with its place and kind."""
    if isinstance(raw, list):
        for index, item in enumerate(raw):
            yield from tables(item, table, (*place, index))
    elif isinstance(raw, dict):
        yield place, table, raw
        for name, key in keys_of(table).items():
            if key.table and name in raw:
                yield from tables(raw[name], key.table, (*place, name))


def _key(field: FieldInfo) -> Key:
    return Key(field=field, leaf=_leaf(field.annotation), many=_is_many(field.annotation))


def _is_many(annotation: Any) -> bool:
    """Return whether a list may stand there, with or without `… | None`."""
    if get_origin(annotation) in {Annotated, Union, UnionType}:
        return _is_many(get_args(annotation)[0])
    return get_origin(annotation) is tuple


def _leaf(annotation: Any) -> Any:
    """Return the type inside `X | None`, `tuple[X, ...]` and `Annotated[X, …]`."""
    if get_origin(annotation) in {Annotated, tuple, Union, UnionType}:
        return _leaf(get_args(annotation)[0])
    return annotation
