"""A grab: one intent to create one instance on one hostnode, and all that became of it.

One grab is at most one request to create. A definite refusal ends it, and the next candidate is a
grab of its own with the same `chain`.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from monitor.market.hostnode import HostnodeId
from monitor.market.instance import Forward, InstanceId
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.rules.alert import RuleName

GrabId = NewType("GrabId", int)
NOTHING = NanoDollars(0)
MISSING = "missing"
"""In `Grab.told`: its instance cannot be found, and nobody says that it is gone."""
RENAMED = "renamed"
"""In `Grab.told`: its owner gave the instance another name, so it is not ours to end any more."""


class Mode(StrEnum):
    """What a rule that fires may do."""

    DRY_RUN = "dry_run"
    APPROVE = "approve"
    LIVE = "live"


class GrabStatus(StrEnum):
    """Where a grab stands; `docs/grabbing.md` draws the ways between them."""

    DRY_RUN = "dry_run"
    """All was decided and checked, nothing was sent. An end."""
    AWAITING_APPROVAL = "awaiting_approval"
    """A person is asked, until `valid_until`."""
    PLANNED = "planned"
    """Committed, not sent; it is too late for it at `valid_until`."""
    SUBMITTED = "submitted"
    """The request is being sent, or was when the program died: then it becomes unknown."""
    UNKNOWN = "unknown"
    """Sent, and no answer tells what came of it: it is never sent again, and counts as bought."""
    CREATED = "created"
    """The marketplace gave an id; it does not run yet."""
    RUNNING = "running"
    DELETING = "deleting"
    """To be deleted, until the marketplace shows it no longer; billed until then."""
    DELETED = "deleted"
    """An end."""
    REFUSED = "refused"
    """Our own policy said no; nothing was sent. An end."""
    FAILED = "failed"
    """The marketplace made nothing. An end, unless its name turns up after all."""
    EXPIRED = "expired"
    """Nobody approved it, or it could not be sent, in time. An end."""


BILLED = frozenset(
    {
        GrabStatus.SUBMITTED,
        GrabStatus.UNKNOWN,
        GrabStatus.CREATED,
        GrabStatus.RUNNING,
        GrabStatus.DELETING,
    }
)
"""Money is, or may be, spent on these."""

COUNTING = BILLED | {GrabStatus.PLANNED, GrabStatus.AWAITING_APPROVAL}
"""These count against every limit."""

ENDED = frozenset(GrabStatus) - COUNTING


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An offer that may be bought; `quoted` is nano-dollars per hour for the whole shape."""

    hostnode: HostnodeId
    gpu: GpuModel
    quoted: NanoDollars


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrab:
    """A grab that is not in the database yet.

    `cap` is the most per hour that was allowed when it was decided. `time_to_live`, counted from
    the sending, and `stop_when_spent` bound the instance's life. `rest` are the candidates after
    this one, best first. `reason` says why it is in this status, as `reasons.reason` writes it.
    `instance_name` is empty where nothing was ever to be sent.
    """

    chain: str
    attempt: int
    marketplace: str
    rule: RuleName
    preset: str
    mode: Mode
    status: GrabStatus
    reason: str
    instance_name: str
    hostnode: HostnodeId | None = None
    gpu: GpuModel | None = None
    quoted: NanoDollars | None = None
    cap: NanoDollars | None = None
    rest: tuple[Candidate, ...] = ()
    created_at: datetime
    valid_until: datetime | None = None
    time_to_live: timedelta | None = None
    stop_when_spent: NanoDollars | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grab(NewGrab):
    """A grab as it is stored.

    `billed` is what the marketplace bills per hour, `None` while it is not told. Money counts from
    `submitted_at` to `ended_at`; `spent` was counted until `spent_until`. `checks` counts how
    often a marketplace was asked in vain about the present status, and `check_at` is when it is
    asked next. `told` are the names of problems a person was told of, so that each is told once.
    """

    id: GrabId
    version: int
    submitted_at: datetime | None = None
    running_at: datetime | None = None
    ended_at: datetime | None = None
    instance_id: InstanceId | None = None
    billed: NanoDollars | None = None
    address: str | None = None
    forwards: tuple[Forward, ...] = ()
    spent: NanoDollars = NOTHING
    spent_until: datetime | None = None
    checks: int = 0
    check_at: datetime | None = None
    told: tuple[str, ...] = ()

    @property
    def ends_at(self) -> datetime | None:
        """When its `time_to_live` is over; `None` without one, or before it was sent."""
        if self.time_to_live is None or self.submitted_at is None or self.is_to_end:
            return None
        return self.submitted_at + self.time_to_live

    @property
    def is_to_end(self) -> bool:
        """Whether a person asked for its end: it has no time to live any more."""
        return self.time_to_live == timedelta(0)

    @property
    def is_renamed(self) -> bool:
        """Whether its instance was last seen under another name than ours."""
        return RENAMED in self.told

    @property
    def rate(self) -> NanoDollars:
        """Nano-dollars per hour to reckon with: the dearer of billed and quoted."""
        return NanoDollars(max(self.billed or 0, self.quoted or 0))


_NEW = tuple(each.name for each in fields(NewGrab))


def unwritten(new: NewGrab) -> Grab:
    """Return a grab that is not in the database yet, as if it were: without an id or a version."""
    return Grab(**{name: getattr(new, name) for name in _NEW}, id=GrabId(0), version=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrabEvent:
    """One step in a grab's history: a change of status, or something seen within one."""

    grab: GrabId
    at: datetime
    before: GrabStatus | None
    after: GrabStatus
    reason: str
