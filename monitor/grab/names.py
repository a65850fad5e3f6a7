"""The names of the instances we make: `<preset>-gm<installation><ten hexadecimal digits>`.

A name says whose an instance is: `gm`, and the six digits of the installation, which the database
keeps. What looks alike and is not exactly that, with another installation's digits too, is
somebody else's.
"""

import re

DIGITS = 10
"""Hexadecimal; that many make a name that is not made twice."""

_NAME = re.compile(
    r"(?P<preset>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)-gm(?P<whose>[0-9a-f]{6})[0-9a-f]{10}"
)


def instance_name(preset: str, installation: str, digits: str) -> str:
    """Return the name of one instance; `digits` are its own."""
    return f"{preset}-gm{installation}{digits}"


def preset_of(name: str, installation: str) -> str | None:
    """Return the preset in the name of an instance of this installation; `None` if it is not."""
    found = _NAME.fullmatch(name)
    return found["preset"] if found and found["whose"] == installation else None
