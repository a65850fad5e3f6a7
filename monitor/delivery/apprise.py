"""Sending by Apprise, the only place that uses it.

Apprise is told to do one thing: to try once, now. Its retries, its pauses between messages, its
redirects (which turn a POST into a GET, and carry credentials along) and its `optional` (which
calls a failure a success) are off, whatever a URL says. Its log holds URLs: it is heard here and
nowhere else.
"""

import logging
import threading
from functools import partial
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.manager_plugins import NotificationManager
from apprise.plugins import NotifyBase, url_to_dict

from monitor.alerting.formats import TITLE_LENGTH, Format, Screen
from monitor.delivery.attempt import Attempts
from monitor.delivery.destination import Destination, scheme, scrub
from monitor.delivery.evidence import Evidence
from monitor.errors import DeliveryError, DeliveryRefusedError

CONNECT_LIMIT = 4.0
READ_LIMIT = 7.0
SEND_LIMIT = 7.5
"""Seconds for connecting, for each read, and for a whole send, however slowly it goes on."""

_FORMATS = {
    Format.TEXT: NotifyFormat.TEXT,
    Format.MARKDOWN: NotifyFormat.MARKDOWN,
    Format.HTML: NotifyFormat.HTML,
}
_JOINT = 40
"""Characters that Apprise may put between a title and a body whose lengths are counted as one."""
_FOR_PROGRAMS = frozenset({"json", "xml", "form", "apprise"})
"""Services whose messages a program reads: plain text, unless the URL asks for a format."""


class AppriseSender:
    """Sends to destinations; may be used by several threads, for one destination by one at a time.

    A send that outlasts `limit` is left behind, and its destination refuses others until it ends.
    """

    def __init__(self, *, limit: float = SEND_LIMIT) -> None:
        self._attempts = Attempts(limit, busy=DeliveryRefusedError)
        self._channels: dict[str, _Channel] = {}
        self._lock = threading.Lock()

    def send(
        self, destination: Destination, title: str, body: str, form: Format = Format.TEXT
    ) -> None:
        """Deliver one message, once, within `limit` seconds.

        Raises:
            DeliveryRefusedError: the receiver answered no, or nothing can have arrived.
            DeliveryUnknownError: it may have arrived.
        """
        channel = self._channel(destination)
        self._attempts.make(destination.key, partial(channel.send, title, body, form))

    def _channel(self, destination: Destination) -> "_Channel":
        with self._lock:
            channel = self._channels.get(destination.key)
            if channel is None:
                channel = _Channel(destination.url.reveal())
                self._channels[destination.key] = channel
            return channel


class _Channel:
    """One URL, loaded."""

    def __init__(self, url: str) -> None:
        plugin = _load(url)
        if plugin is None:
            raise DeliveryRefusedError("Apprise cannot use this URL; check-config says why")
        self._apprise = Apprise(plugin, asset=plugin.asset)
        self._scrub = partial(scrub, url=url)

    def send(self, title: str, body: str, form: Format) -> DeliveryError | None:
        _hear_all()
        evidence = Evidence()
        accepted = self._apprise.notify(
            title=title,
            body=body,
            body_format=_FORMATS[form],
            log_callback=evidence,
            log_level=logging.DEBUG,
        )
        return None if accepted else evidence.verdict(self._scrub)


def screen(url: str) -> Screen:
    """Return what the service behind `url` can show: what it says of itself, or plain text.

    Of two formats a service shows, the richer is taken: one that shows text as Markdown anyway
    (Discord, say) is given Markdown, in which names are escaped. `?format=` in the URL counts.
    """
    plugin = _load(url)
    if plugin is None:
        return Screen()
    own = plugin.resolve_format()
    name = scheme(url) or ""
    if own == NotifyFormat.TEXT and name.removesuffix("s") not in _FOR_PROGRAMS:
        own = plugin.resolve_format(NotifyFormat.MARKDOWN)
    shared = TITLE_LENGTH + _JOINT if plugin.overflow_amalgamate_title else 0
    return Screen(
        format=next(form for form, theirs in _FORMATS.items() if theirs == own),
        title_most=plugin.title_maxlen if plugin.title_maxlen > 0 else TITLE_LENGTH,
        body_most=plugin.body_maxlen - shared,
        one_field=plugin.title_maxlen <= 0,
    )


def check_url(url: str) -> str | None:
    """Return what is wrong with a receiver's URL in a sentence, or `None`; no network is used."""
    name = scheme(url)
    if name is None:
        return "is not an Apprise URL: those begin like discord://, mailto:// or json://"
    plugin = _load(url)
    if plugin is not None:
        return None if len(plugin) <= 1 else _reaches(len(plugin))
    known = NotificationManager()  # type: ignore[no-untyped-call]  # Apprise leaves it untyped
    if name not in known:
        return f"Apprise has no service {name}://, or does not know this address of it"
    if not known[name].enabled:
        return f"{name}:// needs a package that is not installed"
    return f"Apprise cannot use this {name}:// URL: something in it is missing or wrong"


def _reaches(targets: int) -> str:
    """Say why a URL must not have several targets: if one refuses, each retry tells all of them."""
    return f"reaches {targets} targets, which would share their retries: give each a URL of its own"


def _load(url: str) -> NotifyBase | None:
    """Return the plugin for `url`, set to try once and not to wait; `None` if there is none."""
    _hush()
    parsed = url_to_dict(url)  # type: ignore[no-untyped-call]  # likewise
    if not parsed:
        return None
    plugin = Apprise.instantiate(_once(parsed), asset=_asset())
    if plugin is not None:
        plugin.request_rate_per_sec = 0
    return plugin


def _once(parsed: dict[str, Any]) -> dict[str, Any]:
    """Return a parsed URL with our defaults where it says nothing, and our will where we insist.

    A message longer than a service takes is cut: what matters comes first, and a message that is
    refused for its length would be lost.
    """
    defaults = {"cto": CONNECT_LIMIT, "rto": READ_LIMIT, "overflow": "truncate"}
    return {**defaults, **parsed, "retry": 0, "optional": False, "redirect": False}


def _asset() -> AppriseAsset:
    return AppriseAsset(
        app_id="gpu-monitor",
        app_desc="gpu-monitor",
        async_mode=False,  # in our own thread, not in a pool that a few hanging sends would fill
        service_timeout=0,  # likewise: the time limit is ours
        allow_templates=False,
    )


def _hush() -> None:
    """Keep what Apprise and its HTTP library log from everybody else, for it holds URLs."""
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())  # or logging would print to standard error


def _hear_all() -> None:
    """Let Apprise hand every record to its callback, whatever level was set meanwhile."""
    log = logging.getLogger("apprise")
    if log.level != logging.DEBUG:
        log.setLevel(logging.DEBUG)
