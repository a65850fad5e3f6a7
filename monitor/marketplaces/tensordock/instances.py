"""Instances as the marketplace shows them, to values. Pure.

The list has come in three shapes; each is taken. A list with a row that cannot be told from others
is refused as a whole: an instance that is not seen must never look absent by mistake.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from monitor.errors import MalformedError, RefusedError
from monitor.market.instance import Forward, Instance, InstanceId, InstanceStatus
from monitor.marketplaces.tensordock import excerpt, fields
from monitor.marketplaces.tensordock.decode import malformed, readable

_LONGEST_NAME = 200
_LOWEST_FAILURE = 400

_STATUSES = {
    "creating": InstanceStatus.STARTING,
    "starting": InstanceStatus.STARTING,
    "running": InstanceStatus.RUNNING,
    "stopping": InstanceStatus.STOPPED,
    "stopped": InstanceStatus.STOPPED,
    "stoppeddisassociated": InstanceStatus.STOPPED,
    "deleting": InstanceStatus.DELETING,
    "terminating": InstanceStatus.DELETING,
    "deleted": InstanceStatus.DELETED,
    "terminated": InstanceStatus.DELETED,
    "error": InstanceStatus.FAILED,
    "failed": InstanceStatus.FAILED,
}
"""The words that were seen, in small letters and without what separates them."""

_ADDRESS = re.compile(r"[0-9A-Za-z][0-9A-Za-z.:-]{0,252}")
"""An IP address or a host's name. It is put into a command that people copy: nothing else is."""


def decode_instances(body: bytes) -> tuple[Instance, ...]:
    """Return the answer of `GET /instances`, in any of its shapes; of duplicates the first counts.

    Raises:
        MalformedError: for anything that is not a list of instances, for one with a row whose id
            cannot be read, and for a failure told inside a 200.
    """
    found = readable(msgspec.json.decode, body)
    _refuse_failure(found, body)
    rows = _rows(found)
    if rows is None:
        raise malformed("the answer has no list of instances", body)
    instances: dict[InstanceId, Instance] = {}
    for index, row in enumerate(rows):
        instance = _instance(row, f"instance {index} of the list")
        instances.setdefault(instance.id, instance)
    return tuple(instances.values())


def decode_instance(body: bytes) -> Instance:
    """Return the answer of `GET /instances/{id}`, whether it is wrapped in `data` or not.

    Raises:
        MalformedError: for anything that is not an instance, or tells of a failure.
    """
    found = readable(msgspec.json.decode, body)
    _refuse_failure(found, body)
    match found:
        case {"data": dict(row)} if "id" not in found:
            return _instance(row, "the answer")
        case _:
            return _instance(found, "the answer")


def check_deleted(body: bytes) -> None:
    """Accept the answer of a `DELETE` that went well.

    Raises:
        RefusedError: it tells of a failure, with the status told there.
        MalformedError: for anything that is not an object.
    """
    found = readable(msgspec.json.decode, body)
    if not isinstance(found, dict):
        raise malformed("the answer to a delete is not an object", body)
    if _tells_failure(found):
        status = found.get("status")
        raise RefusedError(
            f"the instance was not deleted: {excerpt.of_body(body)}",
            status=status if type(status) is int else _LOWEST_FAILURE,
        )


def status(word: object) -> InstanceStatus:
    """Return what a status means, whatever its case and separators."""
    if not isinstance(word, str):
        return InstanceStatus.UNTOLD
    letters = "".join(letter for letter in word.casefold() if letter.isalpha())
    return _STATUSES.get(letters, InstanceStatus.UNTOLD)


def _rows(found: Any) -> list[Any] | None:
    match found:
        case {"data": list(rows)}:
            return rows
        case {"data": {"instances": list(rows)}}:
            return rows
        case {"data": {"attributes": {"instances": list(rows)}}}:
            return rows
        case _:
            return None


def _instance(row: Any, where: str) -> Instance:
    """Read an instance whose fields stand beside its id, or under `attributes`."""
    if not isinstance(row, dict):
        raise MalformedError(f"{where} is {excerpt.of_value(row)}, not an object")
    inner = row.get("attributes")
    told: dict[str, Any] = {**inner, **row} if isinstance(inner, dict) else row
    instance_id, name = told.get("id"), told.get("name")
    if not fields.is_text(instance_id):
        raise MalformedError(f"{where} has no readable id: {excerpt.of_value(instance_id)}")
    return Instance(
        id=InstanceId(instance_id),
        name=_name(name) if isinstance(name, str) else "",
        status=status(told.get("status")),
        rate=fields.price(told.get("rateHourly")),
        address=_address(told.get("ipAddress")),
        forwards=_forwards(told.get("portForwards")),
    )


def _name(name: str) -> str:
    """Return a name as it is; one that is none of ours for sure, fit to be shown."""
    return name if fields.is_text(name) or not name else excerpt.of_text(name, _LONGEST_NAME)


def _address(value: object) -> str | None:
    return value if isinstance(value, str) and _ADDRESS.fullmatch(value) else None


def _forwards(value: object) -> tuple[Forward, ...]:
    """Return the forwarded ports that can be read; the others are "not told"."""
    return tuple(_readable_forwards(value)) if isinstance(value, list) else ()


def _readable_forwards(rows: Iterable[Any]) -> Iterable[Forward]:
    for row in rows:
        match row:
            case {"internal_port": inner, "external_port": outer}:
                if fields.is_port(inner) and fields.is_port(outer):
                    yield Forward(internal_port=inner, external_port=outer)
            case _:
                continue


def _refuse_failure(found: Any, body: bytes) -> None:
    if isinstance(found, dict) and _tells_failure(found):
        raise malformed("the answer tells of a failure", body)


def _tells_failure(found: dict[str, Any]) -> bool:
    """Tell whether it is `{"status": 400, "error": …}`; an instance has a status in words."""
    told = found.get("status")
    return bool(found.get("error")) or (type(told) is int and told >= _LOWEST_FAILURE)
