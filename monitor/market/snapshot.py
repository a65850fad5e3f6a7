"""A snapshot: all offers of one poll, and what could not be read of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum

from monitor.market.hostnode import Hostnode
from monitor.market.offer import Offer
from monitor.market.value import value

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Of what was before there is no history: nobody rented GPUs by the hour."""


class Outcome(StrEnum):
    """What one poll came to. Only `OK` is evidence; every other outcome freezes what is known."""

    OK = "ok"
    EMPTY = "empty"
    MALFORMED = "malformed"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    THROTTLED = "throttled"


class IssueReason(StrEnum):
    """Why a part of an answer was not used."""

    HOSTNODE_SHAPE = "hostnode_shape"
    OFFER_SHAPE = "offer_shape"
    DUPLICATE = "duplicate"
    UNPRICED = "unpriced"
    FIELD = "field"


@value
class Issue:
    """One part of an answer that was not used: where it stood (`$.data.hostnodes[3].id`), why."""

    reason: IssueReason
    path: str
    detail: str


@value
class HostnodeDetail:
    """One hostnode asked for by its id, what it offers, and what could not be read of it."""

    hostnode: Hostnode
    offers: tuple[Offer, ...]
    issues: tuple[Issue, ...] = ()


@value
class Snapshot:
    """All that one good poll of one marketplace saw at the instant `at` (aware, UTC).

    Hostnodes without offers are part of it, and so are offers of which 0 are available now. Ids
    are unique: of duplicates the first one counts. `issues` is bounded by who decoded the answer;
    `issues_left_out` counts the further ones, so that `issue_counts` is exact.
    """

    marketplace: str
    at: datetime
    hostnodes: tuple[Hostnode, ...]
    offers: tuple[Offer, ...]
    issues: tuple[Issue, ...] = ()
    issues_left_out: Mapping[IssueReason, int] = field(default_factory=dict)

    @property
    def issue_counts(self) -> Mapping[IssueReason, int]:
        """How many issues of each reason this poll met, listed or not."""
        return Counter(issue.reason for issue in self.issues) + Counter(self.issues_left_out)


@value
class Poll:
    """One poll and its outcome; `snapshot` is there when, and only when, the outcome is `OK`.

    `at` is the job's `now`, read once before the fetch; `duration` is the fetch and the decoding
    in seconds; `detail` says in one sentence what went wrong, without a secret.
    """

    marketplace: str
    at: datetime
    outcome: Outcome
    duration: float
    snapshot: Snapshot | None = None
    issues: tuple[Issue, ...] = ()
    detail: str = ""
