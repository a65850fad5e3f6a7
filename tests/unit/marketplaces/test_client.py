"""One poll, one outcome; one hostnode, or an error that says why not."""

import json
from datetime import timedelta

import httpx
import pytest

from monitor.errors import (
    MalformedError,
    MarketError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from monitor.market.hostnode import HostnodeId
from monitor.market.snapshot import Outcome
from monitor.marketplaces.base import Marketplace, outcome_of
from monitor.marketplaces.tensordock.client import TensorDock
from tests.unit.marketplaces.answers import (
    AT,
    SEED_HOSTNODE,
    SEED_LIST,
    changed,
    hostnode,
    listing,
    told,
)
from tests.unit.marketplaces.wires import BASE_URL, TOKEN, CutOff, Endless, Reply, Slow, Wire

ID = HostnodeId("hostnode-uuid")


def ok(body: bytes) -> httpx.Response:
    return httpx.Response(200, content=body)


def test_a_good_poll_is_a_snapshot_with_its_issues() -> None:
    body = listing(hostnode("a"), changed(hostnode("b"), "engine", 7))
    poll = Wire([ok(body)]).marketplace().poll(AT)
    assert (poll.marketplace, poll.at, poll.outcome) == ("tensordock", AT, Outcome.OK)
    assert poll.snapshot is not None
    assert poll.snapshot.at == AT
    assert [row.id for row in poll.snapshot.hostnodes] == ["a", "b"]
    assert told(poll.issues) == [("field", "$.data.hostnodes[1].engine")]
    assert poll.detail == ""


OUTCOMES: list[tuple[str, Reply, Outcome]] = [
    ("documented", ok(SEED_LIST), Outcome.OK),
    ("one bad row", ok(listing(None, hostnode())), Outcome.OK),
    ("empty", ok(b'{"data":{"hostnodes":[]}}'), Outcome.EMPTY),
    ("failure in a 200", ok(b'{"status":400,"error":"No nodes"}'), Outcome.MALFORMED),
    ("HTML", ok(b"<html>Just a moment...</html>"), Outcome.MALFORMED),
    ("plain text", ok(b"Unauthorized"), Outcome.MALFORMED),
    ("nothing", ok(b""), Outcome.MALFORMED),
    ("null", ok(b"null"), Outcome.MALFORMED),
    ("a list", ok(b"[]"), Outcome.MALFORMED),
    ("wrong shape", ok(b'{"data":{"nodes":[]}}'), Outcome.MALFORMED),
    ("no row readable", ok(listing(1, 2)), Outcome.MALFORMED),
    ("JSON cut short", ok(SEED_LIST[:-9]), Outcome.MALFORMED),
    ("created", httpx.Response(201, content=SEED_LIST), Outcome.MALFORMED),
    ("no content", httpx.Response(204), Outcome.MALFORMED),
    ("redirect", httpx.Response(302, headers={"Location": "/login"}), Outcome.MALFORMED),
    ("endless", lambda _: httpx.Response(200, stream=Endless()), Outcome.MALFORMED),
    ("bad request", httpx.Response(400), Outcome.REFUSED),
    ("no token", httpx.Response(401, content=b"Unauthorized"), Outcome.REFUSED),
    ("forbidden", httpx.Response(403), Outcome.REFUSED),
    ("not found", httpx.Response(404), Outcome.REFUSED),
    ("odd 4xx", httpx.Response(499), Outcome.REFUSED),
    ("throttled", httpx.Response(429), Outcome.THROTTLED),
    ("throttled long", httpx.Response(429, headers={"Retry-After": "99"}), Outcome.THROTTLED),
    ("error", httpx.Response(500), Outcome.UNREACHABLE),
    ("gateway", httpx.Response(502, content=b"<html>"), Outcome.UNREACHABLE),
    ("odd 5xx", httpx.Response(599), Outcome.UNREACHABLE),
    ("refused", httpx.ConnectError("[Errno 111] Connection refused"), Outcome.UNREACHABLE),
    ("reset", httpx.ReadError("reset by peer"), Outcome.UNREACHABLE),
    ("timed out", httpx.ReadTimeout("timed out"), Outcome.UNREACHABLE),
    ("proxy", httpx.ProxyError("407"), Outcome.UNREACHABLE),
    ("closed", httpx.RemoteProtocolError("disconnected"), Outcome.UNREACHABLE),
    ("cut off", lambda _: httpx.Response(200, stream=CutOff()), Outcome.UNREACHABLE),
]


@pytest.mark.parametrize(
    ("reply", "outcome"), [pytest.param(r, o, id=name) for name, r, o in OUTCOMES]
)
def test_outcomes_are_told_apart_and_only_ok_is_evidence(reply: Reply, outcome: Outcome) -> None:
    poll = Wire([reply]).marketplace(most_bytes=100_000).poll(AT)
    assert poll.outcome is outcome
    assert (poll.snapshot is not None) is (outcome is Outcome.OK)
    assert bool(poll.detail) is (outcome is not Outcome.OK)
    assert poll.detail == "" or poll.detail.isprintable()
    assert len(poll.detail) < 300


def test_a_slow_body_is_unreachable() -> None:
    wire = Wire([])
    wire.replies = [lambda _: httpx.Response(200, stream=Slow(wire, [b" "] * 99, seconds=1.0))]
    assert wire.marketplace().poll(AT).outcome is Outcome.UNREACHABLE


def test_a_poll_that_recovers_is_ok_and_took_as_long_as_it_took() -> None:
    throttled = httpx.Response(429, headers={"Retry-After": "7"})
    wire = Wire([throttled, ok(SEED_LIST)])
    poll = wire.marketplace().poll(AT)
    assert (poll.outcome, poll.duration) == (Outcome.OK, 7.0)


def test_a_failed_poll_says_what_was_seen() -> None:
    reply = ok(b'\r\n{"status":400,\x00"error":"No   available\nnodes found"}')
    detail = Wire([reply]).marketplace().poll(AT).detail
    assert '{"status":400, "error":"No available nodes found"}' in detail


@pytest.mark.parametrize(("status", "named"), [(401, "401 Unauthorized"), (403, "403 Forbidden")])
def test_a_refused_token_is_told_with_what_to_do(status: int, named: str) -> None:
    poll = Wire([httpx.Response(status, content=b"no access")]).marketplace().poll(AT)
    assert poll.detail == (
        f"GET /hostnodes was answered with {named}: no access; check the marketplace's token"
    )


def test_a_token_that_is_echoed_is_in_no_part_of_a_poll() -> None:
    row = changed(hostnode(), "uptime_percentage", f"Bearer {TOKEN}")
    for body in (listing(row), f"<html>{TOKEN}".encode(), b"x" * 100 + TOKEN.encode()):
        marketplace = Wire([ok(body)]).marketplace()
        assert TOKEN[:6] not in repr(marketplace.poll(AT))
        assert TOKEN not in repr(marketplace)


def test_a_hostnode_is_asked_for_by_its_id() -> None:
    wire = Wire([ok(SEED_HOSTNODE)])
    detail = wire.marketplace().hostnode(ID)
    assert str(wire.requests[0].url) == f"{BASE_URL}/hostnodes/hostnode-uuid"
    assert detail.hostnode.id == ID
    assert detail.hostnode.ports is not None
    assert [offer.available for offer in detail.offers] == [8]


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    wire = Wire([httpx.Response(404)])
    with pytest.raises(RefusedError):
        wire.marketplace().hostnode(HostnodeId("../instances?x=1#y"))
    assert wire.requests[0].url.raw_path == b"/api/v2/hostnodes/..%2Finstances%3Fx%3D1%23y"


def test_another_hostnode_than_the_one_asked_for_is_malformed() -> None:
    with pytest.raises(MalformedError, match="asked for hostnode other"):
        Wire([ok(SEED_HOSTNODE)]).marketplace().hostnode(HostnodeId("other"))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(404), RefusedError),
        (httpx.Response(403), RefusedError),
        (httpx.Response(429), ThrottledError),
        (httpx.Response(503), UnreachableError),
        (httpx.ReadTimeout("slow"), UnreachableError),
        (ok(b"null"), MalformedError),
        (ok(SEED_LIST), MalformedError),
        (ok(json.dumps({"data": None, "error": "gone"}).encode()), MalformedError),
    ],
)
def test_a_hostnode_that_cannot_be_had_is_an_error_of_its_kind(
    reply: Reply, error: type[MarketError]
) -> None:
    with pytest.raises(error):
        Wire([reply]).marketplace().hostnode(ID)


