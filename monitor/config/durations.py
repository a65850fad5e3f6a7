"""Durations as Prometheus writes them: `90s`, `1h30m`, `400d`, `500ms`, `0s`."""

import re
from datetime import timedelta

_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_PATTERN = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit in _MILLISECONDS))
_LONGEST = 100 * _MILLISECONDS["y"]
_SHOWN_UNITS = 2


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` writes; units go from large to small, each at most once.

    A year is 365 days and a week 7, as in Prometheus. `0` needs no unit.

    Raises:
        ValueError: with a sentence that says how to write it.
    """
    if text == "0":
        return timedelta(0)
    if text.isdecimal():
        raise ValueError(f"a duration needs a unit, such as {text}s or {text}m")
    found = _PATTERN.fullmatch(text)
    if not text or found is None:
        raise ValueError(
            "a duration is written like 30s, 5m, 1h30m, 2w or 500ms "
            "(y, w, d, h, m, s, ms, from large to small, without spaces)"
        )
    total = sum(
        _MILLISECONDS[unit] * int(count) for unit, count in found.groupdict().items() if count
    )
    if total > _LONGEST:
        raise ValueError("a duration is at most 100y")
    return timedelta(milliseconds=total)


def show_duration(length: timedelta) -> str:
    """Return `length` as `parse_duration` reads it, its two largest units: `1h30m`, `5m`, `0s`."""
    left = round(length / timedelta(milliseconds=1))
    parts: list[str] = []
    for unit, size in _MILLISECONDS.items():
        if unit in {"y", "w"} or (left < size and not parts):
            continue
        if len(parts) == _SHOWN_UNITS:
            break
        number, left = divmod(left, size)
        parts.append(f"{number}{unit}")
    return "".join(part for part in parts if not part.startswith("0")) or "0s"
