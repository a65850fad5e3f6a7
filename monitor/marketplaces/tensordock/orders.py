"""Creating an instance: the documented body, and what an answer to it means. Pure.

An answer counts as "created" only with an id, and as "not created" only if it says so; all else is
`Unclear`, because a second request could buy twice. What is known of the answers is the table of
`design/marketplace.md`.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, TypeGuard

import msgspec

from monitor.errors import MalformedError
from monitor.market.instance import (
    CloudInit,
    Created,
    CreateOutcome,
    InstanceId,
    NotCreated,
    NotCreatedReason,
    Order,
    Unclear,
)
from monitor.marketplaces.tensordock import excerpt, fields
from monitor.marketplaces.tensordock.decode import readable
from monitor.marketplaces.tensordock.http import Answer, named, retry_after

TYPE = "virtualmachine"

_MOST_OF_A_DETAIL = 300
_SHORTEST_PRIVATE = 8  # characters; blotting out shorter texts would spoil innocent words

_RESOURCE = r"(?:resources?|capacity|gpus?|v?cpus?|ram|memory|storage|disk|ports?|ips?)"
_WORDS = (
    (rf"insufficient (?:\w+ ){{0,3}}{_RESOURCE}\b", NotCreatedReason.HOSTNODE),
    (r"need at least|\bbalance\b|insufficient", NotCreatedReason.FUNDS),
    (r"\bno available\b|unavailable|not available", NotCreatedReason.HOSTNODE),
    (r"host ?node|capacity|out of stock|public ip|deployment", NotCreatedReason.HOSTNODE),
)
"""What an error's words mean, the first that is found in them, whatever its case."""

_STATUSES: Mapping[int, NotCreatedReason] = {
    HTTPStatus.UNAUTHORIZED: NotCreatedReason.ACCESS,
    HTTPStatus.FORBIDDEN: NotCreatedReason.ACCESS,
    HTTPStatus.TOO_MANY_REQUESTS: NotCreatedReason.THROTTLED,
    HTTPStatus.PAYMENT_REQUIRED: NotCreatedReason.FUNDS,
}
"""Statuses that tell more than the words beside them."""

_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})
"""Without known words: the hostnode is not there, or no longer free."""


def request_body(order: Order) -> bytes:
    """Return the documented body of `POST /instances`, in JSON."""
    return msgspec.json.encode({"data": {"type": TYPE, "attributes": _attributes(order)}})


def outcome(answer: Answer, order: Order) -> CreateOutcome:
    """Return what came of `order`, going by a whole answer to it."""
    match answer.status:
        case status if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return _of_success(answer, order)
        case status if _refuses(status):
            words = _words(_json(answer.body)) or excerpt.of_body(answer.body)
            fallback = NotCreatedReason.HOSTNODE if status in _MISSING else None
            return _refusal(answer, order, status, words, fallback)
        case _:
            return _unclear(answer)


def _attributes(order: Order) -> dict[str, Any]:
    shape = order.shape
    optional = {
        "ssh_key_id": order.ssh_key_id,
        "ssh_key": order.ssh_key,
        "cloud_init": None if order.cloud_init is None else _cloud_init(order.cloud_init),
    }
    return {
        "name": order.name,
        "type": TYPE,
        "image": order.image,
        "hostnode_id": order.hostnode,
        "resources": {
            "vcpu_count": shape.vcpu_count,
            "ram_gb": shape.ram_gb,
            "storage_gb": shape.storage_gb,
            "gpus": {order.gpu: {"count": shape.gpu_count}},
        },
        "port_forwards": [
            {"internal_port": each.internal_port, "external_port": each.external_port}
            for each in order.forwards
        ],
        **_given(optional),
    }


