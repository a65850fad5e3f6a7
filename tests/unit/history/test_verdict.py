"""Whether the present price is good, in one sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.history.pieces import Piece
from monitor.history.sketch import Sketch
from monitor.history.summary import Prices, Summary
from monitor.history.verdict import Verdict, percent
from monitor.history.window import Window
from monitor.market.money import NanoDollars

NOW = datetime(2026, 3, 31, tzinfo=UTC)
MONTH = Window(NOW - timedelta(days=30), NOW)


def cents(amount: int) -> NanoDollars:
    return NanoDollars(amount * 10_000_000)


def prices(*each: tuple[int, int]) -> Prices:
    """Return prices in cents, each for so many days, the first from the window's beginning on."""
    pieces, at = [], MONTH.since
    for price, days in each:
        pieces.append(Piece(at, at + timedelta(days=days), cents(price)))
        at += timedelta(days=days)
    found = Prices.of(pieces)
    assert found is not None
    return found


def verdict(price: int | None, best: Prices | None, covered: int = 30, **changes: Any) -> Verdict:
    fields: dict[str, Any] = {
        "gpu": "h100",
        "price": None if price is None else cents(price),
        "seen_at": NOW,
        "until": NOW,
        "span": "30 days",
        "past": Summary(window=MONTH, covered=timedelta(days=covered), best=best),
        "lowest": best and best.lowest,
    }
    return Verdict(**{**fields, **changes})


def test_a_good_price() -> None:
    best = prices((195, 3), (220, 27))
    assert verdict(210, best).sentence == (
        "cheapest h100 is 2.10 $/h, lower than 90 % of the last 30 days, "
        "historical low 1.95 on 1 March"
    )


def test_a_bad_price() -> None:
    assert (
        "higher than 90 % of the last 30 days" in verdict(230, prices((195, 27), (240, 3))).sentence
    )


def test_the_usual_price_is_neither() -> None:
    best = prices((195, 3), (210, 20), (230, 7))
    assert "is 2.10 $/h, as for 67 % of the last 30 days" in verdict(210, best).sentence


def test_the_usual_price_among_many_others_is_the_usual_one() -> None:
    """With so many prices they are rounded, a little up or down."""
    many: dict[int, int] = {cents(150 + each): 1 for each in range(40)}
    many[cents(210)] = 960
    best = replace(prices((150, 1), (210, 29)), sketch=Sketch.of(many))
    assert not best.is_exact
    assert "as for 96 % of the last 30 days" in verdict(210, best).sentence


def test_the_lowest_ever() -> None:
    assert verdict(180, prices((195, 30))).sentence.endswith("which is the historical low")


def test_a_low_of_another_year_has_its_year() -> None:
    piece = Piece(datetime(2025, 3, 3, tzinfo=UTC), datetime(2025, 3, 4, tzinfo=UTC), cents(150))
    ever = Prices.of([piece])
    assert (
        "historical low 1.50 on 3 March 2025"
        in verdict(210, prices((220, 30)), lowest=ever and ever.lowest).sentence
    )


def test_what_cannot_be_had_now() -> None:
    assert verdict(None, prices((195, 15))).sentence == (
        "h100 cannot be had; in the last 30 days it could be for 50 % of the time, "
        "historical low 1.95 on 1 March"
    )


def test_what_comes_for_the_first_time() -> None:
    assert verdict(210, None, lowest=None).sentence == (
        "cheapest h100 is 2.10 $/h, the first in the last 30 days"
    )


def test_nothing_is_said_without_a_poll() -> None:
    assert verdict(None, None, covered=0, seen_at=None).sentence == (
        "nothing is known of h100 in the last 30 days"
    )


def test_an_old_look_and_a_short_history_are_told() -> None:
    told = verdict(210, prices((220, 3)), covered=3, seen_at=NOW - timedelta(hours=2)).sentence
    assert told.startswith("as of 22:00 UTC on 30 March: cheapest")
    assert told.endswith("only 10 % of that time is known")


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0 %"), (0.001, "under 1 %"), (0.5, "50 %"), (0.999, "over 99 %"), (1, "100 %")],
)
def test_a_little_is_not_nothing_and_most_is_not_all(share: float, shown: str) -> None:
    assert percent(share) == shown
