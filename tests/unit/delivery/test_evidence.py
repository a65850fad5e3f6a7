"""What is concluded from what was seen of a send that failed."""

import smtplib

import pytest
import requests
from apprise.logger import NotifyLogEntry

from monitor.delivery.evidence import Evidence
from monitor.errors import DeliveryError, DeliveryRefusedError, DeliveryUnknownError

WARNING = NotifyLogEntry(level="WARNING", message="Failed to send to T0KEN.")


def answered(evidence: Evidence, status: int) -> None:
    """Log as a plugin does that holds an answer."""
    response = requests.Response()
    response.status_code = status
    response._content = b"T0KEN says no"
    evidence(WARNING, None)


def failed(evidence: Evidence, error: Exception) -> None:
    """Log as a plugin does that handles an error."""
    try:
        raise error
    except type(error):
        evidence(WARNING, None)


def verdict(evidence: Evidence) -> DeliveryError:
    return evidence.verdict(lambda text: text.replace("T0KEN", "***"))


def test_without_evidence_it_is_unknown_and_the_last_remark_is_kept_scrubbed() -> None:
    evidence = Evidence()
    assert str(verdict(evidence)) == "Apprise gave up: no reason told"
    evidence(WARNING, None)
    assert isinstance(verdict(evidence), DeliveryUnknownError)
    assert str(verdict(evidence)) == "Apprise gave up: Failed to send to ***."


def test_an_answer_in_sight_is_a_refusal_even_if_it_is_a_200() -> None:
    evidence = Evidence()
    answered(evidence, 200)
    error = verdict(evidence)
    assert isinstance(error, DeliveryRefusedError)
    assert (error.status, str(error)) == (200, "the receiver answered 200 OK *** says no")


def test_doubt_about_one_of_several_targets_outweighs_the_refusal_of_another() -> None:
    evidence = Evidence()
    answered(evidence, 500)
    failed(evidence, requests.ReadTimeout())
    assert isinstance(verdict(evidence), DeliveryUnknownError)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (requests.ConnectTimeout(), None),
        (ConnectionRefusedError(), None),
        (smtplib.SMTPAuthenticationError(535, b"wrong password"), 535),
        (smtplib.SMTPRecipientsRefused({"a@b": (550, b"no such box")}), 550),
    ],
)
def test_what_certainly_did_not_arrive_is_a_refusal(error: Exception, status: int | None) -> None:
    evidence = Evidence()
    failed(evidence, error)
    refusal = verdict(evidence)
    assert isinstance(refusal, DeliveryRefusedError)
    assert refusal.status == status


@pytest.mark.parametrize(
    "error", [requests.ReadTimeout(), TimeoutError(), ConnectionResetError(), BrokenPipeError()]
)
def test_what_may_have_arrived_is_unknown(error: Exception) -> None:
    evidence = Evidence()
    failed(evidence, error)
    assert isinstance(verdict(evidence), DeliveryUnknownError)


def test_an_error_of_another_kind_does_not_hide_the_answer() -> None:
    """A plugin that cannot read the body of an error logs while it handles a ValueError."""
    evidence = Evidence()
    response = requests.Response()
    response.status_code = 502
    response._content = b""
    failed(evidence, ValueError())
    assert isinstance(verdict(evidence), DeliveryRefusedError)
