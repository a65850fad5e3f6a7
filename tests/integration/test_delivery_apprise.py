"""Apprise against real receivers: what is sent, what went wrong, and that no URL is told."""

import logging
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from monitor.clock import monotonic
from monitor.delivery.apprise import AppriseSender, check_url
from monitor.delivery.destination import Destination, destinations
from monitor.errors import DeliveryError, DeliveryRefusedError, DeliveryUnknownError
from tests.integration.receivers import (
    CLOSE,
    CUT,
    HANG,
    Answer,
    Behaviour,
    Fault,
    HttpReceiver,
    Reply,
    closed_port,
    http_receiver,
    smtp_receiver,
    unaccepting_port,
)

SOON = "rto=0.3&cto=0.3"
"""Time-outs for a URL, in seconds, so that tests are quick."""


def at(url: str) -> Destination:
    return destinations("chat", [url])[0]


def http(receiver: HttpReceiver, path: str = "hook") -> Destination:
    return at(f"json://127.0.0.1:{receiver.port}/{path}?{SOON}")


def mail(port: int) -> Destination:
    return at(
        f"mailto://127.0.0.1:{port}/?from=gpu@example.org&to=you@example.org&mode=insecure&{SOON}"
    )


def failure(destination: Destination) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        AppriseSender().send(destination, "title", "body")
    return caught.value


def test_a_message_arrives_over_http_as_it_was_written() -> None:
    with http_receiver() as receiver:
        AppriseSender().send(http(receiver), "H100 under 2.20", "2.10 $/h\n8 × h100 <free> & *new*")
        (request,) = receiver.wait_for(1)
    assert request.path == "/hook"
    assert request.json()["title"] == "H100 under 2.20"
    assert request.json()["message"] == "2.10 $/h\n8 × h100 <free> & *new*"


def test_a_message_arrives_as_a_mail() -> None:
    with smtp_receiver() as receiver:
        AppriseSender().send(mail(receiver.port), "H100 under 2.20", "from 2.10 $/h")
        (received,) = receiver.wait_for(1)
    assert received.recipients == ("you@example.org",)
    assert b"Subject: H100 under 2.20" in received.data
    assert b"from 2.10 $/h" in received.data


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_http_error_is_a_refusal_with_its_status_and_what_it_says(status: int) -> None:
    with http_receiver(Answer(status=status, body=b'{"detail": "chat\n not found"}')) as receiver:
        error = failure(http(receiver))
    assert isinstance(error, DeliveryRefusedError)
    assert error.status == status
    assert str(error).startswith(f"the receiver answered {status} ")
    assert "chat not found" in str(error)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, timedelta(seconds=7)),
        ({"Retry-After": "0.5"}, timedelta(seconds=0.5)),
        (
            {
                "Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            timedelta(seconds=30),
        ),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_pause_that_is_asked_for_is_understood(
    headers: dict[str, str], pause: timedelta | None
) -> None:
    with http_receiver(Answer(status=429, headers=headers)) as receiver:
        error = failure(http(receiver))
    assert isinstance(error, DeliveryRefusedError)
    assert error.retry_after == pause


@pytest.mark.parametrize("behaviour", [HANG, CLOSE, CUT, Answer(delay=5)])
def test_an_answer_that_does_not_come_whole_leaves_it_unknown(behaviour: Behaviour) -> None:
    with http_receiver(behaviour) as receiver:
        assert isinstance(failure(http(receiver)), DeliveryUnknownError)


def test_a_receiver_that_takes_the_request_and_never_reads_it_leaves_it_unknown() -> None:
    with unaccepting_port() as port:
        assert isinstance(failure(at(f"json://127.0.0.1:{port}/?{SOON}")), DeliveryUnknownError)
        assert isinstance(failure(mail(port)), DeliveryUnknownError)


@pytest.mark.parametrize("url", ["json://127.0.0.1:{}/", "mailto://127.0.0.1:{}/?from=a@b.example"])
def test_a_refused_connection_is_a_refusal(url: str) -> None:
    error = failure(at(url.format(closed_port())))
    assert isinstance(error, DeliveryRefusedError)
    assert error.status is None
    assert "connection was refused" in str(error)


def test_a_server_without_tls_is_not_told_in_the_clear() -> None:
    with http_receiver() as receiver:
        failure(at(f"jsons://127.0.0.1:{receiver.port}/?{SOON}"))
        assert receiver.received() == []


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Reply(line="550 no such box", to="recipient"), 550), (Reply(line="451 try later"), 451)],
)
def test_a_mail_server_that_says_no_is_a_refusal(reply: Reply, status: int) -> None:
    with smtp_receiver(reply) as receiver:
        error = failure(mail(receiver.port))
    assert isinstance(error, DeliveryRefusedError)
    assert error.status == status
    assert reply.line in str(error)


@pytest.mark.parametrize("fault", [HANG, CLOSE])
def test_a_mail_server_that_does_not_confirm_leaves_it_unknown(fault: Fault) -> None:
    with smtp_receiver(fault) as receiver:
        assert isinstance(failure(mail(receiver.port)), DeliveryUnknownError)


def test_a_url_can_ask_neither_for_retries_nor_to_overlook_failures() -> None:
    with http_receiver(Answer(status=500)) as receiver:
        failure(http(receiver, "?retry=3&wait=0&optional=yes&"))
        assert len(receiver.received()) == 1


