"""Why a grab is where it stands: a word that programs read, and what a person reads after it.

A reason is stored as one text, `over_spend_per_day: 48.00 of 50.00 $ …`: `Cause.of` reads the word
again, `reason` writes both.
"""

from dataclasses import dataclass
from enum import StrEnum

from monitor.market.instance import NotCreatedReason


class Cause(StrEnum):
    """The word a reason begins with."""

    # Decided by our own policy: nothing was sent.
    PAUSED = "paused"
    """A person has paused buying."""
    STOP_FILE = "stop_file"
    """The stop file exists."""
    MODE = "mode"
    """The mode in force does not buy."""
    RULE_REMOVED = "rule_removed"
    """Its rule does not buy any more."""
    LIMIT_MISSING = "limit_missing"
    """Live buying without all five limits."""
    ONE_SHOT = "one_shot"
    """The rule has bought once, and may no more."""
    OVER_INSTANCES = "over_instances"
    OVER_TOTAL_PER_HOUR = "over_total_per_hour"
    OVER_SPEND_PER_DAY = "over_spend_per_day"
    OVER_SPEND_PER_MONTH = "over_spend_per_month"
    OVER_CREATES_PER_HOUR = "over_creates_per_hour"
    COOLDOWN = "cooldown"
    """The rule's last purchase is not long enough ago."""
    BACKING_OFF = "backing_off"
    """The marketplace refused for a reason that another hostnode would not change."""
    NO_CANDIDATE = "no_candidate"
    """No offer can be bought: too dear, too small, unpriced, or cooling down."""
    GONE = "gone"
    """The second look did not show the offer, or not enough of it."""
    DEARER = "dearer"
    """Dearer than it was quoted: at the second look, or on the bill."""
    EXPIRED = "expired"
    """Nobody approved it, or it could not be sent, in time."""
    UNREADABLE = "unreadable"
    """The second look failed, so that nothing is known."""

    # Steps of a purchase.
    DECIDED = "decided"
    WOULD_BUY = "would_buy"
    """A dry run: this would have been sent now."""
    APPROVED = "approved"
    SENT = "sent"
    CREATED = "created"
    UNCLEAR = "unclear"
    """It was sent, and no answer tells what came of it."""
    INTERRUPTED = "interrupted"
    """The program ended while it was being sent."""
    FOUND = "found"
    """The list shows an instance with its name."""
    NEVER_MADE = "never_made"
    """The list has not shown its name for long enough."""
    RUNNING = "running"
    ADOPTED = "adopted"
    """An instance with our name that no row knew."""
    RESOLVED = "resolved"
    """A person said what became of it."""

    # Why the marketplace made nothing.
    HOSTNODE = "hostnode"
    FUNDS = "funds"
    ACCESS = "access"
    REQUEST = "request"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"

    # Why it ends, and that it did.
    TIME_TO_LIVE = "time_to_live"
    SPENT = "spent"
    """`stop_when_spent` is reached."""
    LIMIT_REACHED = "limit_reached"
    """What may be spent on a day, or in a month, is spent."""
    REQUESTED = "requested"
    """A person asked for the end."""
    VANISHED = "vanished"
    """It is gone, and nobody here deleted it."""
    GONE_AS_ASKED = "gone_as_asked"
    """It was deleted, and the list no longer shows it."""

    @classmethod
    def of(cls, reason: str) -> "Cause | None":
        """Return the word that a stored reason begins with, if it is one."""
        return _CAUSES.get(reason.partition(":")[0])

    @classmethod
    def refused(cls, why: NotCreatedReason) -> "Cause":
        """Return the word for why a marketplace made nothing."""
        return cls(why.value)


_CAUSES = {cause.value: cause for cause in Cause}


def reason(cause: Cause, detail: str = "") -> str:
    """Return a reason as it is stored and shown."""
    return f"{cause.value}: {detail}" if detail else cause.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Our own no, and why."""

    cause: Cause
    detail: str

    @property
    def reason(self) -> str:
        """The reason as it is stored."""
        return reason(self.cause, self.detail)


OF_THE_HOSTNODE = frozenset(
    {Cause.HOSTNODE, Cause.GONE, Cause.DEARER, Cause.UNREADABLE, Cause.NEVER_MADE}
)
"""Another hostnode may do, and this one is left alone for a while."""

OF_THE_ACCOUNT = frozenset({Cause.FUNDS, Cause.ACCESS})
"""No hostnode will do until a person acts."""

PASSING = frozenset({Cause.THROTTLED, Cause.UNREACHABLE, Cause.UNREADABLE})
"""No hostnode will do for the moment; where it was one page that failed, the next one is tried."""
