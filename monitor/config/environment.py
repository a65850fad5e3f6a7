"""Variables of the environment inside the configuration's values."""

import re
from collections.abc import Mapping

_DOLLAR = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
    r"|(?P<broken>\$\{)"
)


class InterpolationError(ValueError):
    """A text refers to the environment in a way that cannot be followed; says what to do."""


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """Return `text` with `${NAME}` and `${NAME:-default}` replaced by the environment's values.

    As in a shell, the default is for a variable that is not set or empty. `$${` stands for `${`;
    any other `$` is left as it is.

    Raises:
        InterpolationError: a variable without a default is not set, or a `${` begins none.
    """
    missing: list[str] = []

    def replace(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "${"
        if found["broken"]:
            raise InterpolationError(
                "`${` must begin a variable such as ${NAME} or ${NAME:-default}; "
                "write `$${` for the characters themselves"
            )
        name, default = found["name"], found["default"]
        if default is not None:
            return environ.get(name) or default
        if name not in environ:
            missing.append(name)
        return environ.get(name, "")

    result = _DOLLAR.sub(replace, text)
    if missing:
        names = " and ".join(dict.fromkeys(missing))
        raise InterpolationError(
            f"the environment does not set {names}: set it, or write ${{{missing[0]}:-default}}"
        )
    return result
