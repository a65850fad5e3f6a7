"""Where notifications go: one URL of one receiver, named without showing it."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

from monitor.alerting.outbox import DestinationKey, RateLimit

HIDDEN = "***"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,31})://", re.IGNORECASE)
_SHORTEST = 3
"""Shorter parts of a URL are in every text, and hide nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class SecretUrl:
    """A URL that shows only its scheme wherever it is printed or formatted."""

    _text: str

    def reveal(self) -> str:
        """Return the URL itself; hand it to Apprise, and to nothing else."""
        return self._text

    def __repr__(self) -> str:
        return f"{scheme(self._text) or 'unknown'}://{HIDDEN}"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One URL of one receiver: what a notification is delivered to, and retried on, by itself."""

    receiver: str
    key: DestinationKey
    url: SecretUrl
    rate_limit: RateLimit | None = None


def destinations(
    receiver: str, urls: Iterable[str], rate_limit: RateLimit | None = None
) -> tuple[Destination, ...]:
    """Return a destination for each different URL of `receiver`, in the order given.

    A key is the URL's scheme and eight hexadecimal digits of its SHA-256: `discord#3f2a91ab`.
    """
    return tuple(
        Destination(
            receiver=receiver,
            key=key(scheme(url) or "unknown", url),
            url=SecretUrl(url),
            rate_limit=rate_limit,
        )
        for url in dict.fromkeys(urls)
    )


def scheme(url: str) -> str | None:
    """Return the scheme of `url` in lower case, or `None` if it has none."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else None


def scrub(text: str, url: str) -> str:
    """Return `text` without `url` or any part of it but the scheme, in whatever form it came."""
    secrets = {form for part in _parts(url) for form in _forms(part) if len(form) >= _SHORTEST}
    if not secrets:
        return text
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), HIDDEN, text, flags=re.IGNORECASE)


def key(kind: str, url: str) -> DestinationKey:
    """Return what names `url` without showing it: `kind` and eight hexadecimal digits."""
    digest = hashlib.sha256(url.encode()).hexdigest()
    return DestinationKey(f"{kind}#{digest[:8]}")


def _parts(url: str) -> Iterator[str]:
    rest = _SCHEME.sub("", url, count=1)
    user, at, _ = rest.partition("@")
    if at:
        yield user
        yield base64.b64encode(unquote(user).encode()).decode()  # as in an Authorization header
    yield rest
    yield from re.split(r"[/?#&=:@,;]", rest)


def _forms(part: str) -> Iterator[str]:
    """Yield the ways in which a part of a URL can come back in an answer or an error."""
    yield part
    plain = unquote(part)
    yield plain
    yield quote(plain, safe="")
    yield json.dumps(plain)[1:-1]
