"""Instances that carry our name: those in no row, those thought gone, and second ones.

What does not carry exactly a name of this installation is somebody else's, and is not even
mentioned. What does and is in no row is told, adopted or deleted, as configured; it is put into a
row before anything is done to it.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from monitor.alerting.notice import Message
from monitor.grab.acts import created, deleting
from monitor.grab.follow import reappeared
from monitor.grab.grab import COUNTING, Grab, GrabStatus, Mode, NewGrab
from monitor.grab.names import preset_of
from monitor.grab.reasons import Cause, reason
from monitor.grab.wish import Orphans
from monitor.market.instance import Instance, InstanceId, InstanceStatus
from monitor.provision import messages
from monitor.provision.base import Tools, log_step, write
from monitor.rules.alert import RuleName

ORPHANS = RuleName("orphan")
"""The rule that adopted instances are counted under."""
TELL_EVERY = timedelta(days=1)
"""How often an orphan that is left alone is told again: it costs money."""


class Orphanage:
    """Looks through good lists for what carries our name and is not followed."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._told: dict[InstanceId, datetime] = {}

    def survey(self, marketplace: str, listed: Iterable[Instance], now: datetime) -> None:
        """Look through one good list."""
        there = [each for each in listed if each.status is not InstanceStatus.DELETED]
        with self._tools.books.reading() as book:
            whose = book.installation()
            ours = [each for each in there if preset_of(each.name, whose) is not None]
            rows = book.named({each.name for each in ours})
        for instance in ours:
            row = rows.get(instance.name)
            if row is None:
                self._orphan(marketplace, instance, preset_of(instance.name, whose) or "", now)
            elif not _is_followed(row, instance):
                self._known(row, instance, now)

    def _known(self, row: Grab, instance: Instance, now: datetime) -> None:
        """Follow again what had ended and is there after all, or tell of a second one."""
        again = reappeared(row, instance, now)
        if again is None:
            self._tell(row.rule, instance, messages.double(row, instance), now)
            return
        with self._tools.books.book() as book:
            written = write(book, row, again, now)
        if written is not None:
            log_step(written)

    def _orphan(self, marketplace: str, instance: Instance, preset: str, now: datetime) -> None:
        match self._tools.buying().orphans:
            case Orphans.TELL:
                fate = "It is left alone, and costs money: delete it by hand, or set grab.orphans."
            case Orphans.ADOPT:
                adopted = self._adopt(marketplace, instance, preset, now)
                fate = f"It is followed from now on: gpu-monitor grabs show {adopted.id}"
            case Orphans.DELETE:
                adopted = self._adopt(marketplace, instance, preset, now, end=True)
                fate = f"It is being deleted: gpu-monitor grabs show {adopted.id}"
            case never:
                assert_never(never)
        self._tell(ORPHANS, instance, messages.orphan(instance, fate), now)

    def _adopt(
        self, marketplace: str, instance: Instance, preset: str, now: datetime, *, end: bool = False
    ) -> Grab:
        """Put an instance into a row; it is charged from now on, for nobody knows since when."""
        why = reason(Cause.ADOPTED, "the list showed it, and no row knew it")
        new = NewGrab(
            chain=self._tools.digits(),
            attempt=1,
            marketplace=marketplace,
            rule=ORPHANS,
            preset=preset,
            mode=Mode.LIVE,
            status=GrabStatus.CREATED,
            reason=why,
            instance_name=instance.name,
            created_at=now,
        )
        with self._tools.books.book() as book:
            added = book.add(new)
            known = replace(created(added, instance.id, why, now), submitted_at=now)
            after = deleting(known, why, now) if end else known
            adopted = write(book, added, after, now)
        if adopted is None:
            raise AssertionError("a row that was added is nobody else's")
        log_step(adopted)
        return adopted

    def _tell(self, rule: RuleName, instance: Instance, message: Message, now: datetime) -> None:
        """Tell of an instance, once a day; after a restart once more."""
        last = self._told.get(instance.id)
        if last is not None and now - last < TELL_EVERY:
            return
        self._tools.teller.tell(rule, message, urgent=True)
        self._told[instance.id] = now


def _is_followed(row: Grab, instance: Instance) -> bool:
    return row.status in COUNTING and row.instance_id in {None, instance.id}
