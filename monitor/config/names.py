"""Names that are nearly right."""

from collections.abc import Iterable
from difflib import get_close_matches

from monitor.config.place import show


def did_you_mean(text: str, allowed: Iterable[str]) -> str:
    """Return "; did you mean …?" if `text` looks like a slip of one of `allowed`, else nothing."""
    lower = {name.lower(): name for name in allowed}
    close = get_close_matches(text.lower(), lower, n=1, cutoff=0.6)
    return f"; did you mean `{show(lower[close[0]])}`?" if close else ""
