"""Where something stands: in the configuration (`rules[0].match.gpu`) and in its file."""

import re
from dataclasses import dataclass

Place = tuple[str | int, ...]
"""The keys and list indices that lead to a value."""
Finding = tuple[Place, str]
"""Something to say about the value at a place."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A line and a column, both counted from 1."""

    line: int
    column: int


def show_place(place: Place) -> str:
    """Return `place` as people write it; what does not look like a key may be a secret: `…`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{show(step)}" for step in place)
    return text.removeprefix(".") or "configuration"


def show(text: str) -> str:
    """Return `text` if it looks like a name, else `…`: a URL in the wrong place stays hidden."""
    return text if re.fullmatch(r"[\w. -]{1,60}", text) else "…"
