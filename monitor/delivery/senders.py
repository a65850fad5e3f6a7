"""One sender for all destinations: Apprise for its URLs, Alertmanager's API for Alertmanagers."""

from collections.abc import Callable
from datetime import datetime

from monitor.alerting.formats import Format
from monitor.delivery.alertmanager import Alertmanager, AlertmanagerSender
from monitor.delivery.apprise import AppriseSender
from monitor.delivery.destination import Destination
from monitor.delivery.postable import postable_message


class Senders:
    """Delivers one message, once, within a few seconds; `now` is the wall clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._apprise = AppriseSender()
        self._alertmanager = AlertmanagerSender()
        self._now = now

    def send(self, destination: Destination, title: str, body: str, form: Format) -> None:
        """Return when the destination has accepted the message.

        Raises:
            DeliveryError: it has not, or nobody knows.
        """
        if isinstance(destination, Alertmanager):
            message = postable_message(title, body, self._now())
            self._alertmanager.post(destination, [message])
        else:
            self._apprise.send(destination, title, body, form)
