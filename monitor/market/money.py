"""Money as whole nano-dollars, so that caps compare exactly.

A price of 0.396667 $/h is 396_667_000 nano-dollars per hour. Dollars appear only at the edges.
"""

from decimal import Decimal
from typing import NewType

NanoDollars = NewType("NanoDollars", int)

NANO_PER_DOLLAR = 1_000_000_000


def nano(dollars: float | Decimal) -> NanoDollars:
    """Return `dollars` as nano-dollars, rounded to the nearest.

    Raises:
        OverflowError, ValueError: for infinities and not-a-number.
    """
    return NanoDollars(round(dollars * NANO_PER_DOLLAR))


def dollars(amount: NanoDollars) -> float:
    """Return nano-dollars as dollars, for JSON and metrics: 396_667_000 is 0.396667."""
    return amount / NANO_PER_DOLLAR


def show(amount: NanoDollars) -> str:
    """Return nano-dollars for a person: at least cents, and no digit that matters is dropped.

    2_200_000_000 is "2.20", 396_667_000 is "0.396667".
    """
    text = f"{Decimal(amount) / NANO_PER_DOLLAR:.9f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents:0<2}"
