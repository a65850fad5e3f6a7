"""What a buyer reads: short, exact about money, and deaf to whatever a marketplace calls a city."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.formats import BODY_LENGTH, TITLE_LENGTH
from monitor.alerting.notice import Notice, NotifyReason
from monitor.alerting.render import (
    render,
    render_system,
    render_test,
)
from monitor.market.hostnode import HostnodeId
from monitor.market.money import NanoDollars, nano
from monitor.market.offer import GpuModel
from monitor.rules.alert import Alert, AlertState, RuleName, Severity, Sighting

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
H100 = Sighting(
    hostnode_id=HostnodeId("3b1f-22"),
    gpu=GpuModel("h100-sxm5-80gb"),
    available=8,
    price=nano(2.10),
    total=nano(2.305),
    city="Frankfurt",
    country="Germany",
    tier=3,
    uptime=99.95,
)
ALERT = Alert(
    rule=RuleName("H100 under 2.20"),
    labels=(("gpu", "h100-sxm5-80gb"), ("marketplace", "tensordock")),
    state=AlertState.FIRING,
    active_at=NOW - timedelta(hours=3),
    pending_since=NOW - timedelta(hours=3),
    firing_at=NOW - timedelta(hours=2, minutes=5),
    value=nano(2.10),
    offers=1,
    best=(H100,),
)
ENDED = replace(ALERT, state=AlertState.RESOLVED, resolved_at=NOW, best=(H100,))


def notice(
    reason: NotifyReason = NotifyReason.FIRST,
    firing: tuple[Alert, ...] = (ALERT,),
    resolved: tuple[Alert, ...] = (),
) -> Notice:
    return Notice(
        rules=(ALERT.rule,),
        marketplace="tensordock",
        severity=Severity.WARNING,
        reason=reason,
        at=NOW,
        firing=firing,
        resolved=resolved,
    )


def offering(*sightings: Sighting, offers: int | None = None) -> Notice:
    alert = replace(ALERT, best=sightings, offers=len(sightings) if offers is None else offers)
    return notice(firing=(alert,))


def test_a_message_says_what_to_buy_where_and_since_when() -> None:
    message = render(notice(), now=NOW)
    assert message.title == (
        "H100 under 2.20: h100-sxm5-80gb from 2.10 $/h per GPU, 8 free, Frankfurt, Germany"
        " (tensordock)"
    )
    assert message.body.splitlines() == [
        "2.10 $/h per GPU, 2.305 $/h in total: 8 × h100-sxm5-80gb free",
        "Frankfurt, Germany, tier 3, uptime 99.95 %",
        "hostnode 3b1f-22",
        "",
        "firing since 2026-03-04 03:01 UTC (2 h 5 min): gpu=h100-sxm5-80gb, marketplace=tensordock",
        "severity warning; told because the rule began to fire",
    ]


def test_an_end_says_how_long_it_lasted_and_the_last_price() -> None:
    message = render(notice(NotifyReason.RESOLVED, firing=(), resolved=(ENDED,)), now=NOW)
    assert message.title == (
        "resolved: H100 under 2.20: h100-sxm5-80gb ended after 2 h 5 min,"
        " last from 2.10 $/h per GPU (tensordock)"
    )
    assert message.body == (
        "ended after 2 h 5 min, last from 2.10 $/h per GPU, at 2026-03-04 05:06 UTC:"
        " gpu=h100-sxm5-80gb, marketplace=tensordock\n"
        "severity warning; told because something ended"
    )


def test_an_end_beside_what_still_fires_tells_both() -> None:
    other = replace(ENDED, value=nano(1.99), best=(replace(H100, gpu=GpuModel("a100-pcie-80gb")),))
    message = render(notice(NotifyReason.RESOLVED, resolved=(ENDED, other)), now=NOW)
    assert "a100-pcie-80gb ended" in message.title
    assert "and 1 more (tensordock)" in message.title
    assert "firing since" in message.body


@pytest.mark.parametrize(
    ("reason", "start"),
    [
        (NotifyReason.FIRST, "H100 under"),
        (NotifyReason.NEW, "new: H100 under"),
        (NotifyReason.IMPROVED, "cheaper: H100 under"),
        (NotifyReason.REPEAT, "still: H100 under"),
        (NotifyReason.RESOLVED, "resolved: H100 under"),
    ],
)
def test_each_reason_is_told_by_the_first_word(reason: NotifyReason, start: str) -> None:
    assert render(notice(reason, resolved=(ENDED,)), now=NOW).title.startswith(start)


def test_the_cheapest_offer_leads_and_unpriced_ones_come_last() -> None:
    unpriced = replace(H100, hostnode_id=HostnodeId("x"), price=None, total=None)
    cheaper = replace(H100, hostnode_id=HostnodeId("y"), price=nano(2), available=1)
    message = render(offering(unpriced, H100, cheaper), now=NOW)
    assert "from 2.00 $/h per GPU, 1 free" in message.title
    starts = [line for line in message.body.splitlines() if line.endswith(" free")]
    assert [line.split(" ")[0] for line in starts] == ["2.00", "2.10", "unpriced:"]


def test_an_unpriced_offer_is_never_shown_as_free_of_charge() -> None:
    message = render(offering(replace(H100, price=None, total=None)), now=NOW)
    assert "h100-sxm5-80gb unpriced, 8 free" in message.title
    assert "$" not in message.title + message.body


def test_five_offers_are_shown_and_the_rest_counted() -> None:
    found = [replace(H100, hostnode_id=HostnodeId(f"host-{n}")) for n in range(7)]
    body = render(offering(*found, offers=12), now=NOW).body
    assert body.count("hostnode host-") == 5
    assert "\nand 7 more\n" in body


def test_one_offer_that_two_alerts_saw_is_shown_once() -> None:
    body = render(notice(firing=(ALERT, replace(ALERT, offers=0))), now=NOW).body
    assert body.count("hostnode 3b1f-22") == 1


def test_a_hostile_city_is_one_short_harmless_line() -> None:
    city = "Frank\nfurt\r\x1b[31m\u202e**<b>[x](https://evil.example)</b>** @everyone `" + "y" * 999
    body = render(offering(replace(H100, city=city)), now=NOW).body
    (line,) = [line for line in body.splitlines() if line.startswith("Frank")]
    assert len(line) < 150
    assert line.startswith("Frank furt 31m b x (https evil. example)")


def test_letters_of_every_script_stay() -> None:
    abroad = replace(H100, city="São Paulo", country="東京")
    assert "São Paulo, 東京" in render(offering(abroad), now=NOW).title


def test_a_clock_set_back_shows_no_negative_time() -> None:
    assert "(0 s)" in render(notice(), now=NOW - timedelta(days=1)).body


def test_a_test_names_its_receiver() -> None:
    message = render_test("chat\n", NOW)
    assert message.title == "test: gpu-monitor reaches chat"
    assert "2026-03-04 05:06 UTC" in message.body


def test_a_system_message_keeps_its_lines_and_is_bounded() -> None:
    message = render_system("polling fails", "first: <b>\nsecond\n" + "x" * 9_999)
    assert message.title == "gpu-monitor: polling fails"
    assert message.body.startswith("first: b\nsecond\n")
    assert BODY_LENGTH - 3 <= len(message.body) <= BODY_LENGTH


TEXT = st.text(max_size=300)
MONEY = st.none() | st.integers(-(2**63), 2**63).map(NanoDollars)
COUNT = st.integers(-(2**63), 2**63)
INSTANT = st.datetimes(timezones=st.just(UTC))
SIGHTING = st.builds(
    Sighting,
    hostnode_id=TEXT,
    gpu=TEXT,
    available=COUNT,
    price=MONEY,
    total=MONEY,
    city=st.none() | TEXT,
    country=st.none() | TEXT,
    tier=st.none() | COUNT,
    uptime=st.none() | st.floats(),
)
ANY_ALERT = st.builds(
    Alert,
    rule=TEXT,
    labels=st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple),
    state=st.sampled_from(AlertState),
    active_at=INSTANT,
    pending_since=INSTANT,
    firing_at=st.none() | INSTANT,
    resolved_at=st.none() | INSTANT,
    value=MONEY,
    offers=COUNT,
    best=st.lists(SIGHTING, max_size=7).map(tuple),
)
ANY_NOTICE = st.builds(
    Notice,
    rules=st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    marketplace=TEXT,
    severity=st.sampled_from(Severity),
    reason=st.sampled_from(NotifyReason),
    at=INSTANT,
    firing=st.lists(ANY_ALERT, max_size=7).map(tuple),
    resolved=st.lists(ANY_ALERT, max_size=2).map(tuple),
    missed=st.lists(ANY_ALERT, max_size=1).map(tuple),
    remark=TEXT,
)


@given(ANY_NOTICE, INSTANT)
def test_any_notice_becomes_a_bounded_message_with_a_title_of_one_line(
    any_notice: Notice, now: datetime
) -> None:
    message = render(any_notice, now=now)
    assert 0 < len(message.title) <= TITLE_LENGTH
    assert message.title.isprintable()
    assert 0 < len(message.body) <= BODY_LENGTH
    assert all(line.isprintable() for line in message.body.split("\n"))
    assert message.body == message.body.strip()
