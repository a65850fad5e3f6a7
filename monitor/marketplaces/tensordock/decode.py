"""Answers of the marketplace, as bytes, to values of the market. Pure.

A body is `MalformedError` only when its shape as a whole is wrong; anything smaller is an issue of
the row it stands in.
"""

import json
import math
from collections.abc import Callable
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TypeVar

import msgspec

from monitor.errors import MalformedError
from monitor.market.snapshot import HostnodeDetail, Snapshot
from monitor.marketplaces.tensordock import excerpt, wire
from monitor.marketplaces.tensordock.rows import Reader, Rows, read_row

_LOWEST_FAILURE = 400
_LONGEST_INTEGER = 18

_list_decoder = msgspec.json.Decoder(wire.ListAnswer | wire.NotAnObject)
_PRICE = attrgetter("price")

_hostnode_decoder = msgspec.json.Decoder(wire.HostnodeAnswer | wire.NotAnObject)

T = TypeVar("T")


def decode_hostnodes(
    body: bytes, *, marketplace: str, at: datetime, reader: Reader | None = None
) -> Snapshot:
    """Return the answer of `GET /hostnodes` as a snapshot; an empty list gives an empty snapshot.

    `reader` has read the answer before this one, and reads only what is not told again.

    Raises:
        MalformedError: for anything that is not a list of hostnodes; for a list of which nothing
            could be read, because a shape that changed "reads exactly like no capacity"
            (`design/marketplace.md`); for a failure told inside a 200.
    """
    rows = readable(partial(_list, reader or Reader()), body)
    return Snapshot(
        marketplace=marketplace,
        at=at,
        hostnodes=tuple(rows.hostnodes),
        offers=tuple(rows.offers),
        issues=tuple(rows.issues),
        issues_left_out=rows.issues_left_out,
    )


def decode_hostnode(body: bytes) -> HostnodeDetail:
    """Return the answer of `GET /hostnodes/{id}`.

    Raises:
        MalformedError: for anything that is not a hostnode, or tells of a failure.
    """
    rows = readable(_one, body)
    return HostnodeDetail(
        hostnode=rows.hostnodes[0], offers=tuple(rows.offers), issues=tuple(rows.issues)
    )


def _list(reader: Reader, body: bytes) -> Rows:
    answer = _list_decoder.decode(body)
    if type(answer) is not wire.ListAnswer or type(answer.data) is not wire.HostnodeList:
        raise malformed("the answer has no object `data`", body)
    if type(answer.data.hostnodes) is not list:
        raise malformed("the answer has no list `data.hostnodes`", body)
    _refuse_failure(answer, body)
    rows = Rows(reader.read(answer.data.hostnodes), "$.data.hostnodes[{}]")
    _refuse_nothing(rows, len(answer.data.hostnodes))
    return rows


def _one(body: bytes) -> Rows:
    answer = _hostnode_decoder.decode(body)
    if type(answer) is not wire.HostnodeAnswer or type(answer.data) is not wire.Hostnode:
        raise malformed("the answer has no object `data`", body)
    _refuse_failure(answer, body)
    rows = Rows([read_row(answer.data)], "$.data")
    _refuse_nothing(rows, 1)
    return rows


def _refuse_failure(answer: wire.ListAnswer | wire.HostnodeAnswer, body: bytes) -> None:
    """Raise for `{"status": 400, "error": …}` inside a 200, whatever else is told beside it."""
    status = answer.status
    if answer.error or (type(status) is int and status >= _LOWEST_FAILURE):
        raise malformed("the answer tells of a failure", body)


def _refuse_nothing(rows: Rows, told: int) -> None:
    """Raise for a list of hostnodes of which nothing could be read: its shape has changed.

    One hostnode that does not say what it offers is one bad row; several, and no offer among all
    the others, are a changed shape. So are several offers of which none has a price: rules on
    prices would see nothing, and end their alerts for lack of data.
    """
    if told and not rows.hostnodes:
        what = f"of {told} hostnodes none could be read"
    elif rows.silent > 1 and not rows.offers:
        what = f"of {told} hostnodes not one offer could be read"
    elif len(rows.offers) > 1 and not any(map(_PRICE, rows.offers)):
        what = f"of {len(rows.offers)} offers none has a price"
    else:
        return
    first = f"; {rows.issues[0].path}: {rows.issues[0].detail}" if rows.issues else ""
    raise MalformedError(f"{what}{first}")


def readable(read: Callable[[bytes], T], body: bytes) -> T:
    """Return `read(body)`; a body that msgspec cannot read is put into plain JSON first.

    Raises:
        MalformedError: for a body that is no JSON.
    """
    try:
        return read(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return read(_plain_json(body))
    except (ValueError, RecursionError) as error:
        what = "HTML" if body.lstrip().startswith(b"<") else "not JSON"
        raise malformed(f"the answer is {what}", body) from error


def _plain_json(body: bytes) -> bytes:
    """Return JSON as some servers write it as JSON that msgspec reads.

    A byte order mark, letters that are no UTF-8, half a surrogate pair, NaN, Infinity and numbers
    beyond any use (1e999) are the fault of one row, and must not cost the others.
    """
    value = json.loads(
        body.decode("utf-8-sig", "replace"),
        parse_constant=str,
        parse_float=_finite,
        parse_int=_short,
    )
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _finite(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _short(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def malformed(what: str, body: bytes) -> MalformedError:
    """Return the error that says `what` is wrong and how the body starts."""
    return MalformedError(f"{what}; it starts: {excerpt.of_body(body)}")
