"""The body of a create, key by key, and what each answer to one means."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.market.instance import (
    CloudInit,
    Created,
    CreateOutcome,
    InstanceId,
    NotCreated,
    NotCreatedReason,
    Order,
    Unclear,
    WriteFile,
)
from monitor.marketplaces.tensordock.http import Answer
from monitor.marketplaces.tensordock.orders import outcome, request_body
from tests.unit.marketplaces.ordering import ORDER, REQUEST, RESPONSE

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@here"
HOSTNODE = NotCreatedReason.HOSTNODE
FUNDS = NotCreatedReason.FUNDS
ACCESS = NotCreatedReason.ACCESS
WRONG = NotCreatedReason.REQUEST
THROTTLED = NotCreatedReason.THROTTLED
UNCLEAR = "unclear"


def attributes(order: Order) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request_body(order))["data"]["attributes"]
    return found


def answered(
    body: bytes | object, status: int = 200, order: Order = ORDER, **headers: str
) -> CreateOutcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return outcome(Answer(status=status, headers=httpx.Headers(named), body=raw), order)


def refused(body: bytes | object, status: int = 200, order: Order = ORDER) -> NotCreated:
    came = answered(body, status, order)
    assert isinstance(came, NotCreated)
    return came


def complaint(message: str, *path: str | int) -> dict[str, object]:
    return {"code": "custom", "message": message, "path": list(path)}


def test_the_request_is_the_documented_one_key_by_key() -> None:
    assert json.loads(request_body(ORDER)) == REQUEST


def test_a_key_in_the_clear_takes_the_place_of_the_keys_id() -> None:
    found = attributes(replace(ORDER, ssh_key_id=None, ssh_key=KEY))
    assert found["ssh_key"] == KEY
    assert "ssh_key_id" not in found


def test_without_cloud_init_there_is_none_in_the_request() -> None:
    assert "cloud_init" not in attributes(replace(ORDER, cloud_init=None))


def test_of_cloud_init_only_what_was_given_is_sent() -> None:
    files = (
        WriteFile(path="/etc/motd", content="hi\n", permissions="0644"),
        WriteFile(path="/a", content="eA==", owner="a:b", encoding="b64", append=False),
    )
    init = CloudInit(package_upgrade=True, write_files=files)
    assert attributes(replace(ORDER, cloud_init=init))["cloud_init"] == {
        "package_update": False,
        "package_upgrade": True,
        "write_files": [
            {"path": "/etc/motd", "content": "hi\n", "permissions": "0644"},
            {"path": "/a", "content": "eA==", "owner": "a:b", "encoding": "b64", "append": False},
        ],
    }


def test_the_documented_answer_is_a_created_instance() -> None:
    assert answered(RESPONSE) == Created(instance_id=InstanceId("instance-uuid"))


MEANT: list[tuple[str, int, Any, NotCreatedReason | str]] = [
    ("empty id", 200, {"data": {"type": "virtualmachine", "id": "", "name": ""}}, HOSTNODE),
    ("no nodes", 200, {"status": 400, "error": "No available nodes found"}, HOSTNODE),
    ("unavailable", 200, {"error": "Hostnode unavailable", "status": 400}, HOSTNODE),
    ("no status", 200, {"error": "No available public IPs on hostnode"}, HOSTNODE),
    ("deployment", 200, {"error": "unexpected error during deployment"}, HOSTNODE),
    ("beside data", 200, {"status": 400, "error": "gone", "data": None}, HOSTNODE),
    ("status alone", 200, {"status": 400}, HOSTNODE),
    ("told object", 200, {"error": {"message": "Insufficient funds"}}, FUNDS),
    ("told list", 200, {"status": 400, "error": [complaint("SSH port", "data")]}, WRONG),
    ("need", 200, {"status": 400, "error": "You need at least $5.00"}, FUNDS),
    ("balance", 200, {"status": 400, "error": "Your BALANCE is too low"}, FUNDS),
    ("few resources", 200, {"error": "Insufficient GPU resources"}, HOSTNODE),
    ("few free ports", 400, {"error": "insufficient ports"}, HOSTNODE),
    ("told 401", 200, {"status": 401, "error": "Unauthorized"}, ACCESS),
    ("told 429", 200, {"status": 429, "error": "slow down"}, THROTTLED),
    ("told 503", 200, {"status": 503, "error": "later"}, UNCLEAR),
    ("told 200", 200, {"status": 200}, UNCLEAR),
    ("complaints", 400, [complaint("SSH port (22) must be forwarded", "data")], WRONG),
    ("a complaint", 400, [complaint("hostnode_id is not a uuid", "data")], WRONG),
    ("poor complaint", 400, [complaint("Insufficient balance", "data")], FUNDS),
    ("odd complaints", 400, [7, {"message": 7}, "text"], WRONG),
    ("no funds", 402, b"pay", FUNDS),
    ("no funds by words", 403, b"your balance", ACCESS),
    ("bad words", 400, {"error": "name is taken"}, WRONG),
    ("port taken", 400, {"message": "port 20000 is not available"}, HOSTNODE),
    ("unknown hostnode", 404, b"", HOSTNODE),
    ("conflict", 409, b"busy", HOSTNODE),
    ("gone", 410, b"", HOSTNODE),
    ("method", 405, b"", WRONG),
    ("unprocessable", 422, b"no", WRONG),
    ("token", 401, b"Unauthorized", ACCESS),
    ("forbidden", 403, b"", ACCESS),
    ("throttled", 429, b"Too many requests", THROTTLED),
    ("slow request", 408, b"", UNCLEAR),
    ("error", 500, {"error": "No available nodes found"}, UNCLEAR),
    ("gateway", 504, b"<html>", UNCLEAR),
    ("redirect", 302, b"", UNCLEAR),
    ("HTML", 200, b"<html>Please wait", UNCLEAR),
    ("nothing", 200, b"", UNCLEAR),
    ("no content", 204, b"", UNCLEAR),
    ("cut off", 200, RESPONSE[:-9], UNCLEAR),
    ("null", 200, None, UNCLEAR),
    ("list", 200, [], UNCLEAR),
    ("no data", 200, {}, UNCLEAR),
    ("no id", 200, {"data": {"type": "virtualmachine"}}, UNCLEAR),
    ("null id", 200, {"data": {"id": None}}, UNCLEAR),
    ("number as id", 200, {"data": {"id": 7}}, UNCLEAR),
    ("endless id", 200, {"data": {"id": "x" * 201}}, UNCLEAR),
    ("id with a line", 200, {"data": {"id": "a\nb"}}, UNCLEAR),
]


@pytest.mark.parametrize(
    ("status", "body", "meant"), [pytest.param(*row, id=name) for name, *row in MEANT]
)
def test_each_answer_has_its_meaning(
    status: int, body: object, meant: NotCreatedReason | str
) -> None:
    came = answered(body, status)
    assert (came.reason if isinstance(came, NotCreated) else UNCLEAR) == meant
    assert not isinstance(came, Created)
    assert came.detail
    assert came.detail.isprintable()
    assert len(came.detail) < 400


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_id_is_success_whatever_else_is_said(status: int) -> None:
    body = {"data": {"id": "i-1"}, "status": 400, "error": "odd"}
    assert answered(body, status) == Created(instance_id=InstanceId("i-1"))


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500])
def test_without_success_an_id_says_nothing(status: int) -> None:
    assert not isinstance(answered(RESPONSE, status), Created)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "id", "status", "error", "message", "path", "instances"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.integers(100, 599))
def test_no_answer_is_created_without_a_success_and_an_id(body: Any, status: int) -> None:
    came = answered(json.dumps(body).encode(), status)
    if isinstance(came, Created):
        assert 200 <= status < 300
        assert body["data"]["id"] == came.instance_id != ""
    if isinstance(came, NotCreated):
        assert 200 <= status < 300 or 400 <= status < 500


@given(st.binary(max_size=60), st.integers(100, 599))
def test_any_bytes_have_a_meaning(body: bytes, status: int) -> None:
    assert isinstance(answered(body, status), Created | NotCreated | Unclear)


def test_complaints_are_told_with_their_paths() -> None:
    body = [
        complaint("SSH port (22) must be forwarded", "data", "attributes", "port_forwards", 0),
        complaint("vCPU count must be even", "data"),
    ]
    assert refused(body, 400).detail == (
        "400 Bad Request: SSH port (22) must be forwarded (data.attributes.port_forwards.0); "
        "vCPU count must be even (data)"
    )


def test_the_pause_that_a_429_asks_for_is_kept() -> None:
    came = answered(b"", 429, Retry_After="7")
    assert isinstance(came, NotCreated)
    assert came.retry_after == timedelta(seconds=7)


def test_a_refused_token_says_what_to_look_at() -> None:
    assert refused(b"Unauthorized", 401).detail == (
        "401 Unauthorized: Unauthorized; check the marketplace's write token"
    )


def test_what_the_user_may_hold_secret_is_in_no_outcome() -> None:
    secrets = ("curl -H 'X: s3cret' x.test", "PASSWORD=s3cret\n")
    init = CloudInit(runcmd=(secrets[0],), write_files=(WriteFile(path="/a", content=secrets[1]),))
    order = replace(ORDER, ssh_key_id=None, ssh_key=KEY, cloud_init=init)
    for echo in (KEY, *secrets):
        told = refused({"status": 400, "error": f"bad {echo} here"}, order=order)
        assert told.detail == "bad *** here"
    assert "s3cret" not in repr(order)
    assert KEY not in repr(order)
