"""Alertmanager's API v2: who is told the state of alerts, and does the grouping himself.

It is spoken to with requests, which Apprise sends with already: an edge has one HTTP library.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import requests

from monitor.alerting.outbox import ALERTMANAGER
from monitor.delivery.attempt import Attempts
from monitor.delivery.destination import Destination, SecretUrl, key, scrub
from monitor.delivery.evidence import verdict_of
from monitor.delivery.postable import Postable
from monitor.errors import DeliveryError, DeliveryUnknownError

CONNECT_LIMIT = 4.0
READ_LIMIT = 7.0
SEND_LIMIT = 7.5
"""Seconds for connecting, for each read, and for all of a sending, however slowly it goes on."""
BATCH = 256
"""How many alerts are sent in one request, as in Prometheus."""
_PATH = "/api/v2/alerts"
_ACCEPTED = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager(Destination):
    """One Alertmanager of a receiver: its address, and the `Authorization` it asks for."""

    authorization: str | None = field(default=None, repr=False)
    generator_url: str | None = None


def alertmanagers(
    receiver: str, urls: Iterable[str], *, authorization: str | None, generator_url: str | None
) -> tuple[Alertmanager, ...]:
    """Return an Alertmanager for each different URL of `receiver`, in the order given."""
    return tuple(
        Alertmanager(
            receiver=receiver,
            key=key(ALERTMANAGER, url),
            url=SecretUrl(url),
            authorization=authorization,
            generator_url=generator_url,
        )
        for url in dict.fromkeys(urls)
    )


def basic(username: str, password: str) -> str:
    """Return the `Authorization` for a user and a password (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def bearer(token: str) -> str:
    """Return the `Authorization` for a token (RFC 6750)."""
    return f"Bearer {token}"


class AlertmanagerSender:
    """Posts alerts; may be used by several threads, for one Alertmanager by one at a time.

    A sending that outlasts `limit` is left behind, as with Apprise; what comes while it goes on
    ends as it did, unknown.
    """

    def __init__(self, *, limit: float = SEND_LIMIT) -> None:
        self._attempts = Attempts(limit, busy=DeliveryUnknownError)

    def post(self, to: Alertmanager, alerts: Sequence[Postable]) -> None:
        """Send alerts, once, within `limit` seconds; they are accepted when this returns.

        Raises:
            DeliveryRefusedError: it answered no, or nothing can have arrived.
            DeliveryUnknownError: they may have arrived.
        """
        self._attempts.make(to.key, partial(_post, to, alerts))


def _post(to: Alertmanager, alerts: Sequence[Postable]) -> DeliveryError | None:
    outcome = _outcome(to, alerts)
    if isinstance(outcome, OSError) or outcome.status_code not in _ACCEPTED:
        return verdict_of(outcome, partial(_scrub, authorization=to.authorization))
    return None


def _outcome(to: Alertmanager, alerts: Sequence[Postable]) -> requests.Response | OSError:
    headers = {"User-Agent": "gpu-monitor"}
    if to.authorization is not None:
        headers["Authorization"] = to.authorization
    try:
        with requests.Session() as session:
            session.trust_env = False  # a .netrc would take the place of our own credentials
            return session.post(
                f"{to.url.reveal()}{_PATH}",
                json=list(alerts),
                headers=headers,
                timeout=(CONNECT_LIMIT, READ_LIMIT),
                allow_redirects=False,  # a redirect would carry the credentials along
            )
    except OSError as error:  # all errors of requests are
        return error


def _scrub(text: str, authorization: str | None) -> str:
    _, _, secret = (authorization or "").partition(" ")
    return scrub(text, f"any://{secret}") if secret else text
