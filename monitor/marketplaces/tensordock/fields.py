"""One field of an answer: a value that can be used, or `None` and a flaw that says why not.

A field that is missing, null or blank is "not told" and no flaw: the marketplace leaves many out.
"""

import re
from typing import Annotated, Any, NamedTuple, TypeGuard

import msgspec

from monitor.market.money import NanoDollars, nano
from monitor.market.snapshot import IssueReason

LONGEST_TEXT = 200
"""Characters: longer texts do not fit an index of PostgreSQL, and nobody names a GPU like that."""

LARGEST_COUNT = 2**31 - 1
"""What fits an INTEGER of SQL."""

LARGEST_PRICE = 1_000_000
"""US dollars per hour."""

A_TEXT = "a short text"
A_COUNT = "a whole number from 0"
A_PRICE = "a price above 0"

# NUL cannot be stored by PostgreSQL, half a surrogate pair not be sent to it; the other control
# characters would forge lines in logs and messages.
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


_HUNDRED = 100
_LARGEST_PORT = 2**16 - 1
_Port = Annotated[int, msgspec.Meta(ge=1, le=_LARGEST_PORT)]
_ports_decoder: msgspec.json.Decoder[tuple[int, ...] | None]
_ports_decoder = msgspec.json.Decoder(tuple[_Port, ...] | None)


class Flaw(NamedTuple):
    """A place below a hostnode (`.location.tier`) where something else was wanted than found."""

    reason: IssueReason
    where: str
    wanted: str
    found: Any


def text(value: Any, where: str, flaws: list[Flaw]) -> str | None:
    """Return a text of 1 to 200 characters."""
    if value is None:
        return None
    if type(value) is str:
        if is_text(value):
            return value
        if not value.strip():
            return None
    flaws.append(Flaw(IssueReason.FIELD, where, A_TEXT, value))
    return None


def is_text(value: Any) -> TypeGuard[str]:
    """Tell whether `value` is a text that can be stored and shown: not blank, 200 characters."""
    return (
        type(value) is str
        and 0 < len(value) <= LONGEST_TEXT
        and not value.isspace()
        and (value.isprintable() or not _UNUSABLE.search(value))
    )


def count(value: Any, where: str, flaws: list[Flaw]) -> int | None:
    """Return a whole number from 0; 8.0 is one too."""
    if type(value) is int and 0 <= value <= LARGEST_COUNT:
        return value
    if is_count(value):
        return int(value)
    if value is not None:
        flaws.append(Flaw(IssueReason.FIELD, where, A_COUNT, value))
    return None


def is_count(value: Any) -> bool:
    """Tell whether `value` is a whole number (8.0 is one) that fits an INTEGER of SQL."""
    return (type(value) is int or (type(value) is float and value.is_integer())) and (
        0 <= value <= LARGEST_COUNT
    )


def gigabytes(value: Any, where: str, flaws: list[Flaw]) -> int | None:
    """Return whole gigabytes; a fraction was seen in storage, and is cut off."""
    if type(value) is float and 0 <= value <= LARGEST_COUNT:
        return int(value)
    return count(value, where, flaws)


def percentage(value: Any, where: str, flaws: list[Flaw]) -> float | None:
    """Return a number from 0 to 100."""
    if type(value) is float and 0 <= value <= _HUNDRED:
        return value
    return _number(value, where, flaws, _HUNDRED)


def gbps(value: Any, where: str, flaws: list[Flaw]) -> float | None:
    """Return gigabits per second, from 0 to a million."""
    return _number(value, where, flaws, 1_000_000)


def _number(value: Any, where: str, flaws: list[Flaw], most: int) -> float | None:
    if (type(value) is float or type(value) is int) and 0 <= value <= most:
        return float(value)
    if value is not None:
        flaws.append(Flaw(IssueReason.FIELD, where, f"a number from 0 to {most}", value))
    return None


def flag(value: Any, where: str, flaws: list[Flaw]) -> bool | None:
    """Return a boolean."""
    if value is None or type(value) is bool:
        return value
    flaws.append(Flaw(IssueReason.FIELD, where, "true or false", value))
    return None


def part_price(value: Any, where: str, flaws: list[Flaw]) -> NanoDollars | None:
    """Return the price of a part (vCPU, gigabyte); zero means unknown, and is a flaw."""
    amount = price(value)
    if amount is None and value is not None:
        flaws.append(Flaw(IssueReason.FIELD, where, A_PRICE, value))
    return amount


def price(value: Any) -> NanoDollars | None:
    """Return US dollars as nano-dollars, or `None` for what cannot be a price.

    Missing, zero, negative, not a number, above `LARGEST_PRICE`, or so small that nothing is left:
    none of them is ever "free".
    """
    if (type(value) is float or type(value) is int) and 0 < value <= LARGEST_PRICE:
        return nano(value) or None
    return None


def ports(raw: msgspec.Raw, where: str, flaws: list[Flaw]) -> tuple[int, ...] | None:
    """Return the ports of a list; each element that is none costs itself and a flaw."""
    try:
        return _ports_decoder.decode(raw)
    except msgspec.ValidationError:
        return _some_ports(msgspec.json.decode(raw), where, flaws)


def _some_ports(value: Any, where: str, flaws: list[Flaw]) -> tuple[int, ...] | None:
    if type(value) is not list:
        flaws.append(Flaw(IssueReason.FIELD, where, "an array of ports", value))
        return None
    good = []
    for index, port in enumerate(value):
        if is_port(port):
            good.append(port)
        else:
            flaws.append(Flaw(IssueReason.FIELD, f"{where}[{index}]", "a port", port))
    return tuple(good)


def is_port(value: Any) -> TypeGuard[int]:
    """Tell whether `value` is a port, 1 to 65535."""
    return type(value) is int and 0 < value <= _LARGEST_PORT
