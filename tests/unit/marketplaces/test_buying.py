"""The client as a buyer: what is sent once, with which token, for how long, and when not at all."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from monitor.errors import (
    MalformedError,
    MarketError,
    RefusedError,
    ThrottledError,
    UnreachableError,
    UnsentError,
)
from monitor.market.hostnode import HostnodeId
from monitor.market.instance import (
    Created,
    CreateOutcome,
    InstanceId,
    NotCreated,
    NotCreatedReason,
    Unclear,
)
from monitor.market.snapshot import Outcome
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.marketplaces.tensordock.http import Http
from monitor.marketplaces.tensordock.orders import request_body
from tests.unit.marketplaces.answers import AT, SEED_HOSTNODE
from tests.unit.marketplaces.ordering import ORDER, RESPONSE
from tests.unit.marketplaces.wires import BASE_URL, TOKEN, CutOff, Endless, Reply, Slow, Wire

WRITE = "write-0a1b2c3d"
ID = InstanceId("instance-uuid")
ALONE = b'{"id":"instance-uuid","name":"n","status":"running"}'
DELETED = b'{"data":{"type":"success"}}'
ASKS = httpx.Response(429, headers={"Retry-After": "99"})


def ok(body: bytes) -> httpx.Response:
    return httpx.Response(200, content=body)


def meant(came: CreateOutcome) -> NotCreatedReason | type[CreateOutcome]:
    return came.reason if isinstance(came, NotCreated) else type(came)


def test_a_create_is_one_request_with_the_documented_body() -> None:
    wire = Wire([ok(RESPONSE)])
    assert wire.marketplace().create(ORDER) == Created(instance_id=ID)
    (request,) = wire.requests
    assert (request.method, str(request.url)) == ("POST", f"{BASE_URL}/instances")
    assert request.headers["Content-Type"] == "application/json"
    assert request.content == request_body(ORDER) == wire.marketplace().request(ORDER)


CAME: list[tuple[str, Reply, NotCreatedReason | type[CreateOutcome]]] = [
    ("refused", httpx.ConnectError("refused"), NotCreatedReason.UNREACHABLE),
    ("connects slowly", httpx.ConnectTimeout("slow"), NotCreatedReason.UNREACHABLE),
    ("no connection free", httpx.PoolTimeout("busy"), NotCreatedReason.UNREACHABLE),
    ("no way by the proxy", httpx.ProxyError("407"), NotCreatedReason.UNREACHABLE),
    ("read time-out", httpx.ReadTimeout("slow"), Unclear),
    ("write time-out", httpx.WriteTimeout("slow"), Unclear),
    ("lost while sending", httpx.WriteError("broken pipe"), Unclear),
    ("reset", httpx.ReadError("reset"), Unclear),
    ("closed", httpx.RemoteProtocolError("disconnected"), Unclear),
    ("our own protocol", httpx.LocalProtocolError("odd"), Unclear),
    ("cut off", lambda _: httpx.Response(200, stream=CutOff()), Unclear),
    ("endless", lambda _: httpx.Response(200, stream=Endless()), Unclear),
    ("wrongly packed", httpx.DecodingError("gzip"), Unclear),
    ("error", httpx.Response(503), Unclear),
    ("throttled", httpx.Response(429), NotCreatedReason.THROTTLED),
    ("token", httpx.Response(401), NotCreatedReason.ACCESS),
]


@pytest.mark.parametrize(
    ("reply", "came"), [pytest.param(r, came, id=name) for name, r, came in CAME]
)
def test_whatever_happens_a_create_is_sent_once_and_has_an_outcome(
    reply: Reply, came: NotCreatedReason | type[CreateOutcome]
) -> None:
    wire = Wire([reply, ok(RESPONSE)])
    assert meant(wire.marketplace(most_bytes=5000).create(ORDER)) == came
    assert len(wire.requests) == 1
    assert wire.pauses == []


def test_a_create_may_take_its_own_time() -> None:
    """The answer comes after 90 s; a read is given up after 20."""
    wire = Wire([])
    pieces = [RESPONSE[:9], RESPONSE[9:]]
    wire.replies = [lambda _: httpx.Response(200, stream=Slow(wire, pieces, seconds=45.0))]
    assert wire.marketplace().create(ORDER) == Created(instance_id=ID)
    limits = wire.requests[0].extensions["timeout"]
    assert (limits["read"], limits["connect"]) == (120.0, 5.0)


def test_a_create_that_outlasts_its_time_is_unclear() -> None:
    wire = Wire([])
    wire.replies = [lambda _: httpx.Response(200, stream=Slow(wire, [b" "] * 9, seconds=50.0))]
    came = wire.marketplace().create(ORDER)
    assert came == Unclear(detail="POST /instances had no whole answer within 120 s")


def test_only_what_acts_is_sent_with_the_write_token() -> None:
    wire = Wire([ok(RESPONSE), ok(DELETED), ok(b'{"data":[]}'), ok(ALONE), ok(SEED_HOSTNODE)])
    client = wire.marketplace(write_token=WRITE)
    client.create(ORDER)
    client.delete(ID)
    client.instances()
    client.instance(ID)
    client.hostnode(HostnodeId("hostnode-uuid"))
    tokens = [request.headers["Authorization"].split()[1] for request in wire.requests]
    assert tokens == [WRITE, WRITE, TOKEN, TOKEN, TOKEN]


def test_without_a_write_token_the_other_one_is_used() -> None:
    wire = Wire([ok(RESPONSE)])
    wire.marketplace().create(ORDER)
    assert wire.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_write_token_that_is_echoed_is_in_no_outcome() -> None:
    for reply in (httpx.Response(400, content=f"no {WRITE}".encode()), ok(WRITE.encode())):
        client = Wire([reply]).marketplace(write_token=WRITE)
        assert WRITE not in repr(client.create(ORDER))
        assert WRITE not in repr(client)


CALLS: list[Callable[[TensorDock], object]] = [
    lambda client: client.hostnode(HostnodeId("hostnode-uuid")),
    lambda client: client.instances(),
    lambda client: client.instance(ID),
]


@pytest.mark.parametrize("call", CALLS, ids=["hostnode", "instances", "instance"])
def test_a_pause_that_was_asked_for_holds_for_every_read(
    call: Callable[[TensorDock], object],
) -> None:
    wire = Wire([ASKS])
    client = wire.marketplace()
    with pytest.raises(ThrottledError, match="asks to wait"):
        call(client)
    with pytest.raises(ThrottledError, match="nothing was sent") as raised:
        call(client)
    assert raised.value.retry_after == timedelta(seconds=99)
    assert client.poll(AT).outcome is Outcome.THROTTLED
    assert len(wire.requests) == 1


def test_a_create_within_a_pause_is_refused_at_once_and_says_how_long() -> None:
    wire = Wire([ASKS])
    client = wire.marketplace()
    assert meant(client.create(ORDER)) is NotCreatedReason.THROTTLED
    wire.seconds += 90
    came = client.create(ORDER)
    assert isinstance(came, NotCreated)
    assert (came.reason, came.retry_after) == (NotCreatedReason.THROTTLED, timedelta(seconds=9))
    assert len(wire.requests) == 1
    wire.seconds += 9
    client.create(ORDER)
    assert len(wire.requests) == 2


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    wire = Wire([ASKS, httpx.Response(429, headers={"Retry-After": "1"})])
    client = wire.marketplace()
    client.create(ORDER)
    with pytest.raises(ThrottledError):
        client.delete(ID)
    wire.seconds += 50
    assert client.poll(AT).outcome is Outcome.THROTTLED
    assert len(wire.requests) == 2


def test_a_delete_does_not_wait_for_a_pause() -> None:
    wire = Wire([ASKS, ok(DELETED)])
    client = wire.marketplace()
    client.create(ORDER)
    client.delete(ID)
    assert [request.method for request in wire.requests] == ["POST", "DELETE"]


def test_a_delete_names_its_instance_and_sends_nothing_else() -> None:
    wire = Wire([ok(DELETED)])
    wire.marketplace().delete(InstanceId("a/b?c"))
    assert wire.requests[0].url.raw_path == b"/api/v2/instances/a%2Fb%3Fc"
    assert wire.requests[0].content == b""


@pytest.mark.parametrize(
    "reply", [httpx.Response(404), ok(b'{"status":404,"error":"x"}')], ids=["404", "told"]
)
def test_what_is_gone_already_is_deleted(reply: Reply) -> None:
    Wire([reply]).marketplace().delete(ID)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(403), RefusedError),
        (httpx.Response(429), ThrottledError),
        (httpx.Response(500), UnreachableError),
        (httpx.ReadTimeout("slow"), UnreachableError),
        (httpx.ConnectError("refused"), UnsentError),
        (ok(b"<html>"), MalformedError),
        (ok(b'{"status":400,"error":"busy"}'), RefusedError),
    ],
    ids=["403", "429", "500", "time-out", "refused", "HTML", "told"],
)
def test_a_delete_that_may_not_have_acted_is_an_error_and_sent_once(
    reply: Reply, error: type[MarketError]
) -> None:
    wire = Wire([reply, ok(DELETED)])
    with pytest.raises(error):
        wire.marketplace().delete(ID)
    assert len(wire.requests) == 1


def test_an_instance_is_asked_for_by_its_id() -> None:
    wire = Wire([ok(ALONE)])
    found = wire.marketplace().instance(ID)
    assert found is not None
    assert found.id == ID
    assert str(wire.requests[0].url) == f"{BASE_URL}/instances/instance-uuid"


def test_only_a_404_says_that_there_is_no_instance() -> None:
    assert Wire([httpx.Response(404)]).marketplace().instance(ID) is None
    for reply in (httpx.Response(410), httpx.Response(500), ok(b"null"), ok(b"")):
        with pytest.raises(MarketError):
            Wire([reply]).marketplace().instance(ID)


def test_another_instance_than_the_one_asked_for_is_malformed() -> None:
    with pytest.raises(MalformedError, match="asked for instance other"):
        Wire([ok(ALONE)]).marketplace().instance(InstanceId("other"))


def test_a_closed_client_says_that_nothing_was_sent() -> None:
    wire = Wire([ok(RESPONSE)])
    client = wire.marketplace()
    client.close()
    assert meant(client.create(ORDER)) is NotCreatedReason.UNREACHABLE
    assert wire.requests == []


def test_a_client_that_is_closed_while_it_sends_does_not_know() -> None:
    """Httpx has a word of its own for it, which is no `HTTPError`."""
    wire = Wire([])
    client = wire.marketplace()

    def close(_: httpx.Request) -> httpx.Response:
        client.close()
        raise RuntimeError("Cannot send a request, as the client has been closed.")

    wire.replies = [close]
    came = client.create(ORDER)
    assert isinstance(came, Unclear)
    assert "stopping" in came.detail


def test_nobody_listening_is_told_apart_from_an_answer_that_is_lost() -> None:
    """Over a real connection: nothing listens on port 9 of this machine."""
    http = Http(
        base_url="http://127.0.0.1:9", token=TOKEN, timeout=timedelta(seconds=1), version="1"
    )
    client = TensorDock(name="m", http=http, create_timeout=timedelta(seconds=1))
    came = client.create(ORDER)
    client.close()
    assert meant(came) is NotCreatedReason.UNREACHABLE
    assert "refused" in str(came)
