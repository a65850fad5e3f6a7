"""Secrets: values that are never shown, and a redactor that blots them out of any text."""

import json
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, quote_plus, unquote

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

HIDDEN = "***"
_DATABASES = ("sqlite", "postgresql")
"""The schemes of URLs that hold nothing secret but a password."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that is shown as `***` wherever it is printed, formatted or dumped."""

    _text: str

    def reveal(self) -> str:
        """Return the text itself; hand it to the one call that needs it, and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a text or a `Secret`; dump as `***`."""
        return core_schema.no_info_plain_validator_function(
            cls._of,
            serialization=core_schema.to_string_ser_schema(when_used="always"),
        )

    @classmethod
    def _of(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("must be text")  # noqa: TRY004 - pydantic collects ValueErrors only
        if not value.strip():
            raise ValueError("is empty")
        return cls(str(value))


class Redactor:
    """Replaces every secret it has learnt, and every tell-tale piece of one, by `***`.

    Safe to call from any thread while another one teaches it. What was learnt is kept: after a
    reload, deliveries in flight still hold the old URLs.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._pieces: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Blot out these as well: tokens and passwords whole, URLs also by their secret parts."""
        new = frozenset(
            form for text in secrets for piece in _pieces(text) for form in _forms(piece)
        )
        with self._lock:
            self._pieces |= new
            longest_first = sorted(self._pieces, key=len, reverse=True)
            if longest_first:
                self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """Return `text` without the secrets."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^/?#]*)@)?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_PASSWORD = re.compile(r"[?&](?:pass\w*|pw\w*|\w*token|\w*key|\w*secret)=([^&#]*)", re.IGNORECASE)
_SHORTEST = 4
"""Shorter than this, blotting a text out would blot out half the log and hide nothing."""
_TELLING = re.compile(r"(?=.*[A-Z0-9]).{8,}|.{16,}", re.DOTALL)
"""A part of a URL that looks like a key, not like a word: `T0KEN123`, but not `services`."""


def _pieces(text: str) -> Iterator[str]:
    """Yield what must not be seen of one secret: all of it, and of a URL its parts."""
    found = _URL.fullmatch(text)
    if found is None:
        yield text
        return
    scheme, user, rest = found["scheme"].lower(), found["user"] or "", found["rest"]
    name, colon, password = user.partition(":")
    if colon:
        yield from (user, password)
    if scheme.startswith(_DATABASES):
        yield from _PASSWORD.findall(rest)
        return
    host, *others = re.split(r"[/?#&=:,;@]", rest)
    parts = (name, *others) if "." in host else (name, host, *others)
    yield from (text, *_PASSWORD.findall(rest), *filter(_TELLING.fullmatch, parts))


def _forms(piece: str) -> Iterator[str]:
    """Yield the ways in which a text can appear in a log line: quoted for a URL, or escaped."""
    for form in (piece, unquote(piece)):
        if len(form) < _SHORTEST:
            continue
        yield from (quote(form, safe, errors="surrogatepass") for safe in ("/", ""))
        yield quote_plus(form, errors="surrogatepass")
        for shown in (form, repr(form)[1:-1]):
            yield from (
                shown,
                *(json.dumps(shown, ensure_ascii=plain)[1:-1] for plain in (False, True)),
            )
