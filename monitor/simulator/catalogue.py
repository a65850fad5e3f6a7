"""Every oddity of the marketplace, and every failure of a network, as a named fault.

The oddities are those of docs/simulator.md; each was seen by public clients.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus

import msgspec

from monitor.simulator import shapes
from monitor.simulator.answers import (
    FORBIDDEN,
    HTML,
    TEXT,
    UNAUTHORIZED,
    Answer,
    Delivery,
    failure_in_200,
    json_answer,
)
from monitor.simulator.faults import Call, Endpoint, Fault, Spoil
from monitor.simulator.stock import NO_NODES, UNAVAILABLE
from monitor.simulator.terms import Ports

CALLS_PER_MINUTE = 100
"""What one organisation may ask for, as seen."""

_CREATE = (Endpoint.CREATE,)
_ACTING = (Endpoint.CREATE, Endpoint.DELETE)
_SHOWING = (Endpoint.INSTANCES, Endpoint.INSTANCE)
_READING = (
    Endpoint.HOSTNODES,
    Endpoint.HOSTNODE,
    Endpoint.LOCATIONS,
    Endpoint.INSTANCES,
    Endpoint.INSTANCE,
)

_LIST_SHAPED = (
    {
        "code": "custom",
        "message": "SSH port (22) must be forwarded for Ubuntu VMs",
        "path": ["data", "attributes", "port_forwards"],
    },
)
_PAGE = b"<!DOCTYPE html><html><head><title>Dashboard</title></head><body>Please wait</body></html>"


def _always(answer: Answer) -> Spoil:
    return lambda _answer, _call: answer


def _delivered(delivery: Delivery) -> Spoil:
    return lambda answer, call: replace(answer, delivery=delivery, seconds=call.seconds)


def _body(change: Callable[[bytes], bytes]) -> Spoil:
    """Change a body, unless another fault has left nothing of it that could be."""

    def spoil(answer: Answer, _call: Call) -> Answer:
        if answer.status != HTTPStatus.OK:
            return answer
        with suppress(msgspec.MsgspecError, AttributeError, KeyError, TypeError):
            return replace(answer, body=change(answer.body))
        return answer

    return spoil


def _throttled(after: Callable[[Call], tuple[tuple[str, str], ...]]) -> Spoil:
    body = b"Too many requests"
    return lambda _answer, call: Answer(status=429, body=body, media_type=TEXT, headers=after(call))


def _retry_seconds(call: Call) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", str(round(call.seconds))),)


def _retry_date(call: Call) -> tuple[tuple[str, str], ...]:
    at = call.now + timedelta(seconds=call.seconds)
    return (("Retry-After", format_datetime(at, usegmt=True)),)


def _instead(name: str, does: str, answer: Answer, on: tuple[Endpoint, ...] = _CREATE) -> Fault:
    """A fault that does nothing and says `answer`."""
    return Fault(name=name, does=does, on=on, acts=False, spoil=_always(answer))


def _says(name: str, error: str) -> Fault:
    """A create that fails inside a 200 in the words of `error`."""
    return _instead(name, f"creates nothing; 200 with the error “{error}”", failure_in_200(error))


def _server_error(status: int, text: str) -> Answer:
    return Answer(status=status, body=text.encode(), media_type=TEXT)


_EVERYWHERE = (
    _instead("unauthorized", "401 with the plain text “Unauthorized”", UNAUTHORIZED, (*Endpoint,)),
    _instead("forbidden", "403 with a plain text", FORBIDDEN, (*Endpoint,)),
    Fault(
        name="throttled",
        does="429 that does not say how long to wait",
        acts=False,
        spoil=_throttled(lambda _call: ()),
    ),
    Fault(
        name="throttled-seconds",
        does="429 with `Retry-After` in seconds",
        acts=False,
        spoil=_throttled(_retry_seconds),
        seconds=5,
    ),
    Fault(
        name="throttled-date",
        does="429 with `Retry-After` as a date",
        acts=False,
        spoil=_throttled(_retry_date),
        seconds=5,
    ),
    Fault(
        name="rate-limit",
        does=f"429 with `Retry-After` beyond {CALLS_PER_MINUTE} calls in a minute",
        when=lambda call: call.recent > CALLS_PER_MINUTE,
        acts=False,
        spoil=_throttled(_retry_seconds),
        seconds=5,
    ),
    _instead("error-500", "500 without acting", _server_error(500, "Internal error"), (*Endpoint,)),
    _instead("error-502", "502 without acting", _server_error(502, "Bad gateway"), (*Endpoint,)),
    _instead("error-503", "503 without acting", _server_error(503, "Unavailable"), (*Endpoint,)),
    Fault(
        name="hang",
        does="neither acts nor answers",
        acts=False,
        spoil=_delivered(Delivery.HANG),
    ),
    Fault(
        name="drop",
        does="does not act; closes the connection without an answer",
        acts=False,
        spoil=_delivered(Delivery.DROP),
    ),
    Fault(
        name="reset",
        does="does not act; resets the connection",
        acts=False,
        spoil=_delivered(Delivery.RESET),
    ),
    Fault(name="late", does="answers late", spoil=_delivered(Delivery.LATE), seconds=5),
    Fault(
        name="drip",
        does="sends the body a little at a time",
        spoil=_delivered(Delivery.DRIP),
        seconds=5,
    ),
    Fault(
        name="cut-off",
        does="sends half of the body it announced, then closes the connection",
        spoil=_delivered(Delivery.CUT_OFF),
    ),
)

_SHAPES = (
    _instead("html", "200 with a web page", Answer(body=_PAGE, media_type=HTML), _READING),
    _instead("null", "200 with JSON `null`", json_answer(None), _READING),
    _instead("list", "200 with a JSON list", json_answer([]), _READING),
    _instead("data-missing", "200 with an object that has no `data`", json_answer({}), _READING),
    _instead("not-json", "200 with text that is no JSON", Answer(body=b'{"data":'), _READING),
    _instead(
        "empty",
        "200 with no hostnodes though the market is not empty",
        json_answer({"data": {"hostnodes": []}}),
        (Endpoint.HOSTNODES,),
    ),
    Fault(
        name="hostnodes-object",
        does="the hostnodes come as an object, by id",
        on=(Endpoint.HOSTNODES,),
        spoil=_body(shapes.hostnodes_by_id),
    ),
    Fault(
        name="rows-broken",
        does="no hostnode can be read: each is in turn null, text, or has no id or no resources",
        on=(Endpoint.HOSTNODES,),
        spoil=_body(shapes.all_broken),
    ),
    Fault(
        name="some-rows-broken",
        does="every third hostnode cannot be read",
        on=(Endpoint.HOSTNODES,),
        spoil=_body(shapes.some_broken),
    ),
    Fault(
        name="prices-broken",
        does="every price is in turn missing, null, 0, negative or text",
        on=(Endpoint.HOSTNODES,),
        spoil=_body(shapes.prices_broken),
    ),
    Fault(
        name="ports-listed",
        does="the list has `available_ports` too",
        on=(Endpoint.HOSTNODES,),
        bend=lambda terms, _call: replace(terms, ports_listed=True),
    ),
    Fault(
        name="extra-fields",
        does="hostnodes have the optional fields that were seen, and speeds and storage as floats",
        on=(Endpoint.HOSTNODES, Endpoint.HOSTNODE),
        spoil=_body(shapes.extra_fields),
    ),
    Fault(
        name="price-differs",
        does="one hostnode alone is 10 % dearer than in the list",
        on=(Endpoint.HOSTNODE,),
        spoil=_body(shapes.dearer),
    ),
)

_CREATING = (
    _says("no-nodes", NO_NODES),
    _says("hostnode-unavailable", UNAVAILABLE),
    _says("no-public-ips", "No available public IPs on hostnode"),
    _says("deployment-error", "unexpected error during deployment"),
    _says("funds-need-at-least", "You need at least $5.00 to deploy this instance"),
    _says("funds-balance", "Your balance is too low to deploy this instance"),
    _says("funds-insufficient", "Insufficient funds"),
    _instead(
        "stale-host",
        "a hostnode (choose which) is listed but refuses every create, as “Hostnode unavailable”",
        json_answer({"error": UNAVAILABLE, "status": 400}),
    ),
    _instead(
        "empty-id",
        "creates nothing; 200 with an empty id",
        json_answer({"data": {"type": "virtualmachine", "id": "", "name": "", "status": ""}}),
    ),
    _instead(
        "bad-request",
        "creates nothing; 400 with a list of complaints",
        json_answer(_LIST_SHAPED, status=400),
    ),
    Fault(
        name="acts-hangs",
        does="acts, then never answers",
        on=_ACTING,
        spoil=_delivered(Delivery.HANG),
    ),
    Fault(
        name="acts-drops",
        does="acts, then closes the connection without an answer",
        on=_ACTING,
        spoil=_delivered(Delivery.DROP),
    ),
    Fault(
        name="acts-error-500",
        does="acts, then answers 500",
        on=_ACTING,
        spoil=_always(_server_error(500, "Internal error")),
    ),
    Fault(
        name="acts-error-504",
        does="acts, then answers 504",
        on=_ACTING,
        spoil=_always(_server_error(504, "Gateway timeout")),
    ),
    Fault(
        name="acts-unreadable",
        does="acts, then answers 200 with a web page",
        on=_ACTING,
        spoil=_always(Answer(body=_PAGE, media_type=HTML)),
    ),
    Fault(
        name="ports-reassigned",
        does="gives other external ports than were wished for",
        on=_CREATE,
        bend=lambda terms, _call: replace(terms, ports=Ports.REASSIGNED),
    ),
    Fault(
        name="ports-ignored",
        does="forwards no port",
        on=_CREATE,
        bend=lambda terms, _call: replace(terms, ports=Ports.IGNORED),
    ),
    Fault(
        name="rate-higher",
        does="bills 25 % more than was listed",
        on=_CREATE,
        bend=lambda terms, _call: replace(terms, rate_factor=1.25),
    ),
)

_SHOWN = (
    Fault(
        name="instances-wrapped",
        does="the list comes as `data.instances[]`",
        on=(Endpoint.INSTANCES,),
        spoil=_body(shapes.instances_wrapped),
    ),
    Fault(
        name="instances-flat",
        does="the list comes as `data[]`, its fields not under `attributes`",
        on=(Endpoint.INSTANCES,),
        spoil=_body(shapes.instances_flat),
    ),
    _instead(
        "instances-empty",
        "200 with no instances though there are some",
        json_answer({"data": {"attributes": {"instances": []}}}),
        (Endpoint.INSTANCES,),
    ),
    Fault(
        name="instances-lag",
        does="a new instance is missing from the list for a while",
        on=(Endpoint.INSTANCES,),
        bend=lambda terms, call: replace(terms, hidden_for=timedelta(seconds=call.seconds)),
        seconds=30,
    ),
    Fault(
        name="status-case",
        does="statuses come in other cases: RUNNING, Running",
        on=(*_SHOWING, Endpoint.CREATE),
        spoil=_body(shapes.odd_statuses),
    ),
    Fault(
        name="status-stopped",
        does="every status is `StoppedDisassociated`",
        on=_SHOWING,
        spoil=_body(shapes.stopped),
    ),
    Fault(
        name="rate-zero",
        does="`rateHourly` is 0",
        on=(Endpoint.INSTANCE,),
        spoil=_body(shapes.rate_zero),
    ),
    Fault(
        name="vanish",
        does="the newest instance is gone though nobody deleted it",
        on=_SHOWING,
        bend=lambda terms, _call: replace(terms, vanish=True),
    ),
    Fault(
        name="delete-lingers",
        does="a deleted instance stays listed for a while",
        on=(Endpoint.DELETE,),
        bend=lambda terms, call: replace(terms, lingers_for=timedelta(seconds=call.seconds)),
        seconds=30,
    ),
)

FAULTS = {fault.name: fault for fault in (*_EVERYWHERE, *_SHAPES, *_CREATING, *_SHOWN)}