def _cloud_init(init: CloudInit) -> dict[str, Any]:
    """Return the documented keys; a list that is empty is left out."""
    files = [_given(msgspec.to_builtins(each)) for each in init.write_files]
    lists = {"runcmd": init.runcmd, "packages": init.packages, "write_files": files}
    return {
        **{key: value for key, value in lists.items() if value},
        "package_update": init.package_update,
        "package_upgrade": init.package_upgrade,
    }


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _of_success(answer: Answer, order: Order) -> CreateOutcome:
    """Return what a 200 means: it may tell of a failure, or of nothing."""
    found = _json(answer.body)
    if not isinstance(found, dict):
        return _unclear(answer)
    data = found.get("data")
    told = data.get("id") if isinstance(data, dict) else None
    if fields.is_text(told):
        return Created(instance_id=InstanceId(told))
    if found.get("error") or _is_failure(found.get("status")):
        return _of_failure(answer, found, order)
    if type(told) is str and not told.strip():
        detail = "the answer had an empty id, as it does when nothing was made"
        return NotCreated(reason=NotCreatedReason.HOSTNODE, detail=detail)
    return _unclear(answer)


def _of_failure(answer: Answer, found: dict[str, Any], order: Order) -> CreateOutcome:
    """Return what a failure inside a 200 means: the seen ones are about the hostnode."""
    told = found.get("status")
    status = told if _is_failure(told) else HTTPStatus.BAD_REQUEST
    if not _refuses(status):
        return _unclear(answer)
    words = _words(found) or f"a failure with status {status}"
    fallback = None if isinstance(found.get("error"), list) else NotCreatedReason.HOSTNODE
    return _refusal(answer, order, status, words, fallback)


def _is_failure(status: object) -> TypeGuard[int]:
    return type(status) is int and status >= HTTPStatus.BAD_REQUEST


def _refuses(status: int) -> bool:
    """Tell whether a status says "no"; 408 only says that somebody on the way lost patience."""
    is_4xx = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_4xx and status != HTTPStatus.REQUEST_TIMEOUT


def _refusal(
    answer: Answer, order: Order, status: int, words: str, fallback: NotCreatedReason | None
) -> NotCreated:
    """Return a definite no; `fallback` is its reason if neither status nor words tell it.

    Complaints about the request's fields are about the preset, unless they speak of money.
    """
    reason = _STATUSES.get(status) or _meaning(words)
    complaints = isinstance(_json(answer.body), list)
    if reason is None or (complaints and reason is NotCreatedReason.HOSTNODE):
        reason = fallback or NotCreatedReason.REQUEST
    code = "" if answer.status == HTTPStatus.OK else f"{named(answer.status)}: "
    todo = "; check the marketplace's write token" if reason is NotCreatedReason.ACCESS else ""
    throttled = reason is NotCreatedReason.THROTTLED
    return NotCreated(
        reason=reason,
        detail=f"{code}{excerpt.of_text(_blotted(words, order), _MOST_OF_A_DETAIL)}{todo}",
        retry_after=retry_after(answer.headers) if throttled else None,
    )


def _meaning(words: str) -> NotCreatedReason | None:
    found = (reason for known, reason in _WORDS if re.search(known, words, re.IGNORECASE))
    return next(found, None)


def _unclear(answer: Answer) -> Unclear:
    return Unclear(
        detail=f"POST /instances was answered with {named(answer.status)} that does not tell "
        f"whether it acted: {excerpt.of_body(answer.body)}"
    )


def _json(body: bytes) -> Any:
    """Return what JSON says, or `None` for what is none."""
    try:
        return readable(msgspec.json.decode, body)
    except MalformedError:
        return None


def _words(found: Any) -> str:
    """Return what an answer says is wrong: a text, or a list of complaints with their paths."""
    match found:
        case list():
            return "; ".join(filter(None, map(_complaint, found)))
        case {"error": str(error)} | {"message": str(error)}:
            return error
        case {"error": list(complaints)}:
            return _words(complaints)
        case {"error": {"message": str(error)}}:
            return error
        case _:
            return ""


def _complaint(found: Any) -> str:
    match found:
        case {"message": str(message), "path": list(path)}:
            return f"{message} ({'.'.join(map(str, path))})"
        case {"message": str(message)} | str(message):
            return message
        case _:
            return ""


def _blotted(words: str, order: Order) -> str:
    """Return `words` without what the user may hold secret, should the marketplace echo it."""
    for text in _private(order):
        if len(text) >= _SHORTEST_PRIVATE:
            words = words.replace(text, "***")
    return words


def _private(order: Order) -> Iterator[str]:
    yield order.ssh_key or ""
    if order.cloud_init is not None:
        yield from order.cloud_init.runcmd
        yield from (file.content for file in order.cloud_init.write_files)
