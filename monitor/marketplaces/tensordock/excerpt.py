"""Short pieces of what the marketplace sent, fit for a log line and a person."""

from typing import Any

_MOST_OF_A_BODY = 120
_MOST_OF_A_VALUE = 80


def of_body(body: bytes) -> str:
    """Return the first 120 characters of `body` on one line, without control characters."""
    return of_text(body[: 8 * _MOST_OF_A_BODY].decode("utf-8", "replace"), _MOST_OF_A_BODY)


def of_text(text: str, most: int) -> str:
    """Return the first `most` characters of `text` on one line, without control characters."""
    return _cut(" ".join(_printable(text).split()), most) or "nothing"


def of_value(value: Any) -> str:
    """Return what a JSON value is in a few words: `'99 %'`, `-1`, `true`, `an array`, `nothing`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return _cut(str(value), _MOST_OF_A_VALUE)
        case str():
            return repr(_cut(_printable(value[: 2 * _MOST_OF_A_VALUE]), _MOST_OF_A_VALUE))
        case list():
            return "an array"
        case _:
            return "an object"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
