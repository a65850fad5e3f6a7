"""The receivers that other tests rely on do what they say."""

import http.client
import smtplib
import socket
import threading

import pytest

from tests.integration.receivers import (
    CLOSE,
    CUT,
    HANG,
    Answer,
    Reply,
    closed_port,
    http_receiver,
    smtp_receiver,
    unaccepting_port,
)


def post(port: int, body: bytes = b"{}", timeout: float = 0.2) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", "/chat?x=1", body)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def mail(port: int, timeout: float = 2) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=timeout) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: hi\r\n\r\nthere")


def test_a_request_is_recorded_as_it_arrived() -> None:
    with http_receiver() as receiver:
        assert post(receiver.port, b'{"title": "t"}').status == 200
        (request,) = receiver.wait_for(1)
    assert (request.method, request.path) == ("POST", "/chat?x=1")
    assert request.json() == {"title": "t"}
    assert request.at > 0


def test_answers_come_in_turn_and_the_last_one_stays() -> None:
    with http_receiver(Answer(status=500), Answer(status=429, headers={"Retry-After": "7"})) as r:
        answers = [post(r.port) for _ in range(3)]
    assert [answer.status for answer in answers] == [500, 429, 429]
    assert answers[1].headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (HANG, TimeoutError),
        (CLOSE, http.client.RemoteDisconnected),
        (CUT, http.client.IncompleteRead),
        (Answer(delay=5), TimeoutError),
    ],
)
def test_a_fault_is_felt_by_the_client_and_leaves_no_thread(
    behaviour: Answer, error: type[Exception]
) -> None:
    before = threading.active_count()
    with http_receiver(behaviour) as receiver, pytest.raises(error):
        post(receiver.port)
    assert threading.active_count() == before


def test_a_slow_answer_comes_byte_by_byte() -> None:
    with http_receiver(Answer(byte_delay=0.001)) as receiver:
        assert post(receiver.port).status == 200


def test_an_idle_connection_does_not_keep_the_receiver_open() -> None:
    with http_receiver() as receiver:
        idle = socket.create_connection(("127.0.0.1", receiver.port))
    idle.close()


def test_ports_that_hang_and_ports_that_refuse() -> None:
    with unaccepting_port() as port, pytest.raises(TimeoutError):
        post(port)
    with pytest.raises(ConnectionRefusedError):
        post(closed_port())


def test_a_mail_is_recorded_as_it_was_handed_over() -> None:
    with smtp_receiver() as receiver:
        mail(receiver.port)
        (received,) = receiver.wait_for(1)
    assert (received.sender, received.recipients) == ("a@example.org", ("b@example.org",))
    assert b"Subject: hi" in received.data


def test_a_recipient_and_a_mail_can_be_refused() -> None:
    with smtp_receiver(Reply(line="550 no", to="recipient"), Reply(line="451 later")) as receiver:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            mail(receiver.port)
        with pytest.raises(smtplib.SMTPDataError):
            mail(receiver.port)


def test_a_mail_server_can_hang_and_hang_up() -> None:
    before = threading.active_count()
    with smtp_receiver(HANG, CLOSE) as receiver:
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            mail(receiver.port, timeout=0.2)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            mail(receiver.port)
    assert threading.active_count() == before


def fail_while_a_receiver_hangs() -> None:
    with http_receiver(HANG) as receiver:
        post(receiver.port)


def test_a_test_that_fails_while_its_receiver_hangs_does_not_hang_with_it() -> None:
    with pytest.raises(TimeoutError):
        fail_while_a_receiver_hangs()
