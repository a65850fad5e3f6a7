"""A message as a destination shows it: escaped for its format, and within its lengths.

A message is plain text; the formats add nothing but line breaks and a bold line here and there,
and everything else is escaped, so that nothing in a name can become markup. What is too long
loses lines from its end: the first offer stays.
"""

import html
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from monitor.alerting.notice import Message
from monitor.market.value import value

TITLE_LENGTH = 200
BODY_LENGTH = 3_500
_SHORTEST_TITLE = 20
_MORE = "…"


class Format(StrEnum):
    """What a destination can show."""

    TEXT = "text"
    MARKDOWN = "markdown"
    """CommonMark."""
    HTML = "html"


@value
class Screen:
    """What fits on a destination: lengths in characters, as its service counts them.

    `one_field` is a service without titles, where the title stands in the body's first line and
    is counted with it.
    """

    format: Format = Format.TEXT
    title_most: int = TITLE_LENGTH
    body_most: int = BODY_LENGTH
    one_field: bool = False


PLAIN = Screen()


@value
class Shown:
    """A message in a format: what is queued, and sent as it is."""

    title: str
    body: str
    format: Format = Format.TEXT


_TITLE_MARKUP = {Format.TEXT: 2, Format.MARKDOWN: 8, Format.HTML: 20}
"""Characters with which Apprise sets a title off in a body."""


def show_on(message: Message, screen: Screen) -> Shown:
    """Return `message` in the screen's format and within its lengths."""
    lines = message.body.split("\n")
    title = clip(message.title, min(screen.title_most, TITLE_LENGTH))
    if not screen.one_field:
        body = _fit(message, lines, screen, min(screen.body_most, BODY_LENGTH))
        return Shown(title=title, body=body, format=screen.format)
    most = min(screen.body_most, BODY_LENGTH) - _TITLE_MARKUP[screen.format]
    lead = min(
        (_join(message, lines[:count], screen.format) for count in (message.lead, 1)),
        key=lambda first: (len(first) > most - _SHORTEST_TITLE, -len(first)),
    )
    room = min(TITLE_LENGTH, most - len(lead) - len(_MORE) - 3)
    shown = _escape(clip(message.title, max(room, _SHORTEST_TITLE)), screen.format)
    body = _fit(message, lines, screen, max(most - len(shown), 1))
    return Shown(title=shown, body=body, format=screen.format)


def clip(text: str, length: int) -> str:
    """Return `text`, cut with an ellipsis if it is longer than `length`."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}{_MORE}"


def _fit(message: Message, lines: Sequence[str], screen: Screen, most: int) -> str:
    """Return as many lines from the start as fit; if the first is too long, a part of it."""
    whole = _join(message, lines, screen.format)
    if len(whole) <= most:
        return whole
    for count in range(len(lines) - 1, 0, -1):
        shown = _join(message, (*_without_blank_end(lines[:count]), _MORE), screen.format)
        if len(shown) <= most:
            return shown
    text = lines[0]
    while len(shown := _escape(clip(text, len(text)), screen.format)) > most and len(text) > 1:
        text = clip(text, len(text) - max((len(shown) - most) // 6, 1))
    return shown[:most]


def _without_blank_end(lines: Sequence[str]) -> Sequence[str]:
    return lines if lines[-1] else lines[:-1]


def _join(message: Message, lines: Sequence[str], form: Format) -> str:
    shown = (
        _strong(_escape(line, form), form)
        if line and number in message.strong
        else _escape(line, form)
        for number, line in enumerate(lines)
    )
    match form:
        case Format.TEXT:
            return "\n".join(shown)
        case Format.HTML:
            return "<br>".join(shown)
        case Format.MARKDOWN:
            return "".join(_broken(tuple(shown)))


def _broken(lines: Sequence[str]) -> Iterator[str]:
    """Yield Markdown lines with hard breaks between them; an empty line ends a paragraph."""
    for number, line in enumerate(lines):
        last = number + 1 == len(lines)
        yield line
        if not last:
            yield "  \n" if line and lines[number + 1] else "\n"


def _strong(escaped: str, form: Format) -> str:
    match form:
        case Format.TEXT:
            return escaped
        case Format.HTML:
            return f"<b>{escaped}</b>"
        case Format.MARKDOWN:
            return f"**{escaped}**"


def _escape(line: str, form: Format) -> str:
    match form:
        case Format.TEXT:
            return line
        case Format.HTML:
            return html.escape(line, quote=False)
        case Format.MARKDOWN:
            return _escape_markdown(line)


_ANYWHERE = re.compile(
    r"[\\`*\[\]<>~|#@]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # within a word it is no markup
    r"|&(?=#?\w{1,32};)"  # the name of a character
)
_AT_START = re.compile(r"([-+=])|(\d{1,9})([.)])(?=\s|$)")


def _escape_markdown(line: str) -> str:
    """Escape CommonMark and its usual extensions; at the start of a line, lists and rules too.

    No more than that, for there are services that show the backslashes.
    """
    escaped = _ANYWHERE.sub(r"\\\g<0>", line.strip())
    return _AT_START.sub(_escape_start, escaped, count=1) if _AT_START.match(escaped) else escaped


def _escape_start(found: re.Match[str]) -> str:
    return f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}"
