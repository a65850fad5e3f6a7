"""Whether what came of a test is what was expected, as lines that show the difference."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

Facts = Mapping[str, str]
"""What is told of an alert, a notification or a grab; what is not told does not matter."""
GLOBS = frozenset({"title"})
"""Facts of which a glob is expected."""
TOGETHER = " + "
"""Stands between the rules of a message about several; one of them is enough to be expected."""
DETAIL = "detail"
"""The fact that is shown of what came though nobody asks for it: it tells why."""


def differences(expected: Sequence[Facts], found: Sequence[Facts]) -> list[str]:
    """Return a line for each of `expected` that is missing (`-`) and each too many (`+`).

    Nothing to tell is no line. Of several that fit, the one that was expected first is taken.
    """
    left = list(found)
    missing = []
    for wanted in expected:
        fitting = next((each for each in left if _fits(wanted, each)), None)
        if fitting is None:
            missing.append(wanted)
        else:
            left.remove(fitting)
    return list(_lines(missing, left))


def _fits(wanted: Facts, found: Facts) -> bool:
    return all(_is(name, fact, found.get(name, "")) for name, fact in wanted.items())


def _is(name: str, wanted: str, found: str) -> bool:
    if name in GLOBS:
        return fnmatchcase(found, wanted)
    return wanted == found or (name == "rule" and wanted in found.split(TOGETHER))


def _lines(missing: Sequence[Facts], too_many: Sequence[Facts]) -> Iterator[str]:
    told = {name for each in missing for name in each}
    yield from (f"- {_shown(each)}" for each in missing)
    for each in too_many:
        # Beside what is missing, only what could have been meant.
        yield f"+ {_shown({k: v for k, v in each.items() if not told or k in {*told, DETAIL}})}"


def _shown(facts: Facts) -> str:
    detail = f" ({facts[DETAIL]})" if facts.get(DETAIL) else ""
    return ", ".join(f"{name} {fact}" for name, fact in facts.items() if name != DETAIL) + detail
