"""A cycle's reads and writes are one transaction."""

from datetime import timedelta

import pytest

from monitor.alerting.notice import NO_TEMPLATES, Group, Notice, NotifyReason
from monitor.alerting.outbox import DestinationKey
from monitor.letter import Letter
from monitor.plan import Plan
from monitor.rules.alert import Severity
from monitor.store import alerts, history, outbox
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from tests.contract.samples import (
    LABELS,
    MINUTE,
    NOON,
    RULE,
    a_failure,
    a_poll,
    an_alert,
    at,
    selling,
)

GROUP = Group(key=(("marketplace", "tensordock"), ("rule", RULE)), wait_until=NOON)
LETTER = Letter(
    plan=Plan(rules={}, policies={}, destinations={"chat": (DestinationKey("discord#3f2a91ab"),)}),
    receivers=("chat",),
    templates=NO_TEMPLATES,
    notice=Notice(
        rules=(RULE,),
        marketplace="tensordock",
        severity=Severity.WARNING,
        reason=NotifyReason.FIRST,
        at=NOON,
        firing=(an_alert(),),
    ),
)


def cycle(ledgers: Ledgers, minutes: float, *prices: int) -> int:
    with ledgers.ledger("tensordock") as ledger:
        return ledger.record(a_poll(selling(at(minutes), *prices)), MINUTE)


def test_a_ledger_knows_what_was_before_its_poll(database: Database) -> None:
    ledgers = Ledgers(database)
    cycle(ledgers, 0, 2)
    with ledgers.ledger("tensordock") as ledger:
        assert ledger.record(a_failure(at(1)), MINUTE) == 0
        assert not ledger.before().failed_since
    with ledgers.ledger("tensordock") as ledger:
        assert ledger.before().last_good_at == NOON
        assert ledger.before().failed_since


def test_a_ledger_counts_the_offers_that_changed(database: Database) -> None:
    ledgers = Ledgers(database)
    assert [
        cycle(ledgers, minute, *prices) for minute, prices in enumerate([(2, 3), (2, 4), ()])
    ] == [2, 1, 2]


def test_all_that_a_cycle_writes_is_there_together(database: Database) -> None:
    with Ledgers(database).ledger("tensordock") as ledger:
        ledger.record(a_poll(selling(NOON, 2)), MINUTE)
        ledger.save([an_alert()], [])
        ledger.keep(GROUP)
        ledger.enqueue([LETTER], NOON)
    with Ledgers(database).ledger("tensordock") as ledger:
        assert ledger.alerts() == {(RULE, LABELS): an_alert()}
        assert ledger.groups() == {GROUP.key: GROUP}
        assert ledger.resolved(RULE, [LABELS]) == ()
        ledger.drop(GROUP)
        assert ledger.groups() == {}
    with database.read() as connection:
        assert outbox.lengths(connection) == {"chat": 1}
        assert history.latest(connection, "tensordock") is not None


def test_a_crash_before_the_commit_leaves_nothing(database: Database) -> None:
    def crash() -> None:
        with Ledgers(database).ledger("tensordock") as ledger:
            ledger.record(a_poll(selling(NOON, 2)), timedelta(minutes=1))
            ledger.save([an_alert()], [])
            ledger.enqueue([LETTER], NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    with database.read() as connection:
        assert history.latest(connection, "tensordock") is None
        assert alerts.load(connection, "tensordock") == {}
        assert outbox.lengths(connection) == {}
