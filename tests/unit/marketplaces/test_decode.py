"""Answers to values: what is documented, what was recorded, and every single wrong thing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.errors import MalformedError
from monitor.market.hostnode import (
    ComponentPrices,
    Hostnode,
    HostnodeId,
    Location,
    LocationId,
    Resources,
)
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel, Offer
from monitor.market.snapshot import IssueReason
from monitor.marketplaces.replay import RecordedHostnodes, open_replay
from monitor.marketplaces.tensordock.decode import decode_hostnode, decode_hostnodes
from monitor.marketplaces.tensordock.rows import MOST_ISSUES
from tests.unit.marketplaces.answers import (
    AT,
    FIXTURES,
    MISSING,
    SEED_HOSTNODE,
    SEED_LIST,
    Json,
    changed,
    decoded,
    hostnode,
    listing,
    told,
)

DOCUMENTED = Hostnode(
    id=HostnodeId("hostnode-uuid"),
    location=Location(
        id=LocationId("location-uuid"),
        city="City Name",
        state="State/Province Name",
        country="Country Name",
        organization_id="organization-uuid",
        organization="Organization Name",
        tier=3,
        network_gbps=10.0,
        network_upload_gbps=10.0,
        network_storage=False,
    ),
    resources=Resources(vcpu_count=208, ram_gb=990, storage_gb=14780),
    prices=ComponentPrices(
        per_vcpu=NanoDollars(1_500_000),
        per_gb_ram=NanoDollars(700_000),
        per_gb_storage=NanoDollars(50_000),
    ),
    engine="Narwhal",
    uptime=99.79,
)
H100 = GpuModel("h100-sxm5-80gb")
PRICE = "available_resources.gpus.0.price_per_hr"
COUNT = "available_resources.gpus.0.availableCount"
NAME = "available_resources.gpus.0.v0Name"
ROW = "$.data.hostnodes[0]"


def test_the_documented_list_is_read_value_by_value() -> None:
    snapshot = decode_hostnodes(SEED_LIST, marketplace="tensordock", at=AT)
    assert (snapshot.marketplace, snapshot.at) == ("tensordock", AT)
    assert snapshot.hostnodes == (DOCUMENTED,)
    price = NanoDollars(2_200_000_000)
    assert snapshot.offers == (Offer(hostnode=DOCUMENTED, gpu=H100, available=8, price=price),)
    assert snapshot.issues == ()


def test_the_documented_hostnode_is_read_with_its_ports() -> None:
    detail = decode_hostnode(SEED_HOSTNODE)
    assert detail.hostnode.ports == tuple(range(20000, 20009))
    assert detail.hostnode.location == DOCUMENTED.location
    assert [(offer.gpu, offer.available) for offer in detail.offers] == [(H100, 8)]
    assert detail.issues == ()


@pytest.mark.parametrize("recording", sorted(FIXTURES.glob("replay/*.gz")), ids=lambda p: p.name)
def test_recorded_rows_are_read_without_a_single_issue(recording: Path) -> None:
    with open_replay(recording) as lines:
        for line in lines:
            assert isinstance(line, RecordedHostnodes)
            recorded = json.loads(line.hostnodes)
            snapshot = decode_hostnodes(line.body, marketplace="m", at=line.at)
            assert snapshot.issues == ()
            assert [
                (offer.hostnode.id, offer.gpu, offer.available, offer.price)
                for offer in snapshot.offers
            ] == [
                (row["id"], gpu["v0Name"], gpu["availableCount"], round(gpu["price_per_hr"] * 1e9))
                for row in recorded
                for gpu in row["available_resources"]["gpus"]
            ]


def test_an_empty_list_is_an_empty_snapshot() -> None:
    snapshot = decode_hostnodes(b'{"data":{"hostnodes":[]}}', marketplace="m", at=AT)
    assert (snapshot.hostnodes, snapshot.offers, snapshot.issues) == ((), (), ())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"   \r\n", "not JSON"),
        (b"Unauthorized", "not JSON"),
        (b"<!doctype html><title>Login</title>", "HTML"),
        (b"\x00\xff\x1f\x8b", "not JSON"),
        (SEED_LIST[:200], "not JSON"),
        (SEED_LIST + b"}", "not JSON"),
        (b"null", "`data`"),
        (b"[]", "`data`"),
        (b"7", "`data`"),
        (b'"text"', "`data`"),
        (b"{}", "`data`"),
        (b'{"data":null}', "`data`"),
        (b'{"data":[]}', "`data`"),
        (b'{"status":400,"error":"No available nodes found"}', "No available nodes found"),
        (b'{"data":{}}', "`data.hostnodes`"),
        (b'{"data":{"hostnodes":null}}', "`data.hostnodes`"),
        (b'{"data":{"hostnodes":{}}}', "`data.hostnodes`"),
        (b'{"data":{"hostnodes":"none"}}', "`data.hostnodes`"),
        (b'{"data":{"hostnodes":[]},"error":"try later"}', "failure"),
        (b'{"data":{"hostnodes":[]},"status":500}', "failure"),
        (b'{"data":{"hostnodes":[1,null,"x"]}}', "of 3 hostnodes none"),
        (b'{"data":{"hostnodes":[{"uuid":"renamed"}]}}', "$.data.hostnodes[0].id"),
        (b"[" * 200_000, "not JSON"),
        (b'{"data":{"hostnodes":[{"id":' + b"[" * 9000 + b"]" * 9000 + b"}]}}", "not JSON"),
    ],
)
def test_a_body_of_the_wrong_shape_is_malformed_and_says_what_was_seen(
    body: bytes, said: str
) -> None:
    with pytest.raises(MalformedError, match=r".") as raised:
        decode_hostnodes(body, marketplace="m", at=AT)
    assert said in str(raised.value)
    assert len(str(raised.value)) < 300
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"{}",
        b'{"data":null}',
        b'{"data":[]}',
        b'{"data":{}}',
        b'{"data":{"hostnodes":[]}}',
        b'{"status":404,"error":"gone"}',
        SEED_HOSTNODE.replace(b'"data"', b'"error":"x","data"'),
    ],
)
def test_a_hostnode_of_the_wrong_shape_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_hostnode(body)


def test_a_list_of_which_no_offer_can_be_read_is_malformed_not_sold_out() -> None:
    """A shape that changed "reads exactly like no capacity" (marketplace.md)."""
    renamed = [
        changed(hostnode(name), "available_resources.gpus", [{"model": "h100", "count": 8}])
        for name in "ab"
    ]
    with pytest.raises(MalformedError, match="of 2 hostnodes not one offer"):
        decoded(*renamed)
    with pytest.raises(MalformedError, match="of 2 hostnodes not one offer"):
        decoded("no hostnode", renamed[0])
    moved = [changed(hostnode(name), "available_resources", MISSING) for name in "ab"]
    with pytest.raises(MalformedError, match="of 2 hostnodes not one offer"):
        decoded(*moved)


def test_a_market_that_is_sold_out_is_believed() -> None:
    sold_out = [changed(hostnode(name), "available_resources.gpus", []) for name in "ab"]
    snapshot = decoded(*sold_out)
    assert (len(snapshot.hostnodes), snapshot.offers, snapshot.issues) == (2, (), ())


@pytest.mark.parametrize(
    "price",
    [MISSING, None, 0, 0.0, -0.0, -1, -2.2, "2.20", "", True, False, [], {}, 1e-10, 1e7, 10**30],
    ids=repr,
)
def test_what_cannot_be_a_price_is_unpriced_and_never_free(price: Json) -> None:
    snapshot = decoded(changed(hostnode(), PRICE, price))
    (offer,) = snapshot.offers
    assert (offer.gpu, offer.available, offer.price) == (H100, 8, None)
    assert told(snapshot.issues) == [
        ("unpriced", f"{ROW}.available_resources.gpus[0].price_per_hr")
    ]


@pytest.mark.parametrize("price", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
def test_numbers_beyond_json_cost_their_offer_its_price_and_no_other_row(price: bytes) -> None:
    bad = listing(changed(hostnode("a"), PRICE, 12345)).replace(b"12345", price)
    body = bad.replace(b"[{", b"[" + json.dumps(hostnode("b")).encode() + b",{", 1)
    snapshot = decode_hostnodes(body, marketplace="m", at=AT)
    assert [offer.price for offer in snapshot.offers] == [2_200_000_000, None]
    assert told(snapshot.issues) == [
        ("unpriced", "$.data.hostnodes[1].available_resources.gpus[0].price_per_hr")
    ]


@pytest.mark.parametrize(
    ("price", "nano"),
    [(0.396667, 396_667_000), (2, 2_000_000_000), (1e-9, 1), (0.0000000006, 1)],
)
def test_a_price_is_kept_to_the_nano_dollar(price: float, nano: int) -> None:
    (offer,) = decoded(changed(hostnode(), PRICE, price)).offers
    assert offer.price == nano


@pytest.mark.parametrize(
    ("path", "value", "issue"),
    [
        (NAME, MISSING, ".v0Name"),
        (NAME, None, ".v0Name"),
        (NAME, "", ".v0Name"),
        (NAME, "  ", ".v0Name"),
        (NAME, 4090, ".v0Name"),
        (NAME, "h100\x00", ".v0Name"),
        (NAME, "h100\n", ".v0Name"),
        (NAME, "h" * 201, ".v0Name"),
        (COUNT, MISSING, ".availableCount"),
        (COUNT, None, ".availableCount"),
        (COUNT, -1, ".availableCount"),
        (COUNT, 1.5, ".availableCount"),
        (COUNT, "3", ".availableCount"),
        (COUNT, True, ".availableCount"),
        (COUNT, 2**31, ".availableCount"),
        (COUNT, 10**30, ".availableCount"),
        (COUNT, [3], ".availableCount"),
        ("available_resources.gpus.0", "h100", ""),
        ("available_resources.gpus.0", None, ""),
        ("available_resources.gpus.0", [], ""),
    ],
)
def test_an_undecodable_offer_costs_itself_and_one_issue(
    path: str, value: Json, issue: str
) -> None:
    bad = hostnode()
    bad["available_resources"]["gpus"].append(
        {"v0Name": "l4-pcie-24gb", "availableCount": 1, "price_per_hr": 0.3}
    )
    snapshot = decoded(changed(bad, path, value))
    assert len(snapshot.hostnodes) == 1
    assert [offer.gpu for offer in snapshot.offers] == ["l4-pcie-24gb"]
    assert told(snapshot.issues) == [("offer_shape", f"{ROW}.available_resources.gpus[0]{issue}")]


@pytest.mark.parametrize("gpus", [MISSING, None, {}, "none", 0, True])
def test_a_hostnode_that_does_not_list_its_gpus_has_no_offers_and_an_issue(gpus: Json) -> None:
    snapshot = decoded(changed(hostnode("a"), "available_resources.gpus", gpus), hostnode("b"))
    assert [row.id for row in snapshot.hostnodes] == ["a", "b"]
    assert [offer.hostnode.id for offer in snapshot.offers] == ["b"]
    assert told(snapshot.issues) == [("offer_shape", f"{ROW}.available_resources.gpus")]


@pytest.mark.parametrize(
    ("row", "path"),
    [
        (None, ""),
        ([], ""),
        ("hostnode", ""),
        (17, ""),
        (True, ""),
        ({}, ".id"),
        (changed(hostnode(), "id", None), ".id"),
        (changed(hostnode(), "id", ""), ".id"),
        (changed(hostnode(), "id", 17), ".id"),
        (changed(hostnode(), "id", ["a"]), ".id"),
        (changed(hostnode(), "id", "a\x00b"), ".id"),
        (changed(hostnode(), "id", "a" * 201), ".id"),
    ],
)
def test_an_undecodable_hostnode_costs_itself_and_one_issue(row: Json, path: str) -> None:
    snapshot = decoded(row, hostnode("good"))
    assert [row.id for row in snapshot.hostnodes] == ["good"]
    assert len(snapshot.offers) == 1
    assert told(snapshot.issues) == [("hostnode_shape", f"{ROW}{path}")]


BAD_NUMBERS: tuple[Json, ...] = (-1, "7", True, [], {}, 10**30)
OPTIONAL: list[tuple[str, Callable[[Hostnode], object], tuple[Json, ...]]] = [
    ("engine", lambda row: row.engine, (7, True, [], {}, "a\x1bb", "e" * 201)),
    ("uptime_percentage", lambda row: row.uptime, (*BAD_NUMBERS, -0.5, 100.01, "99.5%")),
    ("available_resources.vcpu_count", lambda r: r.resources.vcpu_count, (*BAD_NUMBERS, 7.5)),
    ("available_resources.ram_gb", lambda row: row.resources.ram_gb, (*BAD_NUMBERS, 1e10)),
    ("available_resources.storage_gb", lambda row: row.resources.storage_gb, BAD_NUMBERS),
    ("available_resources.available_ports", lambda row: row.ports, ("22", 22, {}, True)),
    ("pricing.per_vcpu_hr", lambda row: row.prices.per_vcpu, (*BAD_NUMBERS, 0)),
    ("pricing.per_gb_ram_hr", lambda row: row.prices.per_gb_ram, (*BAD_NUMBERS, 0)),
    ("pricing.per_gb_storage_hr", lambda row: row.prices.per_gb_storage, (*BAD_NUMBERS, 0.0)),
    ("location.city", lambda row: row.location.city, (7, [], "Dal\nlas")),
    ("location.stateprovince", lambda row: row.location.state, (7, {})),
    ("location.country", lambda row: row.location.country, (7, True)),
    ("location.organization", lambda row: row.location.organization_id, (7, [])),
    ("location.organizationName", lambda row: row.location.organization, (7, {})),
    ("location.tier", lambda row: row.location.tier, (*BAD_NUMBERS, 2.5)),
    ("location.network_speed_gbps", lambda row: row.location.network_gbps, BAD_NUMBERS),
    ("location.network_speed_upload_gbps", lambda r: r.location.network_upload_gbps, BAD_NUMBERS),
    ("location.has_network_storage", lambda row: row.location.network_storage, (0, 1, "yes", [])),
]


@pytest.mark.parametrize(
    ("path", "read", "value"),
    [(path, read, value) for path, read, values in OPTIONAL for value in values],
)
def test_a_bad_field_costs_itself_and_one_issue(
    path: str, read: Callable[[Hostnode], object], value: Json
) -> None:
    snapshot = decoded(changed(hostnode() | {"extra": 1}, path, value))
    (row,) = snapshot.hostnodes
    assert read(row) is None
    assert len(snapshot.offers) == 1
    assert told(snapshot.issues) == [("field", f"{ROW}.{path}")]


@pytest.mark.parametrize("value", [MISSING, None], ids=["missing", "null"])
@pytest.mark.parametrize(("path", "read"), [(path, read) for path, read, _ in OPTIONAL])
def test_a_field_that_is_not_told_is_no_issue(
    path: str, read: Callable[[Hostnode], object], value: Json
) -> None:
    row = changed(hostnode(), "available_resources.available_ports", [20000])
    snapshot = decoded(changed(row, path, value))
    assert read(snapshot.hostnodes[0]) is None
    assert snapshot.issues == ()


@pytest.mark.parametrize("path", ["location", "pricing", "available_resources"])
@pytest.mark.parametrize("value", [[], "text", 0, True])
def test_a_part_that_is_no_object_costs_itself_and_one_issue(path: str, value: Json) -> None:
    snapshot = decoded(changed(hostnode("a"), path, value), hostnode("b"))
    assert [row.id for row in snapshot.hostnodes] == ["a", "b"]
    assert snapshot.hostnodes[1] == decoded(hostnode("b")).hostnodes[0]
    assert told(snapshot.issues) == [("field", f"{ROW}.{path}")]


@pytest.mark.parametrize(
    ("path", "value", "read", "expected"),
    [
        ("uptime_percentage", 0, lambda row: row.uptime, 0.0),
        ("uptime_percentage", 100, lambda row: row.uptime, 100.0),
        ("available_resources.vcpu_count", 8.0, lambda row: row.resources.vcpu_count, 8),
        ("available_resources.vcpu_count", 0, lambda row: row.resources.vcpu_count, 0),
        ("available_resources.storage_gb", 99.9, lambda row: row.resources.storage_gb, 99),
        ("available_resources.ram_gb", 1_546_793, lambda row: row.resources.ram_gb, 1_546_793),
        ("available_resources.available_ports", [], lambda row: row.ports, ()),
        ("location.network_speed_gbps", 2.5, lambda row: row.location.network_gbps, 2.5),
        ("location.city", "東京\u3000Tōkyō", lambda row: row.location.city, "東京\u3000Tōkyō"),
        ("location.city", "", lambda row: row.location.city, None),
        ("engine", "  ", lambda row: row.engine, None),
    ],
)
def test_odd_but_real_values_are_taken_as_they_are(
    path: str, value: Json, read: Callable[[Hostnode], object], expected: object
) -> None:
    snapshot = decoded(changed(hostnode(), path, value))
    assert read(snapshot.hostnodes[0]) == expected
    assert type(read(snapshot.hostnodes[0])) is type(expected)
    assert snapshot.issues == ()


def test_a_bad_port_costs_itself_only() -> None:
    ports = [22, "80", 0, 65535, 65536, True, 443.0]
    path = "available_resources.available_ports"
    snapshot = decoded(changed(hostnode(), path, ports))
    assert snapshot.hostnodes[0].ports == (22, 65535)
    bad = (1, 2, 4, 5, 6)
    assert told(snapshot.issues) == [("field", f"{ROW}.{path}[{index}]") for index in bad]


@pytest.mark.parametrize("port", [0, -1, 65536, 10**30])
def test_a_port_out_of_range_is_none(port: int) -> None:
    snapshot = decoded(changed(hostnode(), "available_resources.available_ports", [22, port]))
    assert snapshot.hostnodes[0].ports == (22,)
    assert len(snapshot.issues) == 1


@pytest.mark.parametrize(
    ("location_id", "uuid", "expected"),
    [("a", "a", "a"), ("a", MISSING, "a"), (MISSING, "b", "b"), (None, "b", "b"), ("a", "b", "a")],
)
def test_either_name_of_the_place_will_do(location_id: Json, uuid: Json, expected: str) -> None:
    row = changed(changed(hostnode(), "location_id", location_id), "location.uuid", uuid)
    snapshot = decoded(row)
    assert snapshot.hostnodes[0].location.id == expected
    assert snapshot.issues == ()


def test_of_hostnodes_with_the_same_id_the_first_wins() -> None:
    second = changed(hostnode("a"), PRICE, 0.01)
    snapshot = decoded(hostnode("a"), second, hostnode("b"))
    assert [offer.price for offer in snapshot.offers] == [2_200_000_000, 2_200_000_000]
    assert told(snapshot.issues) == [("duplicate", "$.data.hostnodes[1].id")]


def test_of_gpus_with_the_same_name_on_one_hostnode_the_first_wins() -> None:
    row = hostnode()
    row["available_resources"]["gpus"] *= 2
    row["available_resources"]["gpus"][1] = {"v0Name": H100, "availableCount": 1}
    snapshot = decoded(row)
    assert [offer.available for offer in snapshot.offers] == [8]
    assert told(snapshot.issues) == [("duplicate", f"{ROW}.available_resources.gpus[1].v0Name")]


def test_an_offer_of_none_is_kept_as_evidence() -> None:
    (offer,) = decoded(changed(hostnode(), COUNT, 0)).offers
    assert offer.available == 0


def test_a_place_that_hostnodes_share_word_for_word_is_one_object() -> None:
    first, second = decoded(hostnode("a"), hostnode("b")).hostnodes
    assert first.location is second.location
    assert first.prices is second.prices


def test_what_is_wrong_with_a_shared_place_is_told_for_every_hostnode() -> None:
    rows = [changed(hostnode(name), "location.tier", "gold") for name in "ab"]
    assert told(decoded(*rows).issues) == [
        ("field", "$.data.hostnodes[0].location.tier"),
        ("field", "$.data.hostnodes[1].location.tier"),
    ]


def test_issues_of_a_single_hostnode_are_told_from_its_root() -> None:
    row = changed(hostnode(), "location.tier", "gold")
    detail = decode_hostnode(json.dumps({"data": row}).encode())
    assert told(detail.issues) == [("field", "$.data.location.tier")]


@pytest.mark.parametrize("value", ["x" * 10_000, "\x1b[31m\r\n\u2028", {"a": 1}, 10**4000, True])
def test_the_detail_of_an_issue_is_one_short_printable_line(value: Json) -> None:
    (issue,) = decoded(changed(hostnode(), "uptime_percentage", value)).issues
    assert issue.detail.startswith("wanted a number from 0 to 100, found ")
    assert len(issue.detail) <= 200
    assert issue.detail.isprintable()


def test_issues_are_counted_exactly_and_kept_up_to_a_bound() -> None:
    rows = [changed(hostnode(str(index)), "engine", 7) for index in range(MOST_ISSUES + 5)]
    snapshot = decoded(*rows, None, changed(hostnode("z"), PRICE, 0))
    assert len(snapshot.issues) == MOST_ISSUES
    assert snapshot.issue_counts == {
        IssueReason.FIELD: MOST_ISSUES + 5,
        IssueReason.HOSTNODE_SHAPE: 1,
        IssueReason.UNPRICED: 1,
    }
    assert len(snapshot.offers) == MOST_ISSUES + 6


@pytest.mark.parametrize(
    ("old", "new", "city"),
    [
        (b"{", b"\xef\xbb\xbf{", "City Name"),
        (b"City Name", b"D\xfcsseldorf", "D\N{REPLACEMENT CHARACTER}sseldorf"),
        (b"City Name", rb"half \ud83d a pair", "half ? a pair"),
        (b'"tier"', b'"tier": 1, "tier"', "City Name"),
    ],
    ids=["byte order mark", "Latin-1", "lone surrogate", "duplicate key"],
)
def test_json_that_is_not_quite_json_is_read_all_the_same(
    old: bytes, new: bytes, city: str
) -> None:
    snapshot = decode_hostnodes(SEED_LIST.replace(old, new, 1), marketplace="m", at=AT)
    assert snapshot.hostnodes[0].location.city == city
    assert snapshot.hostnodes[0].location.tier == 3
    assert len(snapshot.offers) == 1


def test_nesting_that_msgspec_survives_costs_its_field_only() -> None:
    deep: Json = []
    for _ in range(500):
        deep = [deep]
    snapshot = decoded(changed(hostnode(), "uptime_percentage", deep))
    assert told(snapshot.issues) == [("field", f"{ROW}.uptime_percentage")]
    assert len(snapshot.offers) == 1


@pytest.mark.parametrize("price", [None, 0, "2.20", -1])
def test_offers_of_which_none_has_a_price_are_a_changed_shape(price: Json) -> None:
    """One unpriced offer is unpriced; no price at all would end alerts for lack of data."""
    rows = [
        changed(hostnode(name), "available_resources.gpus.0.price_per_hr", price)
        for name in ("one", "two")
    ]
    assert decoded(rows[0]).offers[0].price is None
    with pytest.raises(MalformedError, match="of 2 offers none has a price"):
        decoded(*rows)
