"""The terms on which the market serves one call: its oddities, as values."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Ports(StrEnum):
    """What becomes of the external ports that were wished for."""

    AS_WISHED = "as_wished"
    REASSIGNED = "reassigned"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The usual terms by default; faults bend them."""

    ports: Ports = Ports.AS_WISHED
    ports_listed: bool = False
    rate_factor: float = 1.0
    hidden_for: timedelta = timedelta(0)
    """How long a new instance is missing from the list."""
    lingers_for: timedelta = timedelta(0)
    """How long a deleted instance stays listed."""
    vanish: bool = False
    """The newest instance is gone, as if it had never been."""


USUAL = Terms()