def test_a_redirect_is_a_refusal_and_is_not_followed() -> None:
    """Following would turn the POST into a GET, lose the message, and call it sent."""
    with http_receiver() as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.port}/"
        with http_receiver(Answer(status=302, headers={"Location": target})) as receiver:
            error = failure(http(receiver, "?redirect=yes&"))
        assert elsewhere.received() == []
    assert isinstance(error, DeliveryRefusedError)
    assert error.status == 302


def test_messages_follow_each_other_without_a_pause() -> None:
    """Apprise would wait 5.5 s between two messages to ntfy, with a thread of ours."""
    with http_receiver() as receiver:
        sender = AppriseSender()
        destination = at(f"ntfy://127.0.0.1:{receiver.port}/topic")
        for title in ("1", "2", "3"):
            sender.send(destination, title, "body")
        first, *_, last = receiver.received()
    assert last.at - first.at < 2


def test_a_send_that_drips_on_for_ever_ends_in_time_and_does_not_pile_up() -> None:
    sender = AppriseSender(limit=0.3)
    with http_receiver(Answer(byte_delay=0.05)) as receiver:
        began = monotonic()
        with pytest.raises(DeliveryUnknownError, match=r"no end within 0\.3 s"):
            sender.send(http(receiver), "1", "body")
        assert monotonic() - began < 2
        with pytest.raises(DeliveryRefusedError, match="still under way"):
            sender.send(http(receiver), "2", "body")
        (left_behind,) = [t for t in threading.enumerate() if t.name == "delivery-attempt"]
        assert left_behind.daemon
        assert len(receiver.received()) == 1
    left_behind.join(5)


def test_one_sender_serves_several_destinations_at_once() -> None:
    sender = AppriseSender()
    with http_receiver(HANG) as hanging, http_receiver() as quick, ThreadPoolExecutor() as pool:
        slow = pool.submit(sender.send, http(hanging), "1", "body")
        hanging.wait_for(1)
        sender.send(http(quick), "2", "body")
        assert not slow.done()
        assert isinstance(slow.exception(10), DeliveryUnknownError)


SECRETS = ("s3cr3t-user", "pa55-w0rd", "p4th-T0KEN", "qu3ry-T0KEN")


def secret_url(scheme: str, port: int) -> str:
    user, password, path, query = SECRETS
    return f"{scheme}://{user}:{password}@127.0.0.1:{port}/{path}?-key={query}&{SOON}"


class _Everything(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()} {record.args}")


@pytest.fixture
def whole_log() -> Iterator[list[str]]:
    """All that reaches the root logger, at a level nobody should ever set."""
    root, handler, level = logging.getLogger(), _Everything(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    yield handler.lines
    root.setLevel(level)
    root.removeHandler(handler)


ECHO = " ".join(SECRETS).encode()


@pytest.mark.parametrize(
    "behaviour",
    [Answer(), Answer(status=500, body=ECHO), Answer(status=403, body=ECHO), HANG, CLOSE],
)
def test_no_part_of_a_url_is_told_by_errors_or_logs(
    behaviour: Behaviour, whole_log: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    told = []
    with http_receiver(behaviour) as receiver:
        for destination in (
            at(secret_url("json", receiver.port)),
            at(secret_url("jsons", receiver.port)),
            at(secret_url("json", closed_port())),
        ):
            try:
                AppriseSender().send(destination, "title", "body")
            except DeliveryError as error:
                told += traceback.format_exception(error)
            told.append(repr(destination))
        assert SECRETS[2] in receiver.received()[0].path
    told += [*whole_log, *capfd.readouterr()]
    assert not [text for text in told for secret in (*SECRETS, "127.0.0.1") if secret in text]


def test_an_error_is_one_short_line() -> None:
    with http_receiver(Answer(status=500, body=b"x y\r\n\x1b[31m" * 500)) as receiver:
        error = str(failure(http(receiver)))
    assert len(error) <= 200
    assert error.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:8080/hook",
        "mailto://user:pass@example.org",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/12315544/",
        "ntfy://topic",
    ],
)
def test_a_url_that_apprise_can_use_passes(url: str) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("s3cr3t", "is not an Apprise URL"),
        ("", "is not an Apprise URL"),
        ("discrod://s3cr3t/s3cr3t", "Apprise has no service discrod://"),
        ("https://example.org/s3cr3t", "does not know this address"),
        ("discord://s3cr3t", "cannot use this discord:// URL"),
        ("mailto://", "cannot use this mailto:// URL"),
        ("ntfy://127.0.0.1/s3cr3t,other", "reaches 2 targets"),
        ("mailto://me:s3cr3t@example.org?to=a@example.org,b@example.org", "a URL of its own"),
        ("mqtt://s3cr3t/topic", "mqtt:// needs a package that is not installed"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_showing_it(url: str, wrong: str) -> None:
    sentence = check_url(url)
    assert sentence is not None
    assert wrong in sentence
    assert "s3cr3t" not in sentence


def test_a_url_that_was_never_checked_is_refused_when_sent_to() -> None:
    error = failure(at("discord://s3cr3t"))
    assert isinstance(error, DeliveryRefusedError)
    assert "s3cr3t" not in str(error)
