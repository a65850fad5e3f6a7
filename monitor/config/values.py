"""The kinds of values a configuration holds, each with a sentence for what is wrong with one.

A scalar that YAML reads as something else than text arrives as `Plain`: what was written, and what
YAML makes of it. The key decides which one counts, so that `country: NO` is Norway and a token of
digits stays as it was written.
"""

import re
import string
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, AllowInfNan, BeforeValidator, Strict

from monitor.alerting.notice import GroupLabel
from monitor.alerting.outbox import RateLimit
from monitor.config.database_url import database_url
from monitor.config.durations import parse_duration
from monitor.config.secret import Secret
from monitor.market.money import NANO_PER_DOLLAR, NanoDollars, nano
from monitor.rules.alert import Severity

Typed = int | float | bool
MOST_DOLLARS = 1_000_000
"""Above this a price or a limit is a slip: the dearest hostnode costs some tens an hour."""


class Plain(str):
    """An unquoted scalar: the text as it was written, and `typed` as YAML reads it."""

    __slots__ = ("typed",)
    typed: Typed

    def __new__(cls, text: str, typed: Typed) -> Self:
        """Return `text`, which YAML reads as `typed`."""
        self = super().__new__(cls, text)
        self.typed = typed
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """Where the HTTP server listens; port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _typed(value: object) -> object:
    return value.typed if isinstance(value, Plain) else value


def _number(value: object) -> object:
    """Return a number, unless YAML reads it as another one than a person does.

    `010` is 8 in YAML, `1_000` is 1000 and `1:30` is 90.
    """
    typed = _typed(value)
    if isinstance(value, Plain) and not isinstance(typed, bool) and _ODD.search(value):
        raise ValueError(f"is {typed} in YAML: write a number without leading 0, `_`, `:` or `x`")
    return typed


_ODD = re.compile(r"^[-+]?0\d|^[-+]?0[bx]|[_:]")


def listed(value: object) -> object:
    """Let a single text stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _some(value: object) -> object:
    """Refuse an empty list here, before its items: a list of wrong items is not empty."""
    if value == []:
        raise ValueError("must not be an empty list")
    return value


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _filled(text: str) -> str:
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


def _instance_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", text):
        raise ValueError(
            "must be 1 to 40 lower-case letters, digits and inner hyphens: "
            "it becomes a part of the instance's name"
        )
    return text


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a duration such as 30s or 1h30m")  # noqa: TRY004 - pydantic collects ValueErrors only
    return parse_duration(value)


def _some_time(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be longer than 0s")
    return duration


_NO_DOLLARS = "must be an amount of US dollars such as 2.20, without a sign or `_`"


def _dollars(value: object) -> object:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(_NO_DOLLARS) from None
    if "_" in str(value):  # which `Decimal` passes over
        raise ValueError(_NO_DOLLARS)
    if not amount.is_finite() or not 0 < amount <= MOST_DOLLARS:
        raise ValueError(f"must be more than 0 and at most {MOST_DOLLARS} US dollars")
    if amount < Decimal(1) / NANO_PER_DOLLAR:
        raise ValueError("must be at least 0.000000001 US dollars")
    return nano(amount)


def _share(value: object) -> object:
    """Read `5%` and 0.05 as the same share."""
    text = str(value).strip()
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,9})?)(%?)", text, re.ASCII)
    share = float(found[1]) / (100 if found[2] else 1) if found else None
    if share is None or not 0 <= share < 1:
        raise ValueError("must be a share such as 5% or 0.05, below 100%")
    return share


def _rate(value: object) -> object:
    """Read `20/1m`: so many in any stretch of time as long."""
    count, slash, per = str(value).partition("/")
    if not slash or not re.fullmatch(r"[1-9]\d{0,5}", count, re.ASCII):
        raise ValueError("must be a number and a duration such as 20/1m")
    return RateLimit(count=int(count), per=_some_time(parse_duration(per)))


def listen_address(value: object) -> ListenAddress:
    """Read `127.0.0.1:9470` or `[::1]:9470`; an address is handed through.

    Raises:
        ValueError: with a sentence.
    """
    if isinstance(value, ListenAddress):
        return value
    found = re.fullmatch(
        r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})",
        str(value),
        re.ASCII,
    )
    if found is None or int(found["port"]) > 65_535:  # noqa: PLR2004 - the highest port there is
        raise ValueError("must be an address and a port such as 127.0.0.1:9470 or [::1]:9470")
    return ListenAddress(host=found["six"] or found["host"], port=int(found["port"]))


