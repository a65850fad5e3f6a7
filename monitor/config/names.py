"""Names that are nearly right."""

from collections.abc import Iterable
from difflib import get_close_matches

from monitor.config.place import show

_BEGINNING = 3
"""The fewest characters that tell what was begun."""


def did_you_mean(text: str, allowed: Iterable[str]) -> str:
    """Return "; did you mean …?" if `text` looks like a slip of one of `allowed`, else nothing.

    A name of which `text` is the beginning (`max_price`) is likelier than one that looks alike.
    """
    lower = {name.lower(): name for name in allowed}
    begun = [name for name in lower if len(text) >= _BEGINNING and name.startswith(text.lower())]
    close = begun[:1] or get_close_matches(text.lower(), lower, n=1, cutoff=0.6)
    return f"; did you mean `{show(lower[close[0]])}`?" if close else ""
