"""How the values of the core are made: plain dataclasses that nobody may change.

Python locks a frozen dataclass by a call for each field that is set, which makes one take three
times as long to be made; a poll makes thousands. Here the lock is mypy's alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def value(cls: type[T], /) -> type[T]: ...
@overload
def value(*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def value(
    cls: type[T] | None = None, /, *, kw_only: bool = True
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class a dataclass with slots, compared and hashed by its fields."""

    def make(cls: type[T]) -> type[T]:
        return dataclass(slots=True, kw_only=kw_only, unsafe_hash=True)(cls)

    return make if cls is None else make(cls)
