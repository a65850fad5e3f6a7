"""Whatever the marketplace sends, decoding gives sound values or `MalformedError`."""

import copy
import json
import re
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import MalformedError
from monitor.market.hostnode import Hostnode
from monitor.market.snapshot import Snapshot
from monitor.marketplaces.tensordock.decode import decode_hostnode, decode_hostnodes
from monitor.marketplaces.tensordock.rows import Reader
from tests.unit.marketplaces.answers import AT, SEED_HOSTNODE, Json, decoded, hostnode, listing

ODD: st.SearchStrategy[Json] = st.sampled_from(
    [None, True, 0, -1, 1.5, 10**30, 1e308, 5e-324, "", "\x00", "\ud800", "7", "é", [], {}, [{}]]
)
ANYTHING: st.SearchStrategy[Json] = st.recursive(
    ODD | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def places(value: Json) -> Iterator[tuple[Json, Json]]:
    """Yield every container and key below `value`."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@st.composite
def mutated(draw: st.DrawFn, original: Json) -> Json:
    """Return `original` with up to four values anywhere in it replaced or removed."""
    root = [copy.deepcopy(original)]
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from(list(places(root))))
        if isinstance(container, dict) and draw(st.booleans()):
            del container[key]
        else:
            container[key] = copy.deepcopy(draw(ANYTHING))  # for it may be changed in turn
    return root[0]


def sound(snapshot: Snapshot) -> bool:
    """Tell whether `snapshot` keeps every promise of its types, and can be sent to a database."""
    ids = [row.id for row in snapshot.hostnodes]
    offers = [(offer.hostnode.id, offer.gpu) for offer in snapshot.offers]
    json.dumps([ids, offers, [str(row) for row in snapshot.hostnodes]]).encode("utf-8")
    return (
        len(ids) == len(set(ids))
        and len(offers) == len(set(offers))
        and {hostnode_id for hostnode_id, _ in offers} <= set(ids)
        and all(offer.price is None or offer.price > 0 for offer in snapshot.offers)
        and all(0 <= offer.available < 2**31 for offer in snapshot.offers)
        and all(row.uptime is None or 0 <= row.uptime <= 100 for row in snapshot.hostnodes)
        and not any(letter < " " or letter == "\x7f" for text in ids for letter in text)
        and all(issue.detail.isprintable() for issue in snapshot.issues)
    )


BODY = {"data": {"hostnodes": [hostnode("a"), hostnode("b"), hostnode("c")]}}


@given(mutated(BODY))
def test_a_mutated_answer_is_sound_or_malformed(answer: Json) -> None:
    try:
        snapshot = decode_hostnodes(json.dumps(answer).encode(), marketplace="m", at=AT)
    except MalformedError:
        return
    assert sound(snapshot)


@given(mutated(hostnode("c")))
def test_a_mutated_hostnode_costs_the_others_nothing(row: Json) -> None:
    alone = decoded(hostnode("a"), hostnode("b"))
    among = decoded(hostnode("a"), hostnode("b"), row)
    assert among.hostnodes[:2] == alone.hostnodes
    assert among.offers[:2] == alone.offers
    assert all(issue.path.startswith("$.data.hostnodes[2]") for issue in among.issues)
    assert sound(among)


ROWS = [hostnode(each) for each in "abcdef"]


@given(st.lists(st.lists(st.sampled_from(ROWS) | mutated(hostnode("a")), min_size=1), max_size=4))
def test_who_remembers_the_last_answer_reads_the_next_as_if_he_did_not(answers: Json) -> None:
    """Whatever rows come, go, change, are told twice or in another order."""
    reader = Reader()
    for rows in answers:
        body = listing(*rows)
        try:
            afresh = decode_hostnodes(body, marketplace="m", at=AT)
        except MalformedError as error:
            with pytest.raises(MalformedError, match=re.escape(str(error))):
                decode_hostnodes(body, marketplace="m", at=AT, reader=reader)
        else:
            assert decode_hostnodes(body, marketplace="m", at=AT, reader=reader) == afresh


@given(st.permutations(ROWS), st.permutations(ROWS), st.sampled_from("abcdef"))
def test_a_row_that_did_not_change_is_the_same_hostnode_as_before(
    before: Json, after: Json, other: str
) -> None:
    """However the order changes, and though one row did."""
    changing = [row | {"engine": "other"} if row["id"] == other else row for row in after]
    reader = Reader()
    first, second = (
        decode_hostnodes(listing(*rows), marketplace="m", at=AT, reader=reader)
        for rows in (before, changing)
    )
    known = {each.id: each for each in first.hostnodes}
    same = {each.id for each in second.hostnodes if each is known[each.id]}
    assert same == set("abcdef") - {other}


def test_a_row_that_comes_again_is_the_hostnode_it_was() -> None:
    """From the second answer on, and whether others came or it was away in between."""
    reader, busy = Reader(), hostnode("a") | {"engine": "other"}
    answers = ([hostnode("a")], [busy], [hostnode("a")], [busy], [hostnode("b")], [hostnode("a")])
    _, other, free, again, _, back = (
        decode_hostnodes(listing(*rows), marketplace="m", at=AT, reader=reader).hostnodes[0]
        for rows in answers
    )
    assert again is other
    assert back is free


def test_rows_that_came_long_ago_are_forgotten() -> None:
    reader = Reader()

    def read(uptime: int) -> Hostnode:
        row = hostnode("a") | {"uptime_percentage": 50 + uptime / 1000}
        return decode_hostnodes(listing(row), marketplace="m", at=AT, reader=reader).hostnodes[0]

    first, second = [read(uptime) for uptime in range(2050)][1:3]
    assert read(2) is second
    assert read(1) is not first


def test_a_long_row_is_forgotten_with_its_answer() -> None:
    """Thousands of them, as long as an answer may be, would fill the memory."""
    reader, long = Reader(), hostnode("a") | {"engine": "e" * 8192}
    answers = ([hostnode("b")], [long], [long], [hostnode("b")], [long])
    _, first, same, _, back = (
        decode_hostnodes(listing(*rows), marketplace="m", at=AT, reader=reader).hostnodes[0]
        for rows in answers
    )
    assert same is first
    assert back == first
    assert back is not first


@pytest.mark.parametrize("part", ["location", "pricing"])
def test_a_long_part_of_a_row_is_forgotten(part: str) -> None:
    """It is read all the same."""
    row = hostnode("a")
    long = row[part] | {"more": "m" * 100_000}
    bodies = [listing(row | {part: long | {"number": number}}) for number in range(20)]
    tracemalloc.start()
    try:
        read = [decode_hostnodes(body, marketplace="m", at=AT).hostnodes for body in bodies]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == 20 * [decode_hostnodes(listing(row), marketplace="m", at=AT).hostnodes]
    assert held < 1_000_000


@given(mutated(json.loads(SEED_HOSTNODE)))
def test_a_mutated_single_hostnode_is_sound_or_malformed(answer: Json) -> None:
    try:
        detail = decode_hostnode(json.dumps(answer).encode())
    except MalformedError:
        return
    assert all(offer.hostnode == detail.hostnode for offer in detail.offers)
    assert all(offer.price is None or offer.price > 0 for offer in detail.offers)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.binary(max_size=8))
def test_a_body_with_spliced_bytes_is_sound_or_malformed(
    start: int, length: int, piece: bytes
) -> None:
    body = listing(hostnode("a"), hostnode("b"))
    start %= len(body)
    try:
        snapshot = decode_hostnodes(
            body[:start] + piece + body[start + length % 9 :], marketplace="m", at=AT
        )
    except MalformedError:
        return
    assert sound(snapshot)


@given(st.binary())
def test_bytes_of_any_kind_are_malformed(body: bytes) -> None:
    try:
        decode_hostnodes(body, marketplace="m", at=AT)
    except MalformedError:
        return
    raise AssertionError
