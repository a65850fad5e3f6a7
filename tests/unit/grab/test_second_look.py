"""The look at a hostnode right before a purchase, by a rule that asks something of the past."""

from datetime import timedelta

from monitor.grab.candidates import second_look
from monitor.market.money import nano
from monitor.rules.against import Against, Yardstick
from monitor.rules.conditions import AtMost, Attribute
from tests.unit.grab.buying import a_wish, an_offer

LOW = Against(yardstick=Yardstick.LOW, window=timedelta(days=30))
CAP = AtMost(attribute=Attribute.PRICE, limit=nano(2))


def test_what_was_low_when_it_was_decided_is_bought_as_long_as_it_is_not_dearer() -> None:
    """That it is not is checked against what was quoted; the past is not at hand any more."""
    wish = a_wish(conditions=(LOW, CAP))
    assert isinstance(second_look(wish, an_offer(dollars=2)), int)
    assert second_look(wish, an_offer(dollars=3)) == "1.00 $/h too dear"
