"""Making harmless what comes from outside: names that a marketplace or a configuration gave.

What is left is text on one line, without what a screen or a chat could take for more than text:
no invisible or bidirectional characters, no markup, no mentions, no commands, no links.
"""

import re
import unicodedata
from functools import lru_cache

from monitor.alerting.formats import clip

NAME_LENGTH = 60
_MARKUP = frozenset("*`~|<>[]@#\\")
"""Starts markup or a mention in some chat, and is in no name that matters."""
_DOTS = str.maketrans("。", ".")  # the only other dot of host names that NFKC leaves
_LINKS = (
    (re.compile(r"://"), " "),
    (re.compile(r"(?<=\w)\.(?=[^\W\d_])"), ". "),  # a host's name: chats make links of them
    (re.compile(r"\b(\d+)\.(\d+)\.(\d+)\.(\d+)\b"), r"\1 \2 \3 \4"),
    (re.compile(r"(?<![^\W_])_+|_+(?![^\W_])"), " "),  # emphasis; within a word there is none
    (re.compile(r"(?<!\w)[/$](?=\w)"), " "),  # a bot's command, a share's symbol
)


@lru_cache(maxsize=4_096)  # the same few names come back in every message
def plain(text: str, length: int = NAME_LENGTH) -> str:
    """Return `text` as harmless text on one line, of at most `length` characters."""
    known = unicodedata.normalize("NFKC", text[: 4 * length]).translate(_DOTS)
    shown = "".join(c if c.isprintable() and c not in _MARKUP else " " for c in known)
    for pattern, instead in _LINKS:
        shown = pattern.sub(instead, shown)
    return clip(" ".join(shown.split()), length)