def _split(url: str) -> SplitResult | None:
    """Take a URL apart, or return `None` for what cannot be one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if parts.hostname and port != 0 else None


def _base_url(
    text: str,
    example: str = "https://dashboard.tensordock.com/api/v2",
    instead: str = "the token goes to `token`",
) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"} or any(c.isspace() for c in text):
        raise ValueError(f"must be a URL such as {example}")
    if parts.username or parts.password:
        raise ValueError(f"must not hold a user or password; {instead}")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path, without `?` or `#`")
    return text.rstrip("/")


def _alertmanager(text: str) -> str:
    return _base_url(text, "http://localhost:9093", "they have keys of their own")


def _token(secret: Secret) -> Secret:
    if not re.fullmatch(r"[!-~]+", secret.reveal()):
        raise ValueError("must be one word of ASCII characters: it is sent in an HTTP header")
    return secret


_SSH_KEY = re.compile(r"(ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?")


def _ssh_key(secret: Secret) -> Secret:
    if "PRIVATE KEY" in secret.reveal():
        raise ValueError("is a private key, which must stay with you; give the public one (.pub)")
    if not _SSH_KEY.fullmatch(secret.reveal()):
        raise ValueError("must be a public key on one line, such as `ssh-ed25519 AAAA… me@here`")
    return secret


def _distinct(ports: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(ports)) < len(ports):
        raise ValueError("names a port twice")
    return ports


def _even(count: int) -> int:
    if count % 2:
        raise ValueError("must be even: the marketplace sells virtual CPUs in pairs")
    return count


def _storage(gigabytes: int) -> int:
    if gigabytes < 100:  # noqa: PLR2004 - the least the marketplace sells
        raise ValueError("must be at least 100: the marketplace sells no smaller disk")
    return gigabytes


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("must be an absolute path, such as /etc/motd")
    return path


def _permissions(text: str) -> str:
    if not 3 <= len(text) <= 4 or set(text) - set(string.octdigits):  # noqa: PLR2004 - 644 or 0644
        raise ValueError("must be octal digits such as '0644'")
    return text


Flag = Annotated[bool, Strict(), BeforeValidator(_typed)]
Whole = Annotated[int, Strict(), BeforeValidator(_number), Ge(0), Le(1_000_000_000)]
Count = Annotated[Whole, Ge(1)]
Number = Annotated[float, Strict(), AllowInfNan(False), BeforeValidator(_number)]  # noqa: FBT003 - pydantic's own name for it
Percentage = Annotated[Number, Ge(0), Le(100)]
SomePercentage = Annotated[Number, Ge(0.001), Le(99.999)]
Amount = Annotated[Number, Ge(0)]
Text = Annotated[str, AfterValidator(_not_blank), AfterValidator(_filled)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(listed)]
SomeTexts = Annotated[Texts, BeforeValidator(_some)]
Lines = Annotated[tuple[Annotated[str, AfterValidator(_not_blank)], ...], BeforeValidator(listed)]
InstanceName = Annotated[Text, AfterValidator(_instance_name)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
SomeTime = Annotated[Duration, AfterValidator(_some_time)]
Dollars = Annotated[NanoDollars, BeforeValidator(_dollars)]
Share = Annotated[float, BeforeValidator(_share)]
Severities = Annotated[tuple[Severity, ...], BeforeValidator(listed)]
GroupLabels = Annotated[tuple[GroupLabel, ...], BeforeValidator(listed)]
Rate = Annotated[RateLimit, BeforeValidator(_rate)]
Listen = Annotated[ListenAddress, BeforeValidator(listen_address)]
BaseUrl = Annotated[Text, AfterValidator(_base_url)]
Address = Annotated[Text, AfterValidator(_alertmanager)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_some), BeforeValidator(listed)]
Token = Annotated[Secret, AfterValidator(_token)]
DatabaseUrl = Annotated[Secret, AfterValidator(database_url)]
SshKey = Annotated[Secret, AfterValidator(_ssh_key)]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(_some), BeforeValidator(listed)]
Some = BeforeValidator(_some)
Port = Annotated[Whole, Ge(1), Le(65_535)]
Ports = Annotated[tuple[Port, ...], AfterValidator(_distinct)]
EvenCount = Annotated[Count, AfterValidator(_even)]
Storage = Annotated[Whole, AfterValidator(_storage)]
AbsolutePath = Annotated[Text, AfterValidator(_absolute)]
Permissions = Annotated[Text, AfterValidator(_permissions)]
