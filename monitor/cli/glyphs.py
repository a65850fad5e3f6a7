"""Small pictures made of characters."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_SHADES = " ░▒▓█"
UNKNOWN = "·"
"""Nothing is known."""
ABSENT = " "
"""It is known that there was nothing."""


LEGEND = f"{UNKNOWN} is not known, blank could not be had"


def sparkline(
    values: Sequence[float | None], known: Sequence[bool], scale: Sequence[float] = ()
) -> str:
    """Return a bar for each value, between the lowest and the highest of `scale`, or of them."""
    there = scale or [value for value in values if value is not None]
    low, high = (min(there), max(there)) if there else (0.0, 0.0)
    return "".join(
        (ABSENT if known[index] else UNKNOWN) if value is None else _bar(value, low, high)
        for index, value in enumerate(values)
    )


def shade(share: float | None) -> str:
    """Return a share as a shade, `·` if it is not known."""
    if share is None:
        return UNKNOWN
    if share <= 0:
        return _SHADES[0]
    return _SHADES[min(1 + int(share * (len(_SHADES) - 1)), len(_SHADES) - 1)]


def _bar(value: float, low: float, high: float) -> str:
    if high <= low:
        return _BARS[len(_BARS) // 2 - 1]
    return _BARS[round((value - low) / (high - low) * (len(_BARS) - 1))]
