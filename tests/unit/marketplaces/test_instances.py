"""Instances: three shapes of a list, one of an instance, and what is no list at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import MalformedError, RefusedError
from monitor.market.instance import Forward, Instance, InstanceId, InstanceStatus
from monitor.market.money import NanoDollars
from monitor.marketplaces.tensordock.instances import (
    check_deleted,
    decode_instance,
    decode_instances,
    status,
)

FLAT: dict[str, Any] = {
    "type": "virtualmachine",
    "id": "i-1",
    "name": "box-gm0123456789abcdef",
    "status": "running",
    "ipAddress": "203.0.113.7",
    "portForwards": [{"internal_port": 22, "external_port": 20456}],
    "resources": {"vcpu_count": 8, "ram_gb": 32, "storage_gb": 100, "gpus": {}},
    "rateHourly": 0.272999,
}
INSTANCE = Instance(
    id=InstanceId("i-1"),
    name="box-gm0123456789abcdef",
    status=InstanceStatus.RUNNING,
    rate=NanoDollars(272_999_000),
    address="203.0.113.7",
    forwards=(Forward(internal_port=22, external_port=20456),),
)


def nested(row: dict[str, Any]) -> dict[str, Any]:
    outer = {key: value for key, value in row.items() if key in {"type", "id"}}
    return {**outer, "attributes": {k: v for k, v in row.items() if k not in outer}}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def listed(*rows: object) -> tuple[Instance, ...]:
    return decode_instances(body({"data": list(rows)}))


def alone(**changes: object) -> Instance:
    return decode_instance(body({**FLAT, **changes}))


@pytest.mark.parametrize("row", [FLAT, nested(FLAT)], ids=["flat", "nested"])
@pytest.mark.parametrize("around", ["attributes", "instances", "data"])
def test_each_shape_of_the_list_is_read_alike(around: str, row: dict[str, Any]) -> None:
    second = {**row, "id": "i-2"}
    rows: object = [row, second]
    if around != "data":
        rows = {"instances": rows}
    if around == "attributes":
        rows = {"type": "instances", "attributes": rows}
    first, other = decode_instances(body({"data": rows}))
    assert first == INSTANCE
    assert other.id == "i-2"


@pytest.mark.parametrize(
    "value",
    [{"data": []}, {"data": {"instances": []}}, {"data": {"attributes": {"instances": []}}}],
    ids=["flat", "wrapped", "attributes"],
)
def test_an_empty_list_is_a_list(value: object) -> None:
    assert decode_instances(body(value)) == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"7",
        b"<html>",
        b'{"data":',
        b'{"data":null}',
        b'{"data":{}}',
        b'{"data":{"instances":null}}',
        b'{"data":{"instances":{}}}',
        b'{"data":{"attributes":{"instances":"none"}}}',
        b'{"data":[],"error":"try later"}',
        b'{"data":[],"status":500}',
        b'{"status":400,"error":"No"}',
    ],
    ids=lambda raw: raw.decode() or "nothing",
)
def test_a_wrong_shape_is_no_empty_list(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_instances(raw)


@pytest.mark.parametrize(
    "row",
    [
        None,
        "text",
        [],
        {},
        {**FLAT, "id": None},
        {**FLAT, "id": ""},
        {**FLAT, "id": 7},
        {"attributes": {"name": "box"}},
    ],
    ids=str,
)
def test_a_row_that_could_be_ours_and_cannot_be_read_spoils_the_list(row: object) -> None:
    """Otherwise that instance would look absent."""
    with pytest.raises(MalformedError, match="instance 1 of the list"):
        listed(FLAT, row)


@pytest.mark.parametrize("name", [None, 7, {}])
def test_a_name_that_cannot_be_read_is_not_told_and_costs_no_other_row(name: object) -> None:
    first, second = listed({**FLAT, "id": "i-2", "name": name}, FLAT)
    assert (first.id, first.name, second) == ("i-2", "", INSTANCE)


def test_fields_that_cannot_be_read_are_not_told() -> None:
    odd = {"status": 7, "ipAddress": 7, "portForwards": {"22": 1}, "rateHourly": "0.2"}
    (found,) = listed({**FLAT, **odd})
    assert found == Instance(id=INSTANCE.id, name=INSTANCE.name, status=InstanceStatus.UNTOLD)


def test_somebody_elses_odd_name_costs_nothing() -> None:
    first, second, third = listed(
        {**FLAT, "name": ""},
        {**FLAT, "id": "i-2", "name": "two\nlines\x1b[1m"},
        {**FLAT, "id": "i-3", "name": "x" * 999},
    )
    assert first.name == ""
    assert second.name.isprintable()
    assert len(third.name) == 200


def test_of_duplicates_the_first_counts() -> None:
    assert listed(FLAT, {**FLAT, "name": "other"}) == (INSTANCE,)


def test_an_instance_alone_is_read_with_or_without_a_wrapping() -> None:
    for value in (FLAT, {"data": FLAT}, {"data": nested(FLAT)}):
        assert decode_instance(body(value)) == INSTANCE


@pytest.mark.parametrize(
    "value",
    [None, [], {}, "text", {"data": None}, {"data": {}}, {**FLAT, "error": "gone"}],
    ids=["null", "list", "object", "text", "no data", "empty data", "failure"],
)
def test_what_is_no_instance_is_malformed(value: object) -> None:
    with pytest.raises(MalformedError):
        decode_instance(body(value))


@pytest.mark.parametrize("rate", [0, -1, 0.0, None, "free", True, [], 1e300])
def test_a_rate_that_cannot_be_one_is_not_told_and_never_free(rate: object) -> None:
    assert alone(rateHourly=rate).rate is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("running", InstanceStatus.RUNNING),
        ("RUNNING", InstanceStatus.RUNNING),
        (" Running ", InstanceStatus.RUNNING),
        ("creating", InstanceStatus.STARTING),
        ("Starting", InstanceStatus.STARTING),
        ("stopping", InstanceStatus.STOPPED),
        ("stopped", InstanceStatus.STOPPED),
        ("StoppedDisassociated", InstanceStatus.STOPPED),
        ("stopped_disassociated", InstanceStatus.STOPPED),
        ("STOPPED-DISASSOCIATED", InstanceStatus.STOPPED),
        ("Deleting", InstanceStatus.DELETING),
        ("deleted", InstanceStatus.DELETED),
        ("Terminated", InstanceStatus.DELETED),
        ("error", InstanceStatus.FAILED),
        ("not running", InstanceStatus.UNTOLD),
        ("", InstanceStatus.UNTOLD),
        (None, InstanceStatus.UNTOLD),
        (7, InstanceStatus.UNTOLD),
    ],
    ids=str,
)
def test_a_status_is_known_in_any_spelling(word: object, meant: InstanceStatus) -> None:
    assert status(word) is meant
    assert alone(status=word).status is meant


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7", "box-7.market.test"])
def test_an_address_is_kept(address: str) -> None:
    assert alone(ipAddress=address).address == address


@pytest.mark.parametrize(
    "address",
    ["-oProxyCommand=x", "1.2.3.4; rm -rf ~", "$(reboot)", "1.2.3.4\n", "", " ", "x" * 300],
)
def test_an_address_that_a_shell_would_run_is_not_told(address: str) -> None:
    assert alone(ipAddress=address).address is None


def test_ports_that_cannot_be_read_cost_themselves() -> None:
    good = {"internal_port": 22, "external_port": 20456}
    rows = [
        None,
        7,
        {},
        {"internal_port": 80},
        {**good, "external_port": None},
        {**good, "external_port": 0},
        {**good, "internal_port": 65_536},
        {**good, "external_port": True},
        {**good, "external_port": "20456"},
        good,
    ]
    assert alone(portForwards=rows).forwards == INSTANCE.forwards


@pytest.mark.parametrize(
    "value", [{"data": {"type": "success"}}, {}, {"status": 200}], ids=["documented", "{}", "200"]
)
def test_a_delete_is_well_if_nothing_else_is_told(value: object) -> None:
    check_deleted(body(value))


@pytest.mark.parametrize(
    ("value", "told"),
    [({"status": 404, "error": "x"}, 404), ({"error": "busy"}, 400), ({"status": 500}, 500)],
    ids=["not found", "busy", "error"],
)
def test_a_failed_delete_is_told_with_its_status(value: object, told: int) -> None:
    with pytest.raises(RefusedError, match="was not deleted") as raised:
        check_deleted(body(value))
    assert raised.value.status == told


@pytest.mark.parametrize("raw", [b"", b"<html>", b"null", b"[]"])
def test_what_does_not_answer_a_delete_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        check_deleted(raw)


@given(st.binary(max_size=80) | st.from_regex(rb'\{"data":\[\{"id":"[a-z]","name":[^}]*\}\]\}'))
def test_any_bytes_are_instances_or_malformed(raw: bytes) -> None:
    for decode in (decode_instances, decode_instance):
        try:
            decode(raw)
        except MalformedError as error:
            assert str(error).isprintable()  # noqa: PT017 - a good list is as good