def test_an_unknown_hostnode_is_refused_with_404() -> None:
    with pytest.raises(RefusedError) as raised:
        Wire([httpx.Response(404, content=b"gone")]).marketplace().hostnode(ID)
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (MalformedError("x"), Outcome.MALFORMED),
        (RefusedError("x", status=403), Outcome.REFUSED),
        (ThrottledError("x"), Outcome.THROTTLED),
        (UnreachableError("x"), Outcome.UNREACHABLE),
        (MarketError("x"), Outcome.UNREACHABLE),
    ],
)
def test_every_error_is_an_outcome(error: MarketError, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome


def test_a_connected_client_is_a_marketplace_and_polls_nobody_after_close() -> None:
    marketplace: Marketplace = TensorDock.connect(
        name="tensordock",
        base_url=BASE_URL,
        token=TOKEN,
        timeout=timedelta(seconds=20),
        version="1",
    )
    assert marketplace.name == "tensordock"
    marketplace.close()
    assert marketplace.poll(AT).outcome is Outcome.UNREACHABLE


def test_a_pause_that_was_asked_for_outlasts_the_poll() -> None:
    """The next polls send nothing until it is over, and say so."""
    asks = httpx.Response(429, headers={"Retry-After": "99"})
    wire = Wire([asks])
    client = wire.marketplace()
    assert client.poll(AT).outcome is Outcome.THROTTLED
    wire.seconds += 98
    waiting = client.poll(AT)
    assert (waiting.outcome, len(wire.requests)) == (Outcome.THROTTLED, 1)
    assert "1 s are left" in waiting.detail
    wire.seconds += 1
    client.poll(AT)
    assert len(wire.requests) == 2


def test_a_pause_of_a_day_is_not_believed() -> None:
    wire = Wire([httpx.Response(429, headers={"Retry-After": "86400"})])
    client = wire.marketplace()
    client.poll(AT)
    wire.seconds += 600
    client.poll(AT)
    assert len(wire.requests) == 2
