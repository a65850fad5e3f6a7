"""What went wrong in a send: Apprise says only yes or no, so its plugins are watched as they log.

A plugin logs a failure where it meets it: inside the `except` block of the error, or beside the
answer, which it holds in a local variable. Apprise hands each log record to a callback at that
very moment, and there both can be seen. A plugin that shows neither leaves us in doubt.
"""

import inspect
import re
import smtplib
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.client import responses

import requests
from apprise.logger import NotifyLogEntry
from urllib3.exceptions import NewConnectionError

from monitor.errors import DeliveryError, DeliveryRefusedError, DeliveryUnknownError

ERROR_LENGTH = 200
_EXCERPT = 300
_TROUBLE = frozenset({"WARNING", "ERROR", "CRITICAL"})

_NEVER_SENT: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its host is not known"),
    (ConnectionRefusedError, "the connection was refused"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (requests.ConnectTimeout, "no connection in time"),
    (NewConnectionError, "no connection could be made"),
    (requests.exceptions.InvalidURL, "the URL cannot be used"),
    (smtplib.SMTPNotSupportedError, "the mail server lacks what the URL asks for"),
)
"""Errors after which it is certain that nothing arrived."""

_DOUBTFUL: tuple[tuple[type[BaseException], str], ...] = (
    (requests.Timeout, "no answer in time"),
    (TimeoutError, "no answer in time"),
    (OSError, "the connection was lost"),
)
"""Errors after which it may have arrived; `OSError` is the root of all others seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    text: str
    retry_after: timedelta | None = None


class Evidence:
    """What was seen of one send; an instance is the `log_callback` of that call of Apprise."""

    def __init__(self) -> None:
        self._answers: list[_Answer] = []
        self._faults: list[OSError] = []
        self._remark = ""

    def __call__(self, entry: NotifyLogEntry, _service: object) -> None:
        """Note the error being handled and the answer in sight at this log record."""
        fault = sys.exception()
        if isinstance(fault, OSError):
            self.note(fault)
        elif entry.level in _TROUBLE:
            self._remark = entry.message
            response = _response_in_sight()
            if response is not None:
                self.note(response)

    def note(self, seen: requests.Response | OSError) -> None:
        """Note an answer, or an error."""
        match seen:
            case requests.Response():
                self._answers.append(_http_answer(seen))
            case smtplib.SMTPResponseException():
                self._answers.append(_smtp_answer(seen.smtp_code, seen.smtp_error))
            case smtplib.SMTPRecipientsRefused():
                self._answers += [_smtp_answer(*reply) for reply in seen.recipients.values()]
            case _:
                self._faults.append(seen)

    def verdict(self, scrub: Callable[[str], str]) -> DeliveryError:
        """Return why the send failed; doubt wins, for what may have arrived is no refusal.

        `scrub` takes the secrets out of what others said; the sentence is bounded.
        """
        doubtful = [fault for fault in self._faults if _sentence(fault, _NEVER_SENT) is None]
        if doubtful:
            return DeliveryUnknownError(_sentence(doubtful[0], _DOUBTFUL))
        if self._answers:
            return _refusal(self._answers[-1], scrub)
        if self._faults:
            return DeliveryRefusedError(_sentence(self._faults[0], _NEVER_SENT) or "")
        return DeliveryUnknownError(
            _line(f"Apprise gave up: {scrub(self._remark) or 'no reason told'}")
        )


def verdict_of(outcome: requests.Response | OSError, scrub: Callable[[str], str]) -> DeliveryError:
    """Return why a sending failed that ended in this answer or this error."""
    seen = Evidence()
    seen.note(outcome)
    return seen.verdict(scrub)


def _refusal(answer: _Answer, scrub: Callable[[str], str]) -> DeliveryRefusedError:
    return DeliveryRefusedError(
        _line(f"the receiver answered {answer.status} {scrub(answer.text)}"),
        status=answer.status,
        retry_after=answer.retry_after,
    )


def _line(text: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:ERROR_LENGTH]


def _sentence(
    fault: BaseException, sentences: tuple[tuple[type[BaseException], str], ...]
) -> str | None:
    chain = tuple(_chain(fault))
    for kind, sentence in sentences:
        if any(isinstance(link, kind) for link in chain):
            return sentence
    return None


def _chain(fault: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = fault
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _response_in_sight() -> requests.Response | None:
    """Return the answer that a plugin, somewhere up the stack, holds while it logs."""
    frame = inspect.currentframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if isinstance(value, requests.Response):
                return value
        frame = frame.f_back
    return None


def _http_answer(response: requests.Response) -> _Answer:
    return _Answer(
        status=response.status_code,
        text=f"{responses.get(response.status_code, '')} {_excerpt(response.content)}",
        retry_after=_retry_after(response),
    )


def _smtp_answer(status: int, text: bytes | str) -> _Answer:
    return _Answer(status=status, text=_excerpt(text if isinstance(text, bytes) else text.encode()))


def _excerpt(body: bytes) -> str:
    """Return the start of an answer that was meant to be read; a page of HTML was not."""
    text = body[:_EXCERPT].decode(errors="replace").strip()
    return "" if text.startswith("<") else text


def _retry_after(response: requests.Response) -> timedelta | None:
    """Return the pause of a `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.

    A date is taken against the answer's own `Date`, so that clocks that differ do no harm.
    """
    value = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", value):
        return timedelta(seconds=float(value))
    try:
        until, at = (parsedate_to_datetime(text) for text in (value, response.headers["Date"]))
        return max(until - at, timedelta(0))
    except (KeyError, TypeError, ValueError):
        return None
