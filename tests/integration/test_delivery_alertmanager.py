"""Posting to an Alertmanager's address behind which anything can be."""

import base64
import json
import threading
from typing import Any

import pytest

from monitor.delivery.alertmanager import (
    Alertmanager,
    AlertmanagerSender,
    alertmanagers,
    basic,
    bearer,
)
from monitor.errors import DeliveryRefusedError, DeliveryUnknownError
from tests.integration.receivers import CLOSE, CUT, HANG, Answer, closed_port, http_receiver

ALERTS = [{"labels": {"alertname": "cheap"}}]
SECRET = "t0ken-of-ours"


def target(port: int, authorization: str | None = None) -> Alertmanager:
    url = f"http://127.0.0.1:{port}/prefix"
    (found,) = alertmanagers("am", [url, url], authorization=authorization, generator_url=None)
    return found


def test_alerts_are_posted_to_the_second_version_of_the_api() -> None:
    with http_receiver() as receiver:
        AlertmanagerSender().post(target(receiver.port), ALERTS)
        (request,) = receiver.received()
    assert (request.method, request.path) == ("POST", "/prefix/api/v2/alerts")
    assert json.loads(request.body) == ALERTS
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("authorization", "sent"),
    [
        (bearer(SECRET), f"Bearer {SECRET}"),
        (basic("me", SECRET), f"Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}"),
    ],
)
def test_credentials_are_sent_and_shown_nowhere(authorization: str, sent: str) -> None:
    with http_receiver(Answer(status=403, body=f"no {sent}".encode())) as receiver:
        to = target(receiver.port, authorization)
        with pytest.raises(DeliveryRefusedError) as refused:
            AlertmanagerSender().post(to, ALERTS)
        assert receiver.received()[0].headers["Authorization"] == sent
        secret = sent.split()[1]
        assert secret not in f"{to!r} {refused.value}"
        assert str(receiver.port) not in f"{to!r} {refused.value}"


@pytest.mark.parametrize(
    ("behaviour", "error", "said"),
    [
        (Answer(status=500), DeliveryRefusedError, "answered 500"),
        (Answer(status=400, body=b'"bad label"'), DeliveryRefusedError, "bad label"),
        (Answer(status=302, headers={"Location": "/"}), DeliveryRefusedError, "answered 302"),
        (CLOSE, DeliveryUnknownError, "the connection was lost"),
        (CUT, DeliveryUnknownError, "the connection was lost"),
        (HANG, DeliveryUnknownError, "no end within 0.5 s"),
        (Answer(byte_delay=0.2), DeliveryUnknownError, "no end within 0.5 s"),
    ],
)
def test_what_is_not_accepted_is_told(behaviour: Any, error: type[Exception], said: str) -> None:
    with http_receiver(behaviour) as receiver, pytest.raises(error, match=said):
        AlertmanagerSender(limit=0.5).post(target(receiver.port), ALERTS)


def test_a_pause_that_is_asked_for_is_told() -> None:
    throttled = Answer(status=429, headers={"Retry-After": "7"})
    with http_receiver(throttled) as receiver, pytest.raises(DeliveryRefusedError) as refused:
        AlertmanagerSender().post(target(receiver.port), ALERTS)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after.seconds == 7


def test_nobody_listening_is_a_refusal() -> None:
    with pytest.raises(DeliveryRefusedError, match="the connection was refused"):
        AlertmanagerSender().post(target(closed_port()), ALERTS)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_breaks_off_is_not_taken_for_accepted() -> None:
    """A header is Latin-1 (RFC 9110, 5.5); what is not raises no error of requests."""
    with http_receiver() as receiver, pytest.raises(DeliveryUnknownError, match="it broke off"):
        AlertmanagerSender().post(target(receiver.port, bearer("t€ken")), ALERTS)


def test_a_sending_that_was_left_behind_is_waited_for_before_the_next() -> None:
    sender = AlertmanagerSender(limit=0.3)
    with http_receiver(HANG, Answer()) as receiver:
        to = target(receiver.port)
        for said in ("no end within", "still under way"):
            with pytest.raises(DeliveryUnknownError, match=said):
                sender.post(to, ALERTS)
        (left_behind,) = [t for t in threading.enumerate() if t.name == "delivery-attempt"]
        receiver.disconnect()
        left_behind.join(5)
        sender.post(to, ALERTS)
        assert len(receiver.received()) == 2
