"""Answers: what goes over the wire and how; and the answers that are always alike."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"


class Delivery(StrEnum):
    """How an answer reaches the client, or does not."""

    WHOLE = "whole"
    LATE = "late"
    """After `Answer.seconds`."""
    DRIP = "drip"
    """Piece by piece over `Answer.seconds`."""
    CUT_OFF = "cut_off"
    """Half of the body that was announced, then the connection is closed."""
    DROP = "drop"
    """The connection is closed without a byte."""
    RESET = "reset"
    """The connection is reset (TCP RST) without a byte."""
    HANG = "hang"
    """Nothing, until the client gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, a body and its delivery."""

    status: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = Delivery.WHOLE
    seconds: float = 0.0

    @property
    def sent(self) -> bool:
        """Whether the client gets to see the status."""
        return self.delivery not in {Delivery.DROP, Delivery.RESET, Delivery.HANG}


def json_answer(value: object, *, status: int = 200) -> Answer:
    """Return `value` as a JSON answer."""
    return Answer(status=status, body=msgspec.json.encode(value))


def failure_in_200(error: str, *, code: int = 400) -> Answer:
    """Return a failure as the marketplace carries it inside a 200."""
    return json_answer({"status": code, "error": error})


UNAUTHORIZED = Answer(status=401, body=b"Unauthorized", media_type=TEXT)
FORBIDDEN = Answer(status=403, body=b"Forbidden", media_type=TEXT)
NOT_FOUND = json_answer({"status": 404, "error": "Not found"}, status=404)
DELETED = json_answer(
    {"data": {"type": "success", "attributes": {"message": "Instance deleted successfully"}}}
)
